"""Matching the objects of an earlier start of the detector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.profile.line import Alarms
from detector.wire.messages import AlarmState, Alert, Hazard
from tests.fakes import BATTERY, GAS
from tests.hazards.alarms.test_alarm_book import LINE, SECOND, track
from tests.hazards.alarms.test_flood_control import CELL, PACK, object_track

SPEED_MM_S = 100.0
LINE_AGAIN = replace(LINE, boot_id="c")


def belt_at(t_s: float) -> BeltNow:
    t_ns = round(t_s * SECOND)
    return BeltNow(t_ns, t_ns, round(10 * t_s), SPEED_MM_S * t_s, SPEED_MM_S, "fixed")


def started_again(alert: Alert, t_s: float) -> tuple[AlarmBook, Alert]:
    book = AlarmBook(LINE_AGAIN)
    (restored,) = book.restore([alert], round(t_s * SECOND), round(t_s * SECOND))
    return book, restored


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_an_object_is_matched_where_the_belt_has_moved_it_since_its_last_pass(
    restarts: int,
) -> None:
    first, battery = AlarmBook(LINE), track(1)
    first.update([battery], [], belt_at(0))
    # Two seconds later, without a pass: the belt has moved it 200 mm, as its alert states.
    battery.y_mm += 2 * SPEED_MM_S
    (alert,) = first.update([battery], [], belt_at(2))
    assert alert.place is not None
    assert alert.place.y_mm == battery.y_mm
    now_s = 2.0
    for _ in range(restarts):
        now_s += 1.5
        book, alert = started_again(alert, now_s)
    again = track(7)
    again.y_mm = battery.y_mm + (now_s + 1 - 2) * SPEED_MM_S
    again.last = replace(again.last, y_mm=again.y_mm)
    (revision,) = book.update([again], [], belt_at(now_s + 1))
    assert (revision.event_id, revision.kind) == (alert.event_id, "updated")


STOPPED = replace(belt_at(0), speed_mm_s=0.0)
RUNNING = belt_at(2)


@pytest.mark.parametrize(
    ("kind", "size_mm", "state"),
    [
        (GAS, PACK, AlarmState.UNACKNOWLEDGED),
        (BATTERY, PACK, AlarmState.UNACKNOWLEDGED),
        (BATTERY, CELL, AlarmState.SUPPRESSED),  # a counted cell, even once the belt runs
    ],
)
def test_an_alarm_from_a_stopped_belt_calls_once_it_runs_even_after_a_restart(
    kind: int, size_mm: tuple[float, float], state: AlarmState
) -> None:
    calling = replace(LINE, alarms=Alarms())
    first, item = AlarmBook(calling), object_track(1, size_mm=size_mm, kind=kind)
    (alert,) = first.update([item], [], STOPPED)
    assert alert.state is AlarmState.SUPPRESSED
    book = AlarmBook(replace(calling, boot_id="c"))
    book.restore([alert], SECOND, SECOND)
    item.y_mm += 2 * SPEED_MM_S
    item.last = replace(item.last, y_mm=item.y_mm)
    (revision,) = book.update([item], [], RUNNING)
    assert (revision.event_id, revision.state) == (alert.event_id, state)


def test_a_member_of_a_pile_stays_suppressed_after_a_restart() -> None:
    book = AlarmBook(replace(LINE, alarms=Alarms()))
    alerts = book.update([object_track(1), object_track(2, y_mm=220)], [], belt_at(0))
    again = AlarmBook(replace(LINE, alarms=Alarms(), boot_id="c"))
    again.restore(alerts[:2], SECOND, SECOND)
    both = [object_track(3, y_mm=300), object_track(4, y_mm=420)]
    states = {alert.event_id: alert.state for alert in again.update(both, [], belt_at(2))}
    assert states[alerts[1].event_id] is AlarmState.SUPPRESSED


def test_a_jam_from_a_stopped_belt_calls_once_it_runs_even_after_a_restart() -> None:
    (alert,) = AlarmBook(LINE).line_state(Hazard.JAM, True, "stationary", STOPPED)
    assert alert.state is AlarmState.SUPPRESSED
    book, _ = started_again(alert, 1)
    (revision,) = book.line_state(Hazard.JAM, True, "stationary", RUNNING)
    assert revision.state is AlarmState.UNACKNOWLEDGED


def test_a_battery_beside_a_former_gas_bottle_is_a_different_object() -> None:
    """Its alarm would otherwise end with the battery's, without an outcome for the gas."""
    (gas,) = AlarmBook(LINE).update([track(1, GAS)], [], belt_at(0))
    book, _ = started_again(gas, 1)
    beside = track(7, BATTERY)
    beside.y_mm = track(1).y_mm + 2 * SPEED_MM_S + 30
    beside.last = replace(beside.last, y_mm=beside.y_mm)
    (raised,) = book.update([beside], [], belt_at(2))
    assert (raised.hazard, raised.kind) == (Hazard.BATTERY, "raised")
    latched = [
        alert.state for alert in book.update([beside], [], belt_at(20)) if alert.hazard == "gas"
    ]
    assert latched == [AlarmState.LATCHED]


def test_a_former_battery_may_prove_to_be_gas() -> None:
    (battery,) = AlarmBook(LINE).update([track(1, BATTERY)], [], belt_at(0))
    book, _ = started_again(battery, 1)
    again = track(7, GAS)
    again.y_mm = track(1).y_mm + 2 * SPEED_MM_S
    again.last = replace(again.last, y_mm=again.y_mm)
    (revision,) = book.update([again], [], belt_at(2))
    assert (revision.event_id, revision.hazard) == (battery.event_id, Hazard.GAS)


def test_an_alert_of_an_earlier_start_still_names_its_images() -> None:
    book = AlarmBook(LINE)
    book.with_evidence = True
    (alert,) = book.update([track(1)], [], belt_at(0))
    _, restored = started_again(alert, 3)
    assert restored.evidence_id == alert.evidence_id == "b-a000001-1"
