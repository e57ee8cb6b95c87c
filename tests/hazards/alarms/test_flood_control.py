"""Piles, counted cells and floods: when an operator is called."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.tracking.tracker import Track
from detector.profile.line import Alarms
from detector.wire.messages import AlarmState, Alert, Hazard, Outcome, Revision
from tests.fakes import BATTERY, GAS, belt_detection
from tests.hazards.alarms.test_alarm_book import LINE, SECOND, belt_at

CELL, PACK, BOTTLE = (50.0, 14.0), (160.0, 70.0), (300.0, 100.0)
SPEED_MM_S = 400.0


def book(**alarms: float) -> AlarmBook:
    return AlarmBook(replace(LINE, alarms=Alarms.model_validate(alarms)))


def object_track(
    number: int,
    x_mm: float = 300,
    y_mm: float = 100,
    size_mm: tuple[float, float] = PACK,
    kind: int = BATTERY,
) -> Track:
    detection = belt_detection(x_mm, y_mm, size_mm=size_mm, class_index=kind)
    made = Track(number, detection, 0, x_mm, y_mm, best_score=0.8, hits=3, passes=3)
    made.confirmed = True
    made.class_index = kind
    made.votes[kind] = 3
    made.sizes_mm.append(size_mm)
    return made


def calls(alerts: list[Alert]) -> list[Alert]:
    """The revisions that call an operator: an alarm becomes unacknowledged."""
    state: dict[str, AlarmState] = {}
    called = []
    for alert in alerts:
        unacknowledged = alert.state is AlarmState.UNACKNOWLEDGED
        if unacknowledged and state.get(alert.event_id) is not AlarmState.UNACKNOWLEDGED:
            called.append(alert)
        state[alert.event_id] = alert.state
    return called


class TestPiles:
    def test_objects_that_lie_together_are_one_alarm_that_counts_them(self) -> None:
        line = book()
        alerts = line.update(
            [object_track(1), object_track(2, y_mm=220), object_track(3, y_mm=340)], [], belt_at(0)
        )
        (called,) = calls(alerts)
        assert called.track == 1
        last = {alert.event_id: alert for alert in alerts}
        assert last[called.event_id].members == 3
        others = [alert for alert in last.values() if alert is not last[called.event_id]]
        assert {alert.pile for alert in others} == {called.event_id}
        assert {alert.state for alert in others} == {AlarmState.SUPPRESSED}

    def test_a_later_object_joins_the_pile_where_the_belt_has_moved_it(self) -> None:
        line = book(battery_calls_per_10_min=10)
        first = line.update([object_track(1, y_mm=100)], [], belt_at(0))
        moved = replace(belt_at(SECOND), position_mm=400.0)
        near = line.update([object_track(1, y_mm=500), object_track(2, y_mm=380)], [], moved)
        assert near[-1].members == 2
        far = line.update([object_track(1, y_mm=500), object_track(3, y_mm=100)], [], moved)
        assert far[0].pile is None
        assert len(calls(first + near + far)) == 2

    def test_a_pile_of_cells_calls_but_a_single_cell_does_not(self) -> None:
        line = book()
        alone = line.update([object_track(1, size_mm=CELL)], [], belt_at(0))
        assert calls(alone) == []
        together = line.update([object_track(2, y_mm=150, size_mm=CELL)], [], belt_at(1))
        (called,) = calls(alone + together)
        assert (called.track, called.members) == (1, 2)

    def test_gas_in_a_pile_calls_for_each_and_is_answered_together(self) -> None:
        line = book()
        bottles = [object_track(n, y_mm=100 + 320 * n, size_mm=BOTTLE, kind=GAS) for n in range(3)]
        alerts = line.update(bottles, [], belt_at(0))
        assert len(calls(alerts)) == 3
        first = alerts[0].event_id
        line.update([], bottles, belt_at(SECOND))
        assert {alert.state for alert in line.open_alerts()} == {AlarmState.LATCHED}
        closed = line.close(first, Outcome.REMOVED, belt_at(2 * SECOND))
        assert [alert.kind for alert in closed] == [Revision.CLEARED] * 3
        assert line.active == 0

    def test_gas_and_batteries_do_not_form_a_pile(self) -> None:
        alerts = book().update(
            [object_track(1), object_track(2, y_mm=200, kind=GAS)], [], belt_at(0)
        )
        assert [alert.pile for alert in alerts] == [None, None]

    def test_an_endless_row_is_not_one_alarm_for_ever(self) -> None:
        row = [object_track(n, y_mm=100 + 150 * n) for n in range(30)]
        alerts = book(battery_calls_per_10_min=100).update(row, [], belt_at(0))
        assert len(calls(alerts)) >= 3


class TestCells:
    def test_a_single_cell_is_counted_and_has_its_alert_for_the_plc(self) -> None:
        (raised,) = book().update([object_track(1, size_mm=CELL)], [], belt_at(0))
        assert (raised.kind, raised.state) == (Revision.RAISED, AlarmState.SUPPRESSED)
        assert raised.place is not None

    def test_a_battery_of_unknown_size_calls_since_it_might_be_a_pack(self) -> None:
        cut = object_track(1, size_mm=CELL)
        cut.sizes_mm.clear()
        assert len(calls(book().update([cut], [], belt_at(0)))) == 1

    def test_many_cells_in_a_minute_are_one_alarm_that_lasts_ten_minutes(self) -> None:
        line, alerts = book(cells_per_minute=5), []
        for n in range(5):
            cell = object_track(n, y_mm=1000 * n, size_mm=CELL)
            alerts += line.update([cell], [], belt_at(n * SECOND))
        (called,) = calls(alerts)
        assert (called.hazard, called.place) == (Hazard.BATTERY, None)
        assert called.detail is not None
        assert called.detail.startswith("5 batteries in the last minute")
        quiet = line.update([], [], belt_at(599 * SECOND))
        assert Revision.CLEARED not in {alert.kind for alert in quiet}
        after = line.update([], [], belt_at(700 * SECOND))
        assert Revision.CLEARED in {
            alert.kind for alert in after if alert.event_id == called.event_id
        }

    def test_a_cell_that_proves_to_be_a_gas_cartridge_calls_at_once(self) -> None:
        line, cell = book(), object_track(1, size_mm=CELL)
        alerts = line.update([cell], [], belt_at(0))
        cell.class_index = GAS
        alerts += line.update([cell], [], belt_at(1))
        (called,) = calls(alerts)
        assert called.hazard is Hazard.GAS

    def test_not_every_object_calls_when_the_belt_runs_again(self) -> None:
        line = book()
        packs = [object_track(n, y_mm=1500 * n) for n in range(20)]
        alerts = line.update(packs, [], belt_at(0, speed=0))
        assert {alert.state for alert in alerts} == {AlarmState.SUPPRESSED}
        for n in range(1, 5):
            alerts += line.update(packs, [], belt_at(n * SECOND))
        called = calls(alerts)
        assert len(called) == 2  # one object, and the alarm that there are more
        assert called[-1].place is None


@pytest.mark.parametrize("seed", range(3))
def test_in_a_flood_gas_is_never_suppressed_and_operator_calls_are_limited(seed: int) -> None:
    """200 hazards a minute for a quarter of an hour, one in ten of them gas."""
    rng = random.Random(seed)
    line = book()
    in_view: list[Track] = []
    alerts: list[Alert] = []
    came: Counter[int] = Counter()
    number, next_s = 0, 0.0
    for frame in range(900 * 10):
        t_s = frame / 10
        position_mm = SPEED_MM_S * t_s
        while next_s <= t_s:
            next_s += rng.expovariate(200 / 60)
            number += 1
            kind = GAS if rng.random() < 0.1 else BATTERY
            size = BOTTLE if kind == GAS else rng.choice((CELL, CELL, PACK))
            new = object_track(number, rng.uniform(50, 550), 0.0, size, kind)
            came[kind] += 1
            in_view.append(new)
        for track in in_view:
            track.y_mm += SPEED_MM_S / 10
        left = [track for track in in_view if track.y_mm > 1200]
        in_view = [track for track in in_view if track.y_mm <= 1200]
        t_ns = round(t_s * SECOND)
        belt = BeltNow(t_ns, t_ns, frame, position_mm, SPEED_MM_S, "image")
        revisions = line.update(in_view, left, belt)
        # Gas is raised by the pass that confirms it, and calls.
        for alert in revisions:
            if alert.kind is Revision.RAISED and alert.hazard is Hazard.GAS:
                assert alert.state is AlarmState.UNACKNOWLEDGED
                assert alert.t_capture_mono_ns == t_ns
        alerts += revisions
    raised = Counter(
        alert.hazard for alert in alerts if alert.kind is Revision.RAISED and alert.place
    )
    assert raised[Hazard.GAS] == came[GAS]
    assert raised[Hazard.BATTERY] == came[BATTERY]
    called = Counter(alert.hazard for alert in calls(alerts))
    assert called[Hazard.GAS] == came[GAS]
    of_batteries = sorted(
        alert.t_capture_mono_ns for alert in calls(alerts) if alert.hazard is Hazard.BATTERY
    )
    for start in of_batteries:
        within = [t for t in of_batteries if start <= t < start + 600 * SECOND]
        assert len(within) <= 2
