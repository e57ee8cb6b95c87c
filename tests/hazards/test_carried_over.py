"""Objects of an earlier start of the detector, and what is taken for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.hazards.alarm_book import AlarmBook
from detector.hazards.object_facts import BeltNow
from detector.wire.messages import Alert
from tests.hazards.test_alarm_book import LINE, SECOND, track

SPEED_MM_S = 100.0
LINE_AGAIN = replace(LINE, boot_id="c")


def belt_at(t_s: float) -> BeltNow:
    t_ns = round(t_s * SECOND)
    return BeltNow(t_ns, t_ns, round(10 * t_s), SPEED_MM_S * t_s, SPEED_MM_S, "fixed")


def started_again(alert: Alert, t_s: float) -> tuple[AlarmBook, Alert]:
    book = AlarmBook(LINE_AGAIN)
    (carried,) = book.carry_over([alert], round(t_s * SECOND), round(t_s * SECOND))
    return book, carried


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_an_object_is_known_again_where_the_belt_has_carried_it_since_its_last_look(
    restarts: int,
) -> None:
    first, battery = AlarmBook(LINE), track(1)
    first.report([battery], [], belt_at(0))
    # Two seconds on, without a look: the belt has carried it 200 mm, and its alert tells so.
    battery.y_mm += 2 * SPEED_MM_S
    (alert,) = first.report([battery], [], belt_at(2))
    assert alert.place is not None
    assert alert.place.y_mm == battery.y_mm
    now_s = 2.0
    for _ in range(restarts):
        now_s += 1.5
        book, alert = started_again(alert, now_s)
    again = track(7)
    again.y_mm = battery.y_mm + (now_s + 1 - 2) * SPEED_MM_S
    again.last = replace(again.last, y_mm=again.y_mm)
    (revision,) = book.report([again], [], belt_at(now_s + 1))
    assert (revision.event_id, revision.kind) == (alert.event_id, "updated")
