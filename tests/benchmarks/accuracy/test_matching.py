from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.accuracy.matching import SLACK_MM, FalseAlarm, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.accuracy.tally import tally
from detector.profile.calibration import Calibration, PlaneCalibration
from detector.wire.messages import AlarmState, Alert, Hazard, Revision
from tests.benchmarks.drawn_belt import (
    FPS,
    PROFILE,
    STEP_MM,
    alert,
    arrival,
    box_of,
    ground_of,
    overload,
    placed_object,
    truth_of,
)

CELL = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50, width_mm=14)
BOTTLE = placed_object(2, "gas_bottle", "gas_canister", 0, 400, length_mm=300, width_mm=120)
ASKEW = placed_object(
    3, "nitrous_cylinder", "gas_canister", -100, 300, length_mm=360, width_mm=60, angle_deg=45
)
TORCH = placed_object(4, "torch", None, -100, 500, length_mm=120, width_mm=30)
BURIED = placed_object(5, "c_cell", "battery", -300, 500, length_mm=50, visible=0.2)
GROUND = ground_of(CELL, BOTTLE, ASKEW, TORCH, BURIED)


def events(*alerts: Alert) -> dict[str, object]:
    """Kind to event, for the hazards that were found."""
    evaluation = match_alerts(alerts, GROUND)
    return {each.passage.kind: each for each in evaluation.events if each.found is not None}


def test_each_alert_finds_the_hazard_under_its_box() -> None:
    found = events(
        alert(box_of(CELL, 20), 20, "battery"),
        alert(box_of(BOTTLE, 40), 40, "gas_canister", "a2"),
    )
    assert set(found) == {"aa_cell", "gas_bottle"}


def test_hazards_without_an_alert_are_missed_and_buried_ones_do_not_count() -> None:
    evaluation = match_alerts([], GROUND)
    assert all(event.found is None for event in evaluation.events)
    assert {event.passage.kind for event in evaluation.counted()} == {
        "aa_cell",
        "gas_bottle",
        "nitrous_cylinder",
    }


def test_an_alert_on_a_buried_hazard_finds_it_and_is_not_false() -> None:
    evaluation = match_alerts([alert(box_of(BURIED, 10), 10, "battery")], GROUND)
    assert evaluation.false_alarms == []
    assert [event.passage.kind for event in evaluation.events if event.found] == ["c_cell"]


def test_a_long_object_at_an_angle_is_found_by_a_box_on_its_outline() -> None:
    x0, y0, x1, y1 = box_of(ASKEW, 40)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    # On the cylinder and long enough, but a quarter as wide as its box: IoU 0.25.
    thin = (x0, middle[1] - (y1 - y0) / 8, x1, middle[1] + (y1 - y0) / 8)
    assert set(events(alert(thin, 40, "gas_canister"))) == {"nitrous_cylinder"}
    # As wide, but beside it, where only its box reaches.
    beside = (x0, y0, x1, y0 + (y1 - y0) / 5)
    assert events(alert(beside, 40, "gas_canister")) == {}
    # On it, but far too small to be it.
    speck = (middle[0] - 10, middle[1] - 10, middle[0] + 10, middle[1] + 10)
    assert events(alert(speck, 40, "gas_canister")) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        alert((600, 20, 650, 60), 40, "gas_canister"),  # on bare belt
        alert(box_of(TORCH, 40), 40, "battery"),  # on a torch
        alert(box_of(BOTTLE, 10), 90, "gas_canister"),  # where it was long before
        alert(box_of(BOTTLE, 40), 4000, "gas_canister"),  # after the end
    ],
)
def test_an_alert_on_another_object_is_a_false_alarm(wrong: Alert) -> None:
    evaluation = match_alerts([wrong], GROUND)
    assert [each.event_id for each in evaluation.false_alarms] == ["a1"]
    assert all(event.found is None for event in evaluation.events)


def test_a_false_alarm_names_the_object_there() -> None:
    (false,) = match_alerts([alert(box_of(TORCH, 40), 40, "battery")], GROUND).false_alarms
    assert isinstance(false, FalseAlarm)
    assert (false.hazard, false.under) == (Hazard.BATTERY, "torch")


def test_a_false_alarm_records_whether_an_operator_was_called() -> None:
    at = box_of(TORCH, 40)
    held = alert(at, 40, "battery", state=AlarmState.SUPPRESSED)
    woken = alert(at, 45, "battery", state=AlarmState.UNACKNOWLEDGED)
    for revisions, called in (([held], False), ([held, woken], True)):
        evaluation = match_alerts(revisions, GROUND)
        assert [each.called for each in evaluation.false_alarms] == [called]
        assert tally([evaluation])["false_calls"]["count"] == called


def test_a_hazard_alarmed_as_another_class_counts_neither_as_found_nor_as_false_alarm() -> None:
    evaluation = match_alerts([alert(box_of(CELL, 30), 30, "gas_canister")], GROUND)
    assert evaluation.false_alarms == []
    (event,) = (each for each in evaluation.events if each.called)
    assert (event.passage.kind, event.called, event.found) == ("aa_cell", "gas_canister", None)


def test_a_corrected_alert_finds_the_hazard_at_the_correction() -> None:
    raised = alert(box_of(BOTTLE, 30), 30, "battery")
    corrected = alert(box_of(BOTTLE, 35), 35, "gas_canister", kind=Revision.UPDATED, revision=2)
    (event,) = (each for each in match_alerts([raised, corrected], GROUND).events if each.found)
    assert event.found is not None
    assert event.found.frame == 35


def test_a_revision_of_the_right_class_at_another_position_finds_nothing() -> None:
    beside = alert((600, 20, 650, 60), 26, "gas_canister")
    there = alert(box_of(BOTTLE, 35), 35, "gas_canister", kind=Revision.UPDATED, revision=2)
    (event,) = (each for each in match_alerts([beside, there], GROUND).events if each.found)
    assert event.found is not None
    assert event.found.frame == 35
    assert event.found.off_mm == pytest.approx(0, abs=0.01)


def test_a_second_alert_on_a_hazard_is_a_duplicate_and_a_revision_is_not() -> None:
    first = alert(box_of(CELL, 20), 20, "battery")
    updated = alert(box_of(CELL, 30), 30, "battery", kind=Revision.UPDATED, revision=2)
    again = alert(box_of(CELL, 40), 40, "battery", "a2")
    (event,) = (each for each in match_alerts([first, updated, again], GROUND).events if each.found)
    assert event.duplicates == ["a2"]


def test_times_positions_and_arrivals_are_compared_with_the_truth() -> None:
    # Its centre moves by 10 mm per frame; it is completely in view (from 100 mm) at frame 25.
    frame = 30
    x0, y0, x1, y1 = box_of(BOTTLE, frame)
    shifted = (x0 + 3, y0 + 4, x1 + 3, y1 + 4)
    true_s = (1800 - (frame * STEP_MM + 150)) / (STEP_MM * FPS)
    published = alert(shifted, frame, "gas_canister", arrivals=(arrival(true_s * 1.02),))
    (event,) = (each for each in match_alerts([published], GROUND).events if each.found)
    found = event.found
    assert found is not None
    assert found.after_whole_s == pytest.approx((frame - 25) / FPS)
    assert found.after_whole_mm == pytest.approx((frame - 25) * STEP_MM)
    assert found.off_mm == pytest.approx(5, abs=0.01)
    assert found.arrivals["picker"] == pytest.approx((true_s * 1.02, true_s), rel=1e-6)
    assert found.ahead_mm["picker"] == pytest.approx(1800 - (frame * STEP_MM + 150))
    assert found.boxed_off_mm == pytest.approx(0, abs=0.01)
    assert found.in_time == {"picker": True}


def test_an_alert_that_comes_too_late_to_act_is_not_in_time() -> None:
    short = ground_of(
        placed_object(1, "gas_bottle", "gas_canister", 0, 300, length_mm=200), frames=300
    )
    point = short.profile.action_points[0].model_copy(update={"y_mm": 750.0})
    short.profile = short.profile.model_copy(update={"action_points": (point,)})
    placed = placed_object(1, "gas_bottle", "gas_canister", 0, 300, length_mm=200)
    for frame, good in ((40, True), (50, False)):  # 650 mm at frame 65, a second to act
        (event,) = match_alerts([alert(box_of(placed, frame), frame, "gas_canister")], short).events
        assert event.found is not None
        assert event.found.in_time == {"picker": good}


def test_vision_unavailable_is_not_a_false_alarm() -> None:
    lost = overload(5, hazard=Hazard.VISION_UNAVAILABLE)
    assert match_alerts([lost], GROUND).false_alarms == []


SLACK_FRAMES = int(SLACK_MM / STEP_MM)


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (149 - SLACK_FRAMES, 0),
        (150 - SLACK_FRAMES, 1),
        (160 + SLACK_FRAMES, 1),
        (161 + SLACK_FRAMES, 0),
    ],
)
def test_an_overload_alert_belongs_to_a_nearby_stretch(frame: int, found: int) -> None:
    ground = ground_of(frames=400, overload=range(150, 161))
    evaluation = match_alerts([overload(frame)], ground)
    (stretch,) = evaluation.stretches
    assert (stretch.after_s is not None) == bool(found)
    assert len(evaluation.false_alarms) == 1 - found
    if found:
        assert stretch.after_s == pytest.approx((frame - 150) / FPS)


def test_states_and_objects_may_have_the_same_event_ids() -> None:
    ground = ground_of(CELL, frames=400, overload=range(20, 60))
    evaluation = match_alerts(
        [overload(30, "a1"), alert(box_of(CELL, 20), 20, "battery", "a1")], ground
    )
    assert evaluation.false_alarms == []
    assert evaluation.stretches[0].after_s is not None
    assert evaluation.events[0].found is not None


def test_a_calibrated_line_is_evaluated_in_its_own_millimetres() -> None:
    # The calibration's y starts 1 m further upstream than that of the rough points.
    plane = PlaneCalibration.model_validate(
        {
            "made": datetime(2026, 11, 25, 12, 0, tzinfo=UTC),
            "operator": "Ana",
            "size_px": (800, 600),
            "basis": "board",
            "straight_to_belt": ((0, 1, 0), (1, 0, 1000), (0, 0, 1)),
            "used": 240,
            "rms_mm": 0.5,
            "held_back_mm": 0.9,
        }
    ).with_digest()
    profile = PROFILE.model_copy(update={"calibration": Calibration(plane=plane)})
    ground = LineGroundTruth(truth_of([BOTTLE]), profile)
    assert ground.extent_mm == pytest.approx((0, 1100, 600, 1700))
    assert ground.time_at_s(ground.passages[2], 1800) == pytest.approx((800 - 150) / STEP_MM / FPS)
