"""`vigitri calibrate scores`: thresholds and probabilities from whole tracks.

Reads the detections stored by `vigitri bench accuracy -o DIR`: the model is not run again. Where
the folder has footage of a plant-like belt, false alarms and hours are counted there alone: stress
belts, with ten harmless objects a metre, say nothing about an hour in a plant.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.accuracy.detections_file import RecordedFootage, recorded_footage
from benchmarks.accuracy.ground_truth import GroundTruthError
from benchmarks.accuracy.report import rate_text, rows_of, share_text, trade_text, trades_of
from benchmarks.accuracy.sweep import RecordedRun, curves
from benchmarks.accuracy.tally import STATES, tally
from benchmarks.accuracy.targets import FALSE_CALLS_ON
from calibration.operating_point import Curve, OperatingPoint, operating_point
from detector.cli_support.progress import progress_bar
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.score_curve import ScoreCurve, fit_score_curve
from models.evaluation.operating import write_operating

GRID = tuple(round(float(score), 3) for score in np.arange(0.10, 0.976, 0.025))
_SHOWN = 12
"""Printed points of a curve; the card has all."""
FIT_FROM = 0.15
"""Curves are fitted on all tracks that are confirmed at this threshold."""


def run(
    folder: Path,
    model_name: str,
    budget_per_h: float,
    *,
    write: bool = False,
    keep_thresholds: bool = False,
    as_json: bool = False,
) -> None:
    """Fit, print, and write into the model's card if asked.

    Raises `GroundTruthError`, `ModelError`.

    keep_thresholds: write curves, calibrations and expected figures, but leave the thresholds.
    """
    model = find_model(model_name)
    recordings = recorded_footage(folder, model)
    if not recordings:
        raise GroundTruthError(
            f"{folder}: no detections of {model.card.name} ({model.sha256[:12]}); "
            f"run `vigitri bench accuracy ... --model {model_name} -o {folder}` first"
        )
    _each_hour_once(recordings, folder)
    footage = [RecordedRun.of(each, model) for each in recordings]
    plant = [each for each in footage if each.recorded.name.startswith(FALSE_CALLS_ON)] or footage
    with progress_bar("thresholds") as advance:
        swept = curves(footage, model, advance, GRID, false_on=plant)
    in_use = _figures(footage, plant, {})
    best, figures = _within(footage, plant, swept, budget_per_h, in_use)
    # A verdict's probability is fitted already.
    calibrations = {
        known.name: fit_score_curve(*_tracks(footage, model, known.name))
        for known in model.card.classes
        if model.card.verifier is None
    }
    thresholds = {name: point.threshold for name, point in best.points.items()}
    table = _table(best, figures, swept, footage, kept=in_use if keep_thresholds else None)
    if as_json:
        curve_of = {name: curve and curve.model_dump() for name, curve in calibrations.items()}
        print(json.dumps({"thresholds": thresholds, "calibration": curve_of, "operating": table}))
    else:
        Console(highlight=False, soft_wrap=True).print(
            _summary(best, figures, calibrations, swept, model), markup=False
        )
    if write and best.out_of_reach and not keep_thresholds:
        raise GroundTruthError(
            f"nothing is written: no thresholds keep {budget_per_h:g} false alarms an hour. Give "
            "an acceptable rate with --budget, write only the curves with --keep-thresholds, "
            "or train the model further"
        )
    if write:
        now = model.card.operating_thresholds
        write_operating(model.path, now if keep_thresholds else thresholds, calibrations, table)


def _each_hour_once(recordings: Sequence[RecordedFootage], folder: Path) -> None:
    """Refuse a fit with two engines, or with two recordings of the same footage."""
    engines = sorted({each.about.get("engine", "onnxruntime") for each in recordings})
    if len(engines) > 1:
        raise GroundTruthError(
            f"{folder}: detections of {' and '.join(engines)}, whose hours would count twice; "
            "run `vigitri bench accuracy` for each into a folder of its own"
        )
    times = Counter(each.about["footage_sha256"] for each in recordings)
    twice = sorted({each.name for each in recordings if times[each.about["footage_sha256"]] > 1})
    if twice:
        raise GroundTruthError(
            f"{folder}: more detections of {', '.join(twice)} through another profile or at "
            "another rate, whose hours would count twice; run `vigitri bench accuracy` for each "
            "into its own folder"
        )


def _figures(
    footage: Sequence[RecordedRun], plant: Sequence[RecordedRun], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Recall on all footage; hours and false alarms on `plant`, a part of it or all."""
    evaluated = {id(each): each.evaluate(thresholds)[0] for each in footage}
    counted = tally([evaluated[id(each)] for each in plant])
    return {**counted, "recall": tally(list(evaluated.values()))["recall"]}


def _within(
    footage: Sequence[RecordedRun],
    plant: Sequence[RecordedRun],
    swept: Mapping[str, Curve],
    budget_per_h: float,
    in_use: dict[str, Any],
) -> tuple[OperatingPoint, dict[str, Any]]:
    """The best operating point that also keeps the budget with all its thresholds together.

    in_use: the figures at the line's current thresholds. Each curve was swept with the other
    classes at these; a track that two classes share may change its class. The budget given to the
    search is reduced until both classes together keep the real one.
    """
    others = sum(in_use["false_alarms"][state]["count"] for state in STATES)
    asked_per_h = budget_per_h
    while True:
        best = operating_point(swept, in_use["belt_h"], asked_per_h, others)
        thresholds = {name: point.threshold for name, point in best.points.items()}
        figures = _figures(footage, plant, thresholds)
        upper_per_h = figures["false_alarms"]["all"]["upper_per_h"]
        if not best.proven or upper_per_h <= budget_per_h:
            kept = best.proven and upper_per_h <= budget_per_h
            return OperatingPoint(best.points, others, best.belt_h, budget_per_h, kept), figures
        asked_per_h *= 0.8


def _tracks(
    footage: Sequence[RecordedRun], model: ModelFolder, class_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Best score of each track that was alarmed as that class, and whether the class was right."""
    scores, right = [], []
    low = {known.name: FIT_FROM for known in model.card.classes}
    for each in footage:
        evaluation, alerts = each.evaluate(low)
        lay_there = {
            event_id: event.passage.class_name
            for event in evaluation.events
            for event_id in (*([event.found.event_id] if event.found else []), *event.duplicates)
        }
        last = {alert.event_id: alert for alert in alerts if alert.why is not None}
        for alert in last.values():
            if alert.class_name == class_name and alert.why is not None:
                scores.append(alert.why.score)
                right.append(lay_there.get(alert.event_id) == class_name)
    return np.array(scores, np.float64), np.array(right, bool)


def _table(
    best: OperatingPoint,
    figures: dict[str, Any],
    swept: Mapping[str, Curve],
    footage: Sequence[RecordedRun],
    *,
    kept: dict[str, Any] | None,
) -> dict[str, Any]:
    """The card's `[operating]`. kept: the figures at the thresholds in use, if these stay."""
    false = figures["false_alarms"]["all"]
    return {
        "how": "the highest mean recall of the classes, by whole tracks, whose false alarms over "
        "all hazards stay within the budget with their exact upper bound (Poisson, 95 %); "
        "chosen and counted on the same footage; false alarms and hours of the plant-like belts "
        "alone, where there are any",
        "summary": best.summary(),
        "proven": best.proven,
        "budget_per_h": best.budget_per_h,
        "belt_h": round(best.belt_h, 4),
        "false_alarms": false["count"],
        "false_alarms_upper_per_h": false["upper_per_h"],
        "footage": sorted(
            f"{each.recorded.name} {each.recorded.about['footage_sha256'][:12]}" for each in footage
        ),
        **({} if kept is None else {"in_use": _in_use(kept)}),
        "trades": {
            f"{row['at_most_per_h']:g}_per_h": {
                name: [mine["threshold"], mine["share"]] for name, mine in row["classes"].items()
            }
            for row in trades_of(swept, best.belt_h)
        },
        **{
            name: {
                "threshold": point.threshold,
                "found": point.found,
                "hazards": point.hazards,
                "curve": {
                    key: [row[key] for row in rows_of(swept[name], best.belt_h)]
                    for key in ("threshold", "found", "false_alarms")
                },
            }
            for name, point in best.points.items()
        },
    }


def _in_use(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures at the thresholds of `[[classes]]` on the same footage."""
    false, calls, harmless = (figures[key] for key in ("false_alarms", "false_calls", "harmless"))
    return {
        "how": "by the thresholds of [[classes]], which are not taken from these curves "
        "(see metrics.thresholds); classes: found, hazards; harmless: alarmed, passed",
        "false_alarms": false["all"]["count"],
        "false_alarms_per_h": false["all"]["per_h"],
        "calls_per_h": calls["per_h"],
        "harmless": [harmless["alarmed"], harmless["passed"]],
        **{
            name: [row["all"]["right"], row["all"]["total"]]
            for name, row in figures["recall"].items()
        },
    }


def _summary(
    best: OperatingPoint,
    figures: dict[str, Any],
    calibrations: Mapping[str, ScoreCurve | None],
    swept: Mapping[str, Curve],
    model: ModelFolder,
) -> str:
    lines = [best.summary()]
    if best.out_of_reach:
        lines += _instead(swept, best.belt_h)
    lines.append("all thresholds together, on the footage that they were chosen on:")
    for name, point in best.points.items():
        row = figures["recall"].get(name)
        lines.append(
            f"  {name} {point.threshold:g}: {share_text(row['all']) if row else 'none passed'}"
            + (f"; probability {_curve(calibrations[name])}" if name in calibrations else "")
        )
    lines.append(f"  false alarms: {rate_text(figures['false_alarms']['all'])}")
    lines.append(f"for a line's profile: {_for_a_profile(best, model)}")
    return "\n".join(lines)


def _for_a_profile(best: OperatingPoint, model: ModelFolder) -> str:
    if model.card.verifier is None:
        pairs = [f"{name} = {point.threshold:g}" for name, point in best.points.items()]
        return f"[model] thresholds = {{ {', '.join(pairs)} }}"
    hazards = {known.name: known.hazard for known in model.card.classes}
    return ", ".join(
        f"[hazards.{hazards[name]}] threshold = {point.threshold:g}"
        for name, point in best.points.items()
    )


def _instead(swept: Mapping[str, Curve], belt_h: float) -> list[str]:
    """If the model keeps no budget: its curves, and recall at a few rates of false alarms."""
    lines = ["false alarms per hour against recall, one class's threshold at a time:"]
    for name, points in swept.items():
        shown = [
            f"{point.threshold:g}: {point.false_alarms / belt_h:.0f}/h {point.recall:.2f}"
            for point in points[:: max(1, len(points) // _SHOWN)]
        ]
        lines.append(f"  {name}  {'  '.join(shown)}")
    return [*lines, *(f"  {trade_text(row)}" for row in trades_of(swept, belt_h))]


def _curve(curve: ScoreCurve | None) -> str:
    if curve is None:
        return "not fitted: too few tracks, or the score carries no information"
    shown = ", ".join(f"{score:g} -> {curve.probability(score):.2f}" for score in (0.3, 0.5, 0.8))
    return f"by score {shown}"
