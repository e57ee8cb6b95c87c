"""Sum evaluations up: recall, false alarms per hour, times and errors, as plain figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, State
from benchmarks.accuracy.matching import Evaluation, Event, Match
from calibration.exact_intervals import clopper_pearson, poisson_upper

SIZES_MM = (0.0, 20.0, 50.0, 100.0, 200.0)
"""Lower bounds of the bands of the longest side; a button cell is 12 to 20 mm, an AA cell 50."""
VISIBLE = (0.0, 0.25, 0.5, 0.75)
LOW_MM = 50.0
"""Largest height for the position target: the image of a higher object leans outwards."""
AHEAD_MM = (2000.0, 4000.0)
"""Distances of the action points for the arrival target, about 3 m."""
STATES: tuple[State, ...] = ("overload", "jam", "belt_stopped")


def size_band(length_mm: float) -> str:
    """The band of longest side, e.g. `50-100 mm`."""
    at = int(np.searchsorted(SIZES_MM, length_mm, side="right")) - 1
    low = f"{SIZES_MM[at]:.0f}"
    return f"{low}-{SIZES_MM[at + 1]:.0f} mm" if at + 1 < len(SIZES_MM) else f"{low}+ mm"


def visible_band(share: float) -> str:
    """The quarter, e.g. `75-100 %`."""
    at = int(np.searchsorted(VISIBLE, share, side="right")) - 1
    return f"{25 * at}-{25 * at + 25} %"


def share(right: int, total: int) -> dict[str, Any]:
    """A share with its exact 95 % interval."""
    low, high = clopper_pearson(right, total)
    return {
        "right": right,
        "total": total,
        "share": round(right / total, 4) if total else None,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def rate(count: int, hours: float) -> dict[str, Any]:
    """Events per hour with the exact one-sided 95 % upper bound."""
    return {
        "count": count,
        "per_h": round(count / hours, 3) if hours else None,
        "upper_per_h": round(poisson_upper(count) / hours, 3) if hours else None,
    }


def tally(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """All figures of one run over some footage."""
    events = [event for evaluation in evaluations for event in evaluation.events]
    hours = sum(evaluation.belt_h for evaluation in evaluations)
    counted = [event for event in events if event.passage.visible >= VISIBLE_MIN]
    found = [event.found for event in counted if event.found is not None]
    low = [
        event.found
        for event in counted
        if event.found is not None and (event.passage.height_mm or math.inf) <= LOW_MM
    ]
    duplicates = sum(len(event.duplicates) for event in events)
    alarmed = sum(event.found is not None or event.called is not None for event in events)
    return {
        "belt_h": round(hours, 4),
        "hazards": len(events),
        "recall": _headlines(counted),
        "recall_by": _cells(events),
        "called_otherwise": _called(counted),
        "false_alarms": false_alarms(evaluations, hours),
        "false_calls": rate(false_calls(evaluations), hours),
        "false_on": dict(
            Counter(
                each.under
                for evaluation in evaluations
                for each in evaluation.false_alarms
                if each.box_px is not None
            ).most_common()
        ),
        "harmless": _harmless(evaluations),
        "duplicates": {
            "count": duplicates,
            "per_object": round(duplicates / alarmed, 4) if alarmed else None,
        },
        "time_to_alert_s": _spread([each.after_whole_s for each in found]),
        "travel_to_alert_mm": _spread([each.after_whole_mm for each in found]),
        "in_time": _in_time(counted),
        "position_error_mm": _spread([each.off_mm for each in found]),
        "low_position_error_mm": _spread([each.off_mm for each in low]),
        "low_boxed_error_mm": _spread([each.boxed_off_mm for each in low]),
        "arrival_error_percent": _spread(_arrival_errors(found)),
        "arrival_error_3_m_percent": _spread(_arrival_errors(found, AHEAD_MM)),
        "states": states(evaluations),
    }


def states(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Per state of the line: how many of its stretches were alarmed, and how soon."""
    return {state: _state(evaluations, state) for state in STATES}


def _headlines(counted: Sequence[Event]) -> dict[str, Any]:
    """Per class, of the hazards at least half visible: all, and those of 20 mm or longer."""
    rows: dict[str, Any] = {}
    for name in sorted({event.passage.class_name for event in counted}):
        mine = [event for event in counted if event.passage.class_name == name]
        long = [event for event in mine if event.passage.length_mm >= 20]
        rows[name] = {"all": _hits(mine), "20 mm or longer": _hits(long)}
    return rows


def _hits(events: Sequence[Event]) -> dict[str, Any]:
    return share(sum(event.found is not None for event in events), len(events))


def _cells(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Every class x kind x size x visible fraction that occurred."""
    cells: dict[tuple[str, str, str, str], list[Event]] = {}
    for event in events:
        passage = event.passage
        key = (
            passage.class_name,
            passage.kind,
            size_band(passage.length_mm),
            visible_band(passage.visible),
        )
        cells.setdefault(key, []).append(event)
    names = ("class", "kind", "size", "visible")
    return [
        {**dict(zip(names, key, strict=True)), **_hits(mine)} for key, mine in sorted(cells.items())
    ]


def _called(counted: Iterable[Event]) -> dict[str, int]:
    """Hazards that were alarmed, but never as their own class."""
    wrong = [event for event in counted if event.found is None and event.called is not None]
    return dict(
        Counter(f"{event.passage.kind} called {event.called}" for event in wrong).most_common()
    )


def false_alarms(evaluations: Sequence[Evaluation], hours: float) -> dict[str, Any]:
    """Counts and rates per hazard, and for all."""
    counts = Counter(
        each.hazard.value for evaluation in evaluations for each in evaluation.false_alarms
    )
    names = dict.fromkeys(("gas", "battery", *STATES, *sorted(counts)))
    rows = {name: rate(counts[name], hours) for name in names}
    rows["all"] = rate(sum(counts.values()), hours)
    return rows


def false_calls(evaluations: Sequence[Evaluation]) -> int:
    """False alarms that called an operator."""
    return sum(each.called for evaluation in evaluations for each in evaluation.false_alarms)


def _harmless(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Harmless objects that passed, and how many of them had an alarm.

    A plant with another share of look-alikes can estimate its own rate from this.
    """
    passed = sum((evaluation.harmless for evaluation in evaluations), Counter[str]())
    alarmed = Counter(
        each.under
        for evaluation in evaluations
        for each in evaluation.false_alarms
        if each.box_px is not None and each.under in evaluation.harmless
    )
    return {
        "passed": passed.total(),
        "alarmed": alarmed.total(),
        "kinds": {kind: [alarmed[kind], count] for kind, count in passed.most_common()},
    }


def _in_time(counted: Sequence[Event]) -> dict[str, Any]:
    """Share of the found hazards that were alarmed in time to act, by action point."""
    rows: dict[str, list[bool]] = {}
    for event in counted:
        for name, good in event.found.in_time.items() if event.found else ():
            rows.setdefault(name, []).append(good)
    return {name: share(sum(good), len(good)) for name, good in rows.items()}


def _arrival_errors(
    found: Iterable[Match], ahead_mm: tuple[float, float] = (0.0, math.inf)
) -> list[float]:
    """Error in percent of the true time, for the action points at that distance."""
    return [
        100 * abs(predicted - true) / true
        for each in found
        for name, (predicted, true) in each.arrivals.items()
        if true > 0 and ahead_mm[0] <= each.ahead_mm[name] <= ahead_mm[1]
    ]


def _state(evaluations: Sequence[Evaluation], state: State) -> dict[str, Any]:
    stretches = [
        each for evaluation in evaluations for each in evaluation.stretches if each.state == state
    ]
    after = [each.after_s for each in stretches if each.after_s is not None]
    return {
        "recall": share(len(after), len(stretches)),
        "told_after_s": _spread(after),
        "within_3_s": share(sum(each <= 3.0 for each in after), len(stretches)),
        "told_before": sum(each < 0 for each in after),
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    known = np.asarray([value for value in values if np.isfinite(value)], np.float64)
    if not len(known):
        return {"n": 0}
    at = np.percentile(known, [50, 95, 99, 100])
    figures = dict(zip(("p50", "p95", "p99", "max"), at.tolist(), strict=True))
    return {"n": len(known), **{name: round(value, 3) for name, value in figures.items()}}
