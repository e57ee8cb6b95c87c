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
from detector.hazards.alarms.alarm_book import (
    EXPIRE_NS,
    OFF_DELAY_NS,
    AlarmBook,
    AnswerRefusedError,
)
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
from tests.fakes import BATTERY, GAS, belt_detection, make_card

ALL_CALL = Alarms(pile_mm=0, cell_mm=0, cells_per_minute=10_000, battery_calls_per_10_min=100)
LINE = LineFacts(
    line="test",
    boot_id="b",
    model=ModelIdentity(name="test-n1", sha256="0" * 64),
    classes=make_card().classes,
    mm_basis="nominal",
    action_points=(),
    size_tolerance=1.5,
    alarms=ALL_CALL,
)
SECOND = 1_000_000_000


def belt_at(t_ns: int, speed: float | None = 400.0) -> BeltNow:
    return BeltNow(t_ns, t_ns, t_ns // SECOND, 0.0, speed, "image")


def track(number: int, kind: int = BATTERY, score: float = 0.6) -> Track:
    y_mm = 100 + 2000 * number  # too far apart for a pile
    detection = belt_detection(100, y_mm, class_index=kind, score=score)
    made = Track(number, detection, 0, 100, y_mm, best_score=score, hits=3, passes=3)
    made.confirmed = True
    made.class_index = kind
    made.votes[kind] = 3
    made.sizes_mm.append((detection.width_mm, detection.height_mm))
    return made


def kinds_and_states(alerts: list[Alert]) -> list[tuple[Revision, AlarmState]]:
    return [(alert.kind, alert.state) for alert in alerts]


class TestOneObject:
    def test_it_is_raised_once_updated_each_second_and_cleared_when_it_leaves(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        (raised,) = book.update([battery], [], belt_at(0))
        assert raised.kind is Revision.RAISED
        assert (raised.hazard, raised.priority) == (Hazard.BATTERY, Priority.MEDIUM)
        assert raised.place is not None
        assert book.update([battery], [], belt_at(SECOND // 2)) == []
        assert kinds_and_states(book.update([battery], [], belt_at(SECOND))) == [
            (Revision.UPDATED, AlarmState.UNACKNOWLEDGED)
        ]
        assert kinds_and_states(book.update([], [battery], belt_at(2 * SECOND))) == [
            (Revision.CLEARED, AlarmState.RETURNED_UNACKNOWLEDGED)
        ]

    def test_updates_are_rare_once_the_belt_is_stopped(self) -> None:
        """An object in view overnight must not displace missed revisions from the journal."""
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, battery = AlarmBook(replace(LINE, action_points=(picker,))), track(1)
        (raised,) = book.update([battery], [], belt_at(0))
        assert raised.arrivals
        night = [
            alert
            for t_s in range(1, 3600)
            for alert in book.update([battery], [], belt_at(t_s * SECOND, speed=0.0))
        ]
        assert (night[0].t_capture_mono_ns, night[0].arrivals) == (SECOND, ())
        assert len(night) == 3600 / 30
        (running,) = book.update([battery], [], belt_at(3600 * SECOND))
        assert running.arrivals

    def test_a_later_revision_counts_its_arrivals_from_its_own_time(
        self,
    ) -> None:
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, battery = AlarmBook(replace(LINE, action_points=(picker,))), track(1)
        (raised,) = book.update([battery], [], belt_at(0))
        later = replace(belt_at(3 * SECOND), position_mm=800.0)  # stopped for one second
        (acknowledged,) = book.acknowledge(raised.event_id, later)
        assert acknowledged.place == raised.place
        assert acknowledged.arrivals[0].eta_ms == pytest.approx(raised.arrivals[0].eta_ms - 2000)
        assert acknowledged.arrivals[0].t_deadline_utc_ns == pytest.approx(
            raised.arrivals[0].t_deadline_utc_ns + SECOND
        )

    def test_an_answer_while_vision_is_unavailable_does_not_stop_the_countdown(self) -> None:
        picker = ActionPoint(name="picker", y_mm=5000, acting_ms=1000)
        book, gas = AlarmBook(replace(LINE, action_points=(picker,))), track(1, GAS)
        (raised,) = book.update([gas], [], belt_at(0))
        (acknowledged,) = book.acknowledge(
            raised.event_id, belt_at(0).without_frame(3 * SECOND, 3 * SECOND)
        )
        assert acknowledged.arrivals[0].eta_ms == pytest.approx(raised.arrivals[0].eta_ms - 3000)

    def test_a_large_rise_of_the_score_is_published_at_once(self) -> None:
        book, battery = AlarmBook(LINE), track(1, score=0.5)
        book.update([battery], [], belt_at(0))
        battery.best_score = 0.55
        assert book.update([battery], [], belt_at(1)) == []
        battery.best_score = 0.7
        (update,) = book.update([battery], [], belt_at(2))
        assert update.probability == 0.7

    def test_gas_is_latched_until_an_outcome_is_reported(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.update([gas], [], belt_at(0))
        assert raised.priority is Priority.HIGH
        assert kinds_and_states(book.update([], [gas], belt_at(1))) == [
            (Revision.UPDATED, AlarmState.LATCHED)
        ]
        (acknowledged,) = book.acknowledge(raised.event_id, belt_at(2))
        assert acknowledged.state is AlarmState.LATCHED
        assert book.update([], [], belt_at(1000 * EXPIRE_NS)) == []
        (closed,) = book.close(raised.event_id, Outcome.REMOVED, belt_at(1001 * EXPIRE_NS))
        assert (closed.kind, closed.state) == (Revision.CLEARED, AlarmState.NORMAL)
        assert closed.outcome is Outcome.REMOVED
        assert book.active == 0

    def test_an_alarm_closed_while_in_view_is_not_raised_again(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.update([gas], [], belt_at(0))
        book.close(raised.event_id, Outcome.FALSE_ALARM, belt_at(1))
        for n in range(5):
            gas.best_score += 0.09
            assert book.update([gas], [], belt_at((n + 2) * SECOND)) == []
        assert book.update([], [gas], belt_at(9 * SECOND)) == []

    def test_an_acknowledged_battery_that_proves_to_be_gas_is_unacknowledged_again(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        (raised,) = book.update([battery], [], belt_at(0))
        (acknowledged,) = book.acknowledge(raised.event_id, belt_at(1))
        assert acknowledged.state is AlarmState.ACKNOWLEDGED
        battery.class_index = GAS
        (update,) = book.update([battery], [], belt_at(2))
        assert update.event_id == raised.event_id
        assert (update.hazard, update.priority) == (Hazard.GAS, Priority.HIGH)
        assert update.state is AlarmState.UNACKNOWLEDGED

    def test_an_implausible_size_raises_nothing_until_it_is_plausible(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        battery.sizes_mm.clear()
        battery.sizes_mm.append((900, 100))
        assert book.update([battery], [], belt_at(0)) == []
        battery.sizes_mm.extend([(60, 20), (60, 20)])
        assert kinds_and_states(book.update([battery], [], belt_at(1)))[0][0] is Revision.RAISED

    def test_it_is_suppressed_on_a_stopped_belt_and_unacknowledged_once_the_belt_runs(self) -> None:
        book, gas = AlarmBook(LINE), track(1, GAS)
        (raised,) = book.update([gas], [], belt_at(0, speed=0))
        assert raised.state is AlarmState.SUPPRESSED
        assert book.update([gas], [], belt_at(1, speed=0)) == []
        assert kinds_and_states(book.update([gas], [], belt_at(2))) == [
            (Revision.UPDATED, AlarmState.UNACKNOWLEDGED)
        ]

    def test_an_unacknowledged_alarm_expires(self) -> None:
        book, battery = AlarmBook(LINE), track(1)
        book.update([battery], [], belt_at(0))
        book.update([], [battery], belt_at(1))
        assert book.update([], [], belt_at(EXPIRE_NS)) == []
        assert kinds_and_states(book.update([], [], belt_at(EXPIRE_NS + 1))) == [
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
        (cleared,) = book.line_state(Hazard.OVERLOAD, False, None, belt_at(SECOND + OFF_DELAY_NS))
        assert (cleared.kind, cleared.detail) == (Revision.CLEARED, "coverage 92%")

    def test_a_state_that_comes_and_goes_is_one_alarm_not_a_flood(self) -> None:
        book, alerts = AlarmBook(LINE), []
        for n in range(100):
            alerts += book.line_state(
                Hazard.VISION_UNAVAILABLE, n % 2 == 0, "engine", belt_at(n * SECOND // 30)
            )
        assert kinds_and_states(alerts) == [(Revision.RAISED, AlarmState.UNACKNOWLEDGED)]

    def test_a_state_that_returns_before_its_acknowledgement_is_the_same_alarm(self) -> None:
        book = AlarmBook(LINE)
        (first,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(0))
        book.line_state(Hazard.OVERLOAD, False, None, belt_at(OFF_DELAY_NS))
        (again,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(2 * OFF_DELAY_NS))
        assert (again.event_id, again.kind) == (first.event_id, Revision.RAISED)
        book.acknowledge(again.event_id, belt_at(2 * OFF_DELAY_NS))
        book.line_state(Hazard.OVERLOAD, False, None, belt_at(4 * OFF_DELAY_NS))
        (another,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(5 * OFF_DELAY_NS))
        assert another.event_id != first.event_id

    def test_a_shelved_one_is_unacknowledged_when_its_time_is_over(self) -> None:
        book = AlarmBook(LINE)
        book.shelve(Hazard.OVERLOAD, 1, belt_at(0))
        (raised,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(1))
        assert raised.state is AlarmState.SHELVED
        assert book.line_state(Hazard.OVERLOAD, True, "a", belt_at(2)) == []
        assert kinds_and_states(
            book.line_state(Hazard.OVERLOAD, True, "a", belt_at(61 * SECOND))
        ) == [(Revision.UPDATED, AlarmState.UNACKNOWLEDGED)]

    def test_it_cannot_be_closed_while_it_is_active(self) -> None:
        book = AlarmBook(LINE)
        (raised,) = book.line_state(Hazard.OVERLOAD, True, "a", belt_at(0))
        with pytest.raises(AnswerRefusedError, match="ends with it"):
            book.close(raised.event_id, Outcome.REMOVED, belt_at(1))

    def test_unavailable_vision_is_neither_suppressed_on_a_stopped_belt_nor_shelved(self) -> None:
        book = AlarmBook(LINE)
        with pytest.raises(AnswerRefusedError, match="never shelved"):
            book.shelve(Hazard.VISION_UNAVAILABLE, 5, belt_at(0))
        (raised,) = book.line_state(
            Hazard.VISION_UNAVAILABLE, True, "no frame", belt_at(1, speed=0)
        )
        assert raised.state is AlarmState.UNACKNOWLEDGED


def test_the_duration_of_a_stop_is_published_twice_a_minute() -> None:
    book, alerts = AlarmBook(LINE), []
    for t_s in range(3600):
        stopped, cue = belt_at(t_s * SECOND, speed=0.0), f"stopped for {t_s} s"
        alerts += book.line_state(Hazard.BELT_STOPPED, True, cue, stopped)
    assert len(alerts) == 3600 / 30


def test_an_answer_to_an_alarm_that_is_not_open_is_refused() -> None:
    with pytest.raises(AnswerRefusedError, match="a000009"):
        AlarmBook(LINE).acknowledge("a000009", belt_at(0))


def test_excess_open_alarms_expire_gas_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_book, "OPEN_MAX", 10)
    book, alerts = AlarmBook(LINE), []
    for n in range(30):
        item = track(n, GAS if n < 8 else BATTERY)
        alerts += book.update([item], [], belt_at(3 * n))
        alerts += book.update([], [item], belt_at(3 * n + 1))
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
        AlarmState.RETURNED_UNACKNOWLEDGED,  # an object joins its pile
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
FLOODED = Alarms(pile_mm=1000, cells_per_minute=3, battery_calls_per_10_min=3)
LINE_STATES = (Hazard.OVERLOAD, Hazard.JAM, Hazard.VISION_UNAVAILABLE)


class AnyShift(RuleBasedStateMachine):
    """A shift of the line: objects pass, operators answer, the belt stops and runs."""

    @initialize(alarms=st.sampled_from([ALL_CALL, Alarms(), FLOODED]))
    def start(self, alarms: Alarms) -> None:
        self.book = AlarmBook(replace(LINE, alarms=alarms))
        self.t_ns = 0
        self.speed: float | None = 400.0
        self.in_view: list[Track] = []
        self.number = 0
        self.history: dict[str, list[Alert]] = defaultdict(list)

    def now(self) -> BeltNow:
        return replace(belt_at(self.t_ns), speed_mm_s=self.speed)

    def record(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self.history[alert.event_id].append(alert)

    @rule(kind=st.sampled_from([GAS, BATTERY]), score=st.floats(0.3, 1))
    def an_object_comes(self, kind: int, score: float) -> None:
        self.number += 1
        new = track(self.number, kind, score)
        new.y_mm = 700.0 * self.number
        self.in_view.append(new)
        self.record(self.book.update(self.in_view, [], self.now()))

    @precondition(lambda self: self.in_view)
    @rule(data=st.data())
    def an_object_leaves(self, data: st.DataObject) -> None:
        gone = self.in_view.pop(data.draw(st.integers(0, len(self.in_view) - 1)))
        self.record(self.book.update(self.in_view, [gone], self.now()))

    @precondition(lambda self: self.in_view)
    @rule(data=st.data(), kind=st.sampled_from([GAS, BATTERY]))
    def an_object_proves_to_be_another(self, data: st.DataObject, kind: int) -> None:
        data.draw(st.sampled_from(self.in_view)).class_index = kind
        self.record(self.book.update(self.in_view, [], self.now()))

    @rule(seconds=st.sampled_from([0.03, 0.5, 1.5, 20, 61, 400]))
    def time_passes(self, seconds: float) -> None:
        self.t_ns += int(seconds * SECOND)
        self.record(self.book.update(self.in_view, [], self.now()))

    @rule(speed=st.sampled_from([None, 0.0, 400.0]))
    def the_belt_changes(self, speed: float | None) -> None:
        self.speed = speed
        self.record(self.book.update(self.in_view, [], self.now()))

    @rule(hazard=st.sampled_from(LINE_STATES), active=st.booleans(), detail=st.sampled_from("ab"))
    def the_line_changes(self, hazard: Hazard, active: bool, detail: str) -> None:
        self.record(self.book.line_state(hazard, active, detail, self.now()))

    @rule(hazard=st.sampled_from(list(Hazard)), minutes=st.sampled_from([0.1, 5.0]))
    def an_operator_shelves(self, hazard: Hazard, minutes: float) -> None:
        if hazard is Hazard.VISION_UNAVAILABLE:
            with pytest.raises(AnswerRefusedError):
                self.book.shelve(hazard, minutes, self.now())
        else:
            self.record(self.book.shelve(hazard, minutes, self.now()))

    @precondition(lambda self: self.history)
    @rule(data=st.data(), outcome=st.sampled_from([None, *Outcome]))
    def an_operator_answers(self, data: st.DataObject, outcome: Outcome | None) -> None:
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
            self.record(alerts)

    @invariant()
    def revisions_count_up_without_a_gap(self) -> None:
        for alerts in self.history.values():
            assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))
            assert alerts[0].kind is Revision.RAISED

    @invariant()
    def state_transitions_are_legal_and_an_ended_alarm_stays_normal(self) -> None:
        for alerts in self.history.values():
            for before, after in pairwise(alerts):
                assert after.state in LEGAL[before.state], (before.state, after.state)

    @invariant()
    def one_object_has_one_alert(self) -> None:
        tracks = [alerts[0].track for alerts in self.history.values()]
        objects = [number for number in tracks if number is not None]
        assert len(objects) == len(set(objects))

    @invariant()
    def gas_ends_only_with_an_outcome(self) -> None:
        for alerts in self.history.values():
            if alerts[-1].state is AlarmState.NORMAL and alerts[-1].hazard is Hazard.GAS:
                assert alerts[-1].outcome is not None

    @invariant()
    def unavailable_vision_is_never_shelved_or_suppressed(self) -> None:
        for alerts in self.history.values():
            if alerts[0].hazard is Hazard.VISION_UNAVAILABLE:
                inactive = {AlarmState.SHELVED, AlarmState.SUPPRESSED}
                assert not inactive & {alert.state for alert in alerts}

    @invariant()
    def open_alerts_are_the_last_revisions_of_open_alarms(self) -> None:
        still_open = {
            alerts[-1].event_id: alerts[-1]
            for alerts in self.history.values()
            if alerts[-1].state is not AlarmState.NORMAL
        }
        assert {alert.event_id: alert for alert in self.book.open_alerts()} == still_open
        assert self.book.active == len(still_open)


TestAnyShift = AnyShift.TestCase
TestAnyShift.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_an_object_names_its_images_while_they_are_sent_and_keeps_the_name() -> None:
    book = AlarmBook(LINE)
    book.with_evidence = True
    (first,) = book.update([track(1)], [], belt_at(0))
    assert first.evidence_id == "b-a000001-1"
    book.with_evidence = False
    later = book.update([track(1), track(2)], [], belt_at(SECOND))
    assert [(alert.event_id, alert.evidence_id) for alert in later] == [
        ("a000001", "b-a000001-1"),
        ("a000002", None),
    ]


def test_a_state_of_the_line_has_no_images() -> None:
    book = AlarmBook(LINE)
    book.with_evidence = True
    (alert,) = book.line_state(Hazard.JAM, True, "jam", belt_at(0))
    assert alert.evidence_id is None
