"""The targets of a line, event by event, and what it reached; one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, GroundTruth
from benchmarks.accuracy.matching import Evaluation
from benchmarks.accuracy.report import rate_text, share_text
from benchmarks.accuracy.tally import LOW_MM, STATES, false_alarms, false_calls, rate
from models.evaluation.targets import Target, at_least

RECALL = {"gas_canister": 0.99, "battery": 0.97}
FALSE_PER_H = 1.0
BELT_H_MIN = 2.0
"""Fewer hours cannot show a rate of one per hour."""
DUPLICATES = 0.01
STATE_RECALL = 0.98
TOLD_WITHIN_S = 3.0
OFF_MM = 10.0
OFF_PERCENT = 2.0
FALSE_CALLS_PER_H = 2.0
FALSE_ALARMS_ON = ("no_hazard", "mixed")
"""Scenarios on which false alarms are counted: footage whose clip name begins like this."""
FALSE_CALLS_ON = ("plant",)
"""Scenarios with a plant's mixture of waste, on which false calls of an operator are counted."""


def false_alarm_hours(evaluated: Sequence[tuple[GroundTruth, Evaluation]]) -> dict[str, Any]:
    """False alarms over all hazards on the footage in `FALSE_ALARMS_ON`, and its running belt."""
    names, chosen, hours = _footage(evaluated, FALSE_ALARMS_ON)
    return {"footage": names, "belt_h": round(hours, 4), **false_alarms(chosen, hours)["all"]}


def plant_hours(evaluated: Sequence[tuple[GroundTruth, Evaluation]]) -> dict[str, Any]:
    """False calls of an operator on the footage in `FALSE_CALLS_ON`, and its running belt."""
    names, chosen, hours = _footage(evaluated, FALSE_CALLS_ON)
    return {"footage": names, "belt_h": round(hours, 4), **rate(false_calls(chosen), hours)}


def _footage(
    evaluated: Sequence[tuple[GroundTruth, Evaluation]], on: tuple[str, ...]
) -> tuple[list[str], list[Evaluation], float]:
    """Names, evaluations and hours of running belt of the clips whose name begins with `on`."""
    mine = [
        (name, evaluation)
        for truth, evaluation in evaluated
        if (name := Path(truth.header["clip"]).stem).startswith(on)
    ]
    hours = sum(evaluation.belt_h for _, evaluation in mine)
    return sorted({name for name, _ in mine}), [evaluation for _, evaluation in mine], hours


def event_targets(figures: dict[str, Any]) -> list[Target]:
    """The rows for one report's figures; `met` is None for what its footage does not contain."""
    return [
        *_recalls(figures),
        _false_alarms(figures),
        _plant_calls(figures),
        _duplicates(figures),
        _places(figures),
        _arrivals(figures),
        *state_targets(figures["states"]),
    ]


def _recalls(figures: dict[str, Any]) -> Iterator[Target]:
    for name, wanted in RECALL.items():
        what = f"event recall, {name}, 20 mm or longer, visible {VISIBLE_MIN:.0%} or more"
        row = figures["recall"].get(name, {}).get("20 mm or longer")
        if row is None or not row["total"]:
            yield Target(what, f">= {wanted}", "none passed", None)
        else:
            yield at_least(what, wanted, row["share"], share_text(row))


def _false_alarms(figures: dict[str, Any]) -> Target:
    row = figures["false_alarm_hours"]
    on = ", ".join(row["footage"]) or " and ".join(FALSE_ALARMS_ON)
    return _per_hour(f"false alarms an hour, all hazards, on {on}", row, FALSE_PER_H)


def _plant_calls(figures: dict[str, Any]) -> Target:
    row = figures["plant_hours"]
    on = ", ".join(row["footage"]) or " and ".join(FALSE_CALLS_ON)
    return _per_hour(f"false calls of an operator an hour, on {on}", row, FALSE_CALLS_PER_H)


def _per_hour(what: str, row: dict[str, Any], most: float) -> Target:
    wanted = f"<= {most:g}, over {BELT_H_MIN:g} h or more"
    if round(row["belt_h"], 2) < BELT_H_MIN:  # a clip may lack its last frame
        reached = f"{row['belt_h']:.3f} h are too few: {rate_text(row)}"
        return Target(what, wanted, reached if row["belt_h"] else "no such footage", None)
    reached = f"{rate_text(row)}, over {row['belt_h']:.2f} h"
    return Target(what, wanted, reached, row["per_h"] <= most)


def _duplicates(figures: dict[str, Any]) -> Target:
    row, what, wanted = figures["duplicates"], "duplicates per alarmed hazard", f"<= {DUPLICATES:g}"
    if row["per_object"] is None:
        return Target(what, wanted, "no hazard was alarmed", None)
    reached = f"{row['per_object']:.4f} ({row['count']})"
    return Target(what, wanted, reached, row["per_object"] <= DUPLICATES)


def _places(figures: dict[str, Any]) -> Target:
    what = f"position error on the belt, {LOW_MM:.0f} mm high or less, mm p95"
    row, boxed = figures["low_position_error_mm"], figures["low_boxed_error_mm"]
    wanted = f"<= {OFF_MM:g}"
    if not row["n"]:
        return Target(what, wanted, "none found", None)
    reached = f"{row['p95']:.1f} (n {row['n']}, p50 {row['p50']:.1f}"
    if boxed["n"]:
        reached += f"; of the true boxes {boxed['p95']:.1f}"
    return Target(what, wanted, f"{reached})", row["p95"] <= OFF_MM)


def _arrivals(figures: dict[str, Any]) -> Target:
    what, row = "arrival-time error about 3 m away, % p95", figures["arrival_error_3_m_percent"]
    wanted = f"<= {OFF_PERCENT:g}"
    if not row["n"]:
        return Target(what, wanted, "no such arrival was predicted", None)
    reached = f"{row['p95']:.2f} (n {row['n']}, p50 {row['p50']:.2f})"
    return Target(what, wanted, reached, row["p95"] <= OFF_PERCENT)


def state_targets(states: dict[str, Any]) -> Iterator[Target]:
    """The rows for the line's own states."""
    for state in STATES:
        row = states[state]
        recall, after = row["recall"], row["told_after_s"]
        if not recall["total"]:
            yield Target(f"{state}: recall", f">= {STATE_RECALL}", "none occurred", None)
            continue
        yield at_least(f"{state}: recall", STATE_RECALL, recall["share"], share_text(recall))
        if after["n"]:
            reached = f"p50 {after['p50']:.2f}, longest {after['max']:.2f}"
            met = after["max"] <= TOLD_WITHIN_S
            yield Target(f"{state}: s to the alert", f"<= {TOLD_WITHIN_S:g}", reached, met)
