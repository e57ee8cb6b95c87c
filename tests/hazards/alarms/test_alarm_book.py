from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from detector.belt.now import BeltNow
from detector.hazards.alarms import alarm_book
from detector.hazards.alarms.alarm_book import CALM_NS, EXPIRE_NS, AlarmBook, AnswerRefusedError
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.tracking.tracker import Track
from detector.profile.line import ActionPoint, Alarms
from detector.wire.messages import (
    AlarmState,
    Alert,
    Hazard,
    ModelIdentity,
    Outcome,
    Priority,
    Revision,
)
from tests.fakes import BATTERY, GAS, make_card, sighting

EVERY_ONE_CALLS = Alarms(
    pile_mm=0, cell_mm=0, cells_per_minute=10_000, battery_calls_per_10_min=100
)
LINE = LineFacts(
    line="test",
    boot_id="b",
    model=ModelIdentity(name="test-n1", sha256="0" * 64),
    classes=make_card().classes,
    mm_basis="nominal",
    action_points=(),
    size_tolerance=1.5,
    alarms=EVERY_ONE_CALLS,
)
SECOND = 1_000_000_000


def belt_at(t_ns: int, speed: float | None = 400.0) -> BeltNow:
    return BeltNow(t_ns, t_ns, t_ns // SECOND, 0.0, speed, "picture")


def track(number: int, kind: int = BATTERY, score: float = 0.6) -> Track:
    y_mm = 100 + 2000 * number  # no two of them are a pile
    seen = sighting(100, y_mm, class_index=kind, score=score)
    made = Track(number, seen, 0, 100, y_mm, best_score=score, hits=3, looks=3, confirmed=True)
    made.class_index = kind
    made.votes[kind] = 3
    made.sizes_mm.append((seen.width_mm, seen.height_mm))
    return made


def told(alerts: list[Alert]) -> list[tuple[Revision, AlarmState]]:
    return [(alert.kind, alert.state) for alert in alerts]


class TestOneObject:
    def test_it_is_raised_once_told_each_second_and_cleared_when_it_has_left(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        (raised,) = book.report([battery], [], belt_at(0))
        assert raised.kind is Revision.RAISED
        assert (raised.hazard, raised.priority) == (Hazard.BATTERY, Priority.MEDIUM)
        assert raised.place is not None
        assert book.report([battery], [], belt_at(SECOND // 2)) == []
        assert told(book.report([battery], [], belt_at(SECOND))) == [
            (Revision.UPDATED, AlarmState.UNACKNOWLEDGED)
        ]
        assert told(book.report([], [battery], belt_at(2 * SECOND))) == [
            (Revision.CLEARED, AlarmState.RETURNED_UNACKNOWLEDGED)
        ]

    def test_while_the_belt_stands_that_is_told_and_then_little_more(self) -> None:
        """A night beside a thing in view must not push out of the journal what was missed."""
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, battery = AlarmBook(replace(LINE, action_points=(picker,))), track(1)
        (raised,) = book.report([battery], [], belt_at(0))
        assert raised.arrivals
        night = [
            alert
            for t_s in range(1, 3600)
            for alert in book.report([battery], [], belt_at(t_s * SECOND, speed=0.0))
        ]
        assert (night[0].t_capture_mono_ns, night[0].arrivals) == (SECOND, ())
        assert len(night) == 3600 / 30
        (on,) = book.report([battery], [], belt_at(3600 * SECOND))
        assert on.arrivals

    def test_a_revision_of_long_after_it_was_seen_counts_its_arrivals_from_its_own_moment(
        self,
    ) -> None:
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, battery = AlarmBook(replace(LINE, action_points=(picker,))), track(1)
        (raised,) = book.report([battery], [], belt_at(0))
        later = replace(belt_at(3 * SECOND), position_mm=800.0)  # it stood for a second
        (seen,) = book.acknowledge(raised.event_id, later)
        assert seen.place == raised.place
        assert seen.arrivals[0].eta_ms == pytest.approx(raised.arrivals[0].eta_ms - 2000)
        assert seen.arrivals[0].t_deadline_utc_ns == pytest.approx(
            raised.arrivals[0].t_deadline_utc_ns + SECOND
        )

    def test_what_is_answered_while_nobody_sees_the_belt_does_not_stop_the_countdown(self) -> None:
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, gas = AlarmBook(replace(LINE, action_points=(picker,))), track(1, GAS)
        (raised,) = book.report([gas], [], belt_at(0))
        (seen,) = book.acknowledge(
            raised.event_id, belt_at(0).without_frame(3 * SECOND, 3 * SECOND)
        )
        assert seen.arrivals[0].eta_ms == pytest.approx(raised.arrivals[0].eta_ms - 3000)

    def test_a_score_that_grows_much_is_news_at_once(self) -> None:
        book, battery = AlarmBook(LINE), track(1, score=0.5)
        book.report([battery], [], belt_at(0))
        battery.best_score = 0.55
        assert book.report([battery], [], belt_at(1)) == []
        battery.best_score = 0.7
        (news,) = book.report([battery], [], belt_at(2))
        assert news.probability == 0.7

    def test_gas_is_latched_until_somebody_says_what_became_of_it(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.report([gas], [], belt_at(0))
        assert raised.priority is Priority.HIGH
        assert told(book.report([], [gas], belt_at(1))) == [(Revision.UPDATED, AlarmState.LATCHED)]
        (seen,) = book.acknowledge(raised.event_id, belt_at(2))
        assert seen.state is AlarmState.LATCHED
        assert book.report([], [], belt_at(1000 * EXPIRE_NS)) == []
        (closed,) = book.close(raised.event_id, Outcome.REMOVED, belt_at(1001 * EXPIRE_NS))
        assert (closed.kind, closed.state) == (Revision.CLEARED, AlarmState.NORMAL)
        assert closed.outcome is Outcome.REMOVED
        assert book.active == 0

    def test_closed_while_in_view_it_never_comes_back(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.report([gas], [], belt_at(0))
        book.close(raised.event_id, Outcome.FALSE_ALARM, belt_at(1))
        for n in range(5):
            gas.best_score += 0.09
            assert book.report([gas], [], belt_at((n + 2) * SECOND)) == []
        assert book.report([], [gas], belt_at(9 * SECOND)) == []

    def test_an_acknowledged_battery_that_proves_to_be_gas_asks_again(self) -> None:
        book, thing = AlarmBook(LINE), track(1)
        (raised,) = book.report([thing], [], belt_at(0))
        (seen,) = book.acknowledge(raised.event_id, belt_at(1))
        assert seen.state is AlarmState.ACKNOWLEDGED
        thing.class_index = GAS
        (news,) = book.report([thing], [], belt_at(2))
        assert news.event_id == raised.event_id
        assert (news.hazard, news.priority) == (Hazard.GAS, Priority.HIGH)
        assert news.state is AlarmState.UNACKNOWLEDGED

    def test_an_implausible_size_raises_nothing_until_it_is_plausible(self) -> None:
        book, thing = AlarmBook(LINE), track(1)
        thing.sizes_mm.clear()
        thing.sizes_mm.append((900, 100))
        assert book.report([thing], [], belt_at(0)) == []
        thing.sizes_mm.extend([(60, 20), (60, 20)])
        assert told(book.report([thing], [], belt_at(1)))[0][0] is Revision.RAISED

    def test_while_the_belt_stands_it_is_suppressed_and_asks_when_it_runs(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.report([gas], [], belt_at(0, speed=0))
        assert raised.state is AlarmState.SUPPRESSED
        assert book.report([gas], [], belt_at(1, speed=0)) == []
        assert told(book.report([gas], [], belt_at(2))) == [
            (Revision.UPDATED, AlarmState.UNACKNOWLEDGED)
        ]

    def test_what_nobody_acknowledged_expires(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        book.report([battery], [], belt_at(0))
        book.report([], [battery], belt_at(1))
        assert book.report([], [], belt_at(EXPIRE_NS)) == []
        assert told(book.report([], [], belt_at(EXPIRE_NS + 1))) == [
            (Revision.EXPIRED, AlarmState.NORMAL)
        ]
        assert book.active == 0


class TestAStateOfTheLine:
    def test_it_is_raised_updated_at_most_each_second_and_cleared(self) -> None:
        book = AlarmBook(LINE)
        (raised,) = book.line_state(Hazard.OVERLOAD, True, "coverage 90%", belt_at(0))
        assert (raised.kind, raised.detail, raised.place) == (Revision.RAISED, "coverage 90%", None)
        assert book.line_state(Hazard.OVERLOAD, True, "coverage 91%", belt_at(SECOND // 2)) == []
        assert len(book.line_state(Hazard.OVERLOAD, True, "coverage 92%", belt_at(SECOND))) == 1
        (cleared,) = book.line_state(Hazard.OVERLOAD, False, None, belt_at(SECOND + CALM_NS))
        assert (cleared.kind, cleared.detail) == (Revision.CLEARED, "coverage 92%")

    def test_one_that_comes_and_goes_is_one_alarm_and_no_flood(self) -> None:
        book, alerts = AlarmBook(LINE), []
        for n in range(100):
            alerts += book.line_state(
                Hazard.VISION_UNAVAILABLE, n % 2 == 0, "engine", belt_at(n * SECOND // 30)
            )
        assert told(alerts) == [(Revision.RAISED, AlarmState.UNACKNOWLEDGED)]

    def test_one_that_comes_back_before_it_was_acknowledged_is_the_same_alarm(self) -> None:
        book = AlarmBook(LINE)
        (first,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(0))
        book.line_state(Hazard.OVERLOAD, False, None, belt_at(CALM_NS))
        (again,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(2 * CALM_NS))
        assert (again.event_id, again.kind) == (first.event_id, Revision.RAISED)
        book.acknowledge(again.event_id, belt_at(2 * CALM_NS))
        book.line_state(Hazard.OVERLOAD, False, None, belt_at(4 * CALM_NS))
        (another,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(5 * CALM_NS))
        assert another.event_id != first.event_id

    def test_a_shelved_one_asks_again_when_the_time_is_over(self) -> None:
        book = AlarmBook(LINE)
        book.shelve(Hazard.OVERLOAD, 1, belt_at(0))
        (raised,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(1))
        assert raised.state is AlarmState.SHELVED
        assert book.line_state(Hazard.OVERLOAD, True, "a", belt_at(2)) == []
        assert told(book.line_state(Hazard.OVERLOAD, True, "a", belt_at(61 * SECOND))) == [
            (Revision.UPDATED, AlarmState.UNACKNOWLEDGED)
        ]

    def test_it_can_t_be_closed_while_it_lasts(self) -> None:
        book = AlarmBook(LINE)
        (raised,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(0))
        with pytest.raises(AnswerRefusedError, match="ends with it"):
            book.close(raised.event_id, Outcome.REMOVED, belt_at(1))

    def test_a_blind_line_is_told_while_the_belt_stands_and_is_never_shelved(self) -> None:
        book = AlarmBook(LINE)
        with pytest.raises(AnswerRefusedError, match="never shelved"):
            book.shelve(Hazard.VISION_UNAVAILABLE, 5, belt_at(0))
        (raised,) = book.line_state(
            Hazard.VISION_UNAVAILABLE, True, "no frame", belt_at(1, speed=0)
        )
        assert raised.state is AlarmState.UNACKNOWLEDGED


def test_for_how_long_the_belt_stands_is_told_twice_a_minute() -> None:
    book, alerts = AlarmBook(LINE), []
    for t_s in range(3600):
        standing, cue = belt_at(t_s * SECOND, speed=0.0), f"stands for {t_s} s"
        alerts += book.line_state(Hazard.BELT_STANDING, True, cue, standing)
    assert len(alerts) == 3600 / 30


def test_an_answer_to_no_open_alarm_is_refused() -> None:
    with pytest.raises(AnswerRefusedError, match="a000009"):
        AlarmBook(LINE).acknowledge("a000009", belt_at(0))


def test_too_many_open_alarms_expire_and_gas_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_book, "OPEN_MAX", 10)
    book, alerts = AlarmBook(LINE), []
    for n in range(30):
        thing = track(n, GAS if n < 8 else BATTERY)
        alerts += book.report([thing], [], belt_at(3 * n))
        alerts += book.report([], [thing], belt_at(3 * n + 1))
        assert book.active <= 10 + 1
    expired = [alert for alert in alerts if alert.kind is Revision.EXPIRED]
    assert {alert.hazard for alert in expired} == {Hazard.BATTERY}


LEGAL = {
    AlarmState.UNACKNOWLEDGED: set(AlarmState) - {AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE},
    AlarmState.ACKNOWLEDGED: {
        AlarmState.ACKNOWLEDGED,
        AlarmState.UNACKNOWLEDGED,  # proved to be gas
        AlarmState.LATCHED,
        AlarmState.NORMAL,
    },
    AlarmState.RETURNED_UNACKNOWLEDGED: {
        AlarmState.RETURNED_UNACKNOWLEDGED,  # one more lies in its pile
        AlarmState.NORMAL,
        AlarmState.UNACKNOWLEDGED,  # the line's state came back
        AlarmState.SHELVED,
        AlarmState.SUPPRESSED,
    },
    AlarmState.LATCHED: {AlarmState.LATCHED, AlarmState.NORMAL},
    AlarmState.SHELVED: set(AlarmState)
    - {AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED},
    AlarmState.SUPPRESSED: set(AlarmState)
    - {AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.OUT_OF_SERVICE},
    AlarmState.NORMAL: set(),
}
CROWDED = Alarms(pile_mm=1000, cells_per_minute=3, battery_calls_per_10_min=3)
LINE_STATES = (Hazard.OVERLOAD, Hazard.JAM, Hazard.VISION_UNAVAILABLE)


class AnyShift(RuleBasedStateMachine):
    """A shift of the line: things come and go, people answer, the belt stops and runs."""

    @initialize(alarms=st.sampled_from([EVERY_ONE_CALLS, Alarms(), CROWDED]))
    def start(self, alarms: Alarms) -> None:
        self.book = AlarmBook(replace(LINE, alarms=alarms))
        self.t_ns = 0
        self.speed: float | None = 400.0
        self.in_view: list[Track] = []
        self.number = 0
        self.history: dict[str, list[Alert]] = defaultdict(list)

    def now(self) -> BeltNow:
        return replace(belt_at(self.t_ns), speed_mm_s=self.speed)

    def take(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self.history[alert.event_id].append(alert)

    @rule(kind=st.sampled_from([GAS, BATTERY]), score=st.floats(0.3, 1))
    def a_thing_comes(self, kind: int, score: float) -> None:
        self.number += 1
        thing = track(self.number, kind, score)
        thing.y_mm = 700.0 * self.number
        self.in_view.append(thing)
        self.take(self.book.report(self.in_view, [], self.now()))

    @precondition(lambda self: self.in_view)
    @rule(data=st.data())
    def a_thing_leaves(self, data: st.DataObject) -> None:
        gone = self.in_view.pop(data.draw(st.integers(0, len(self.in_view) - 1)))
        self.take(self.book.report(self.in_view, [gone], self.now()))

    @precondition(lambda self: self.in_view)
    @rule(data=st.data(), kind=st.sampled_from([GAS, BATTERY]))
    def a_thing_proves_to_be_another(self, data: st.DataObject, kind: int) -> None:
        data.draw(st.sampled_from(self.in_view)).class_index = kind
        self.take(self.book.report(self.in_view, [], self.now()))

    @rule(seconds=st.sampled_from([0.03, 0.5, 1.5, 20, 61, 400]))
    def time_passes(self, seconds: float) -> None:
        self.t_ns += int(seconds * SECOND)
        self.take(self.book.report(self.in_view, [], self.now()))

    @rule(speed=st.sampled_from([None, 0.0, 400.0]))
    def the_belt_changes(self, speed: float | None) -> None:
        self.speed = speed
        self.take(self.book.report(self.in_view, [], self.now()))

    @rule(hazard=st.sampled_from(LINE_STATES), active=st.booleans(), detail=st.sampled_from("ab"))
    def the_line_changes(self, hazard: Hazard, active: bool, detail: str) -> None:
        self.take(self.book.line_state(hazard, active, detail, self.now()))

    @rule(hazard=st.sampled_from(list(Hazard)), minutes=st.sampled_from([0.1, 5.0]))
    def somebody_shelves(self, hazard: Hazard, minutes: float) -> None:
        if hazard is Hazard.VISION_UNAVAILABLE:
            with pytest.raises(AnswerRefusedError):
                self.book.shelve(hazard, minutes, self.now())
        else:
            self.take(self.book.shelve(hazard, minutes, self.now()))

    @precondition(lambda self: self.history)
    @rule(data=st.data(), outcome=st.sampled_from([None, *Outcome]))
    def somebody_answers(self, data: st.DataObject, outcome: Outcome | None) -> None:
        event_id = data.draw(st.sampled_from(sorted(self.history)))
        ended = self.history[event_id][-1].state is AlarmState.NORMAL
        try:
            if outcome is None:
                alerts = self.book.acknowledge(event_id, self.now())
            else:
                alerts = self.book.close(event_id, outcome, self.now())
        except AnswerRefusedError:
            assert ended or self.history[event_id][-1].track is None
        else:
            assert not ended
            self.take(alerts)

    @invariant()
    def revisions_count_up_without_a_gap(self) -> None:
        for alerts in self.history.values():
            assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))
            assert alerts[0].kind is Revision.RAISED

    @invariant()
    def states_follow_each_other_legally_and_an_ended_alarm_stays_so(self) -> None:
        for alerts in self.history.values():
            for before, after in pairwise(alerts):
                assert after.state in LEGAL[before.state], (before.state, after.state)

    @invariant()
    def one_object_has_one_alert(self) -> None:
        tracks = [alerts[0].track for alerts in self.history.values()]
        objects = [number for number in tracks if number is not None]
        assert len(objects) == len(set(objects))

    @invariant()
    def gas_ends_by_an_outcome_alone(self) -> None:
        for alerts in self.history.values():
            if alerts[-1].state is AlarmState.NORMAL and alerts[-1].hazard is Hazard.GAS:
                assert alerts[-1].outcome is not None

    @invariant()
    def a_blind_line_is_never_shelved_or_suppressed(self) -> None:
        for alerts in self.history.values():
            if alerts[0].hazard is Hazard.VISION_UNAVAILABLE:
                held_back = {AlarmState.SHELVED, AlarmState.SUPPRESSED}
                assert not held_back & {alert.state for alert in alerts}

    @invariant()
    def who_comes_late_is_told_just_what_is_open(self) -> None:
        still_open = {
            alerts[-1].event_id: alerts[-1]
            for alerts in self.history.values()
            if alerts[-1].state is not AlarmState.NORMAL
        }
        assert {alert.event_id: alert for alert in self.book.open_alerts()} == still_open
        assert self.book.active == len(still_open)


TestAnyShift = AnyShift.TestCase
TestAnyShift.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
