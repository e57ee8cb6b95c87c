from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.accuracy.matching import match_alerts
from benchmarks.accuracy.tally import rate, share, tally
from benchmarks.accuracy.targets import event_targets, false_alarm_hours, plant_hours
from models.evaluation.targets import Target
from tests.benchmarks.drawn_belt import (
    FPS,
    STEP_MM,
    alert,
    arrival,
    box_of,
    ground_of,
    placed_object,
    truth_of,
)

CELL = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50, width_mm=14)
BUTTON = placed_object(2, "button_cell", "battery", -200, 300, length_mm=12, width_mm=12)
EVALUATION = match_alerts(
    [alert(box_of(CELL, 20), 20, "battery"), alert((600, 20, 650, 60), 40, "gas_canister", "a3")],
    ground_of(CELL, BUTTON),
)


def _clip(name: str) -> GroundTruth:
    truth = truth_of([CELL])
    return replace(truth, header={**truth.header, "clip": name})


def _figures(**changes: Any) -> dict[str, Any]:
    hours = false_alarm_hours([(_clip("mixed.mp4"), EVALUATION)])
    none = plant_hours([])
    return {**tally([EVALUATION]), "false_alarm_hours": hours, "plant_hours": none, **changes}


def _row(targets: list[Target], *words: str) -> Target:
    (row,) = (each for each in targets if all(word in each.what for word in words))
    return row


def test_the_recall_target_covers_objects_from_20_mm_and_shows_an_interval() -> None:
    targets = event_targets(_figures())
    battery = _row(targets, "event recall, battery")
    assert (battery.reached, battery.met) == ("1 of 1 (1.00, 0.03 to 1.00)", True)
    assert _row(targets, "event recall, gas").met is None


def test_false_alarms_are_counted_only_on_the_scenarios_chosen_for_it() -> None:
    evaluated = [(_clip(name), EVALUATION) for name in ("mixed.mp4", "no_hazard-7", "buried.mp4")]
    row = false_alarm_hours(evaluated)
    assert (row["footage"], row["count"]) == (["mixed", "no_hazard-7"], 2)
    assert row["belt_h"] == pytest.approx(2 * EVALUATION.belt_h, abs=1e-4)
    nowhere = false_alarm_hours(evaluated[2:])
    assert (nowhere["count"], nowhere["per_h"]) == (0, None)


def test_on_a_plants_mixture_the_calls_of_an_operator_are_counted() -> None:
    quiet = replace(EVALUATION, false_alarms=[replace(EVALUATION.false_alarms[0], called=False)])
    evaluated = [(_clip("plant-3.mp4"), EVALUATION), (_clip("plant"), quiet)]
    row = plant_hours([*evaluated, (_clip("mixed.mp4"), EVALUATION)])
    assert (row["footage"], row["count"]) == (["plant", "plant-3"], 1)
    for count, met in ((5, True), (6, False)):
        hours = {"footage": ["plant"], "belt_h": 2.5, **rate(count, 2.5)}
        assert _row(event_targets(_figures(plant_hours=hours)), "false calls").met is met
    assert _row(event_targets(_figures()), "false calls").reached == "no such footage"


def test_a_rate_of_one_per_hour_cannot_be_shown_by_minutes() -> None:
    row = _row(event_targets(_figures()), "false alarms an hour", "mixed")
    assert row.met is None
    assert "h are too few: 1, " in row.reached
    for count, met in ((2, True), (3, False)):
        hours = {"footage": ["mixed"], "belt_h": 2.5, **rate(count, 2.5)}
        row = _row(event_targets(_figures(false_alarm_hours=hours)), "false alarms")
        assert row.met is met
        assert "at most" in row.reached


def test_the_position_target_covers_low_objects_and_shows_the_error_of_true_boxes() -> None:
    low = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50, width_mm=14, height_mm=14)
    high = placed_object(2, "laptop_pack", "battery", -200, 400, height_mm=60)
    x0, y0, x1, y1 = box_of(low, 40)
    seen = [
        alert((x0 + 6, y0 + 8, x1 + 6, y1 + 8), 40, "battery"),
        alert(tuple(at + 30 for at in box_of(high, 40)), 40, "battery", "a2"),
    ]
    evaluation = match_alerts(seen, ground_of(low, high))
    row = _row(event_targets(_figures(**tally([evaluation]))), "position error")
    assert (row.reached, row.met) == ("10.0 (n 1, p50 10.0; of the true boxes 0.0)", True)
    assert _row(event_targets(_figures()), "position error").met is None  # no height is known


@pytest.mark.parametrize(("off", "met"), [(1.01, True), (1.03, False)])
def test_the_arrival_target_covers_action_points_about_3_m_away(off: float, met: bool) -> None:
    frame, near, far = 30, 700.0, 3600.0
    bottle = placed_object(3, "gas_bottle", "gas_canister", 0, 450, length_mm=300)
    ground = ground_of(bottle)
    point = ground.profile.action_points[0]
    ground.profile = ground.profile.model_copy(
        update={
            "action_points": (
                point.model_copy(update={"y_mm": far}),
                point.model_copy(update={"name": "near", "y_mm": near}),
            )
        }
    )
    gone_mm = frame * STEP_MM + 150
    predicted = [
        arrival((far - gone_mm) / (STEP_MM * FPS) * off),
        arrival((near - gone_mm) / (STEP_MM * FPS) * 2).model_copy(update={"action_point": "near"}),
    ]
    seen = alert(box_of(bottle, frame), frame, "gas_canister", arrivals=tuple(predicted))
    row = _row(event_targets(_figures(**tally([match_alerts([seen], ground)]))), "arrival-time")
    assert row.met is met
    assert row.reached == f"{100 * (off - 1):.2f} (n 1, p50 {100 * (off - 1):.2f})"
    assert _row(event_targets(_figures()), "arrival-time").met is None


@pytest.mark.parametrize(("longest_s", "met"), [(2.9, True), (3.1, False)])
def test_the_state_targets_cover_recall_and_the_longest_time_to_the_alert(
    longest_s: float, met: bool
) -> None:
    waits = {"n": 40, "p50": 0.4, "p95": 1.0, "p99": 2.0, "max": longest_s}
    jam = {"recall": share(39, 40), "told_after_s": waits}
    states = {**tally([EVALUATION])["states"], "jam": jam}
    targets = event_targets(_figures(states=states))
    assert _row(targets, "jam: recall").met is False
    assert _row(targets, "jam: s to the alert").met is met
    assert _row(targets, "overload: recall").met is None
