"""`vigitri calibrate scores`: thresholds and probabilities from whole tracks.

Reads what `vigitri bench accuracy -o DIR` kept: the model is not run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.accuracy.detections_file import Watched, all_watched
from benchmarks.accuracy.ground_truth import TruthError
from benchmarks.accuracy.report import rows_of, told, told_rate, told_trade, trades_of
from benchmarks.accuracy.sweep import Looked, curves
from benchmarks.accuracy.tally import STATES, tally
from calibration.operating_point import Curve, OperatingPoint, operating_point
from detector.cli_support.progress import progress_bar
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.score_curve import ScoreCurve, fit_score_curve
from models.evaluation.operating import write_operating

GRID = tuple(round(float(score), 3) for score in np.arange(0.10, 0.976, 0.025))
_SHOWN = 12
"""Points of a curve that are told; the card has all."""
FIT_FROM = 0.15
"""Curves are fitted on all tracks that a threshold this low confirms."""


def run(
    folder: Path,
    model_name: str,
    budget_per_h: float,
    *,
    write: bool = False,
    keep_thresholds: bool = False,
    as_json: bool = False,
) -> None:
    """Fit, show, and write into the model's card if asked. Raises `TruthError`, `ModelError`.

    keep_thresholds: the card gets the curves, the probabilities and what they promise; the line
    goes on with the thresholds that it has.
    """
    model = find_model(model_name)
    looks = all_watched(folder, model)
    if not looks:
        raise TruthError(
            f"{folder}: holds nothing that {model.card.name} ({model.sha256[:12]}) has looked at; "
            f"run `vigitri bench accuracy ... --model {model_name} -o {folder}` first"
        )
    _each_hour_once(looks, folder)
    footage = [Looked.of(each, model) for each in looks]
    with progress_bar("thresholds") as advance:
        swept = curves(footage, model, advance, GRID)
    in_use = tally([each.judged({})[0] for each in footage])
    best, figures = _within(footage, swept, budget_per_h, in_use)
    calibrations = {
        known.name: fit_score_curve(*_tracks(footage, model, known.name))
        for known in model.card.classes
    }
    thresholds = {name: point.threshold for name, point in best.points.items()}
    table = _table(best, figures, swept, footage, kept=in_use if keep_thresholds else None)
    if as_json:
        curve_of = {name: curve and curve.model_dump() for name, curve in calibrations.items()}
        print(json.dumps({"thresholds": thresholds, "calibration": curve_of, "operating": table}))
    else:
        Console(highlight=False, soft_wrap=True).print(
            _told(best, figures, calibrations, swept), markup=False
        )
    if write and best.hopeless and not keep_thresholds:
        raise TruthError(
            f"nothing is written: no thresholds keep {budget_per_h:g} false alarms an hour. Give "
            "what the line can bear with --budget, write the curves alone with --keep-thresholds, "
            "or train the model further"
        )
    if write:
        now = {known.name: known.threshold for known in model.card.classes}
        write_operating(model.path, now if keep_thresholds else thresholds, calibrations, table)


def _each_hour_once(looks: Sequence[Watched], folder: Path) -> None:
    """Refuse two engines in one fit, and two looks at the same footage: its hours count once."""
    engines = sorted({each.about.get("engine", "onnxruntime") for each in looks})
    if len(engines) > 1:
        raise TruthError(
            f"{folder}: holds looks of {' and '.join(engines)}, whose hours would count twice; "
            "run `vigitri bench accuracy` for each into a folder of its own"
        )
    times = Counter(each.about["footage_sha256"] for each in looks)
    twice = sorted({each.name for each in looks if times[each.about["footage_sha256"]] > 1})
    if twice:
        raise TruthError(
            f"{folder}: holds looks at {', '.join(twice)} through another profile or at another "
            "rate too, whose hours would count twice; run `vigitri bench accuracy` for each into "
            "a folder of its own"
        )


def _within(
    footage: Sequence[Looked],
    swept: Mapping[str, Curve],
    budget_per_h: float,
    in_use: dict[str, Any],
) -> tuple[OperatingPoint, dict[str, Any]]:
    """The best point that also keeps the budget when all its thresholds hold at once.

    `in_use`: the figures of the thresholds that the line has now. Each curve was swept with the
    other classes at these; tracks that two classes share may fall the other way. The curves are
    asked for less until both together keep what was promised.
    """
    others = sum(in_use["false_alarms"][state]["count"] for state in STATES)
    asked_per_h = budget_per_h
    while True:
        best = operating_point(swept, in_use["belt_h"], asked_per_h, others)
        thresholds = {name: point.threshold for name, point in best.points.items()}
        figures = tally([each.judged(thresholds)[0] for each in footage])
        upper_per_h = figures["false_alarms"]["all"]["upper_per_h"]
        if not best.proven or upper_per_h <= budget_per_h:
            kept = best.proven and upper_per_h <= budget_per_h
            return OperatingPoint(best.points, others, best.belt_h, budget_per_h, kept), figures
        asked_per_h *= 0.8


def _tracks(
    footage: Sequence[Looked], model: ModelFolder, class_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Best score of each track that was told as that class, and whether it was right."""
    scores, right = [], []
    low = {known.name: FIT_FROM for known in model.card.classes}
    for each in footage:
        verdict, alerts = each.judged(low)
        lay_there = {
            told: event.passage.class_name
            for event in verdict.events
            for told in (*([event.found.event_id] if event.found else []), *event.duplicates)
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
    footage: Sequence[Looked],
    *,
    kept: dict[str, Any] | None,
) -> dict[str, Any]:
    """The card's `[operating]`. kept: the figures of the thresholds in use, where they stay."""
    false = figures["false_alarms"]["all"]
    return {
        "how": "the highest mean recall of the classes, by whole tracks, whose false alarms over "
        "all hazards stay within the budget with their exact upper bound (Poisson, 95 %); "
        "chosen and counted on the same footage",
        "said": best.summary(),
        "proven": best.proven,
        "budget_per_h": best.budget_per_h,
        "belt_h": round(best.belt_h, 4),
        "false_alarms": false["count"],
        "false_alarms_upper_per_h": false["upper_per_h"],
        "footage": sorted(
            f"{each.watched.name} {each.watched.about['footage_sha256'][:12]}" for each in footage
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
    """What the thresholds of `[[classes]]` come to on the same footage."""
    false, calls, harmless = (figures[key] for key in ("false_alarms", "false_calls", "harmless"))
    return {
        "how": "by the thresholds of [[classes]], which are not read from these curves "
        "(metrics.thresholds says how); classes: found, hazards; harmless: alarmed, passed",
        "false_alarms": false["all"]["count"],
        "false_alarms_per_h": false["all"]["per_h"],
        "calls_per_h": calls["per_h"],
        "harmless": [harmless["alarmed"], harmless["passed"]],
        **{
            name: [row["all"]["right"], row["all"]["total"]]
            for name, row in figures["recall"].items()
        },
    }


def _told(
    best: OperatingPoint,
    figures: dict[str, Any],
    calibrations: Mapping[str, ScoreCurve | None],
    swept: Mapping[str, Curve],
) -> str:
    lines = [best.summary()]
    if best.hopeless:
        lines += _instead(swept, best.belt_h)
    lines.append("all thresholds at once, on the footage that they were chosen on:")
    for name, point in best.points.items():
        row = figures["recall"].get(name)
        lines.append(
            f"  {name} {point.threshold:g}: {told(row['all']) if row else 'none passed'}; "
            f"probability {_curve(calibrations[name])}"
        )
    lines.append(f"  false alarms: {told_rate(figures['false_alarms']['all'])}")
    pairs = ", ".join(f"{name} = {point.threshold:g}" for name, point in best.points.items())
    lines.append(f"for a line's profile: [model] thresholds = {{ {pairs} }}")
    return "\n".join(lines)


def _instead(swept: Mapping[str, Curve], belt_h: float) -> list[str]:
    """What this model can be had for, where it keeps no budget: its curves, and a few trades."""
    lines = ["false alarms an hour against recall, one class's threshold at a time:"]
    for name, points in swept.items():
        shown = [
            f"{point.threshold:g}: {point.false_alarms / belt_h:.0f}/h {point.recall:.2f}"
            for point in points[:: max(1, len(points) // _SHOWN)]
        ]
        lines.append(f"  {name}  {'  '.join(shown)}")
    return [*lines, *(f"  {told_trade(row)}" for row in trades_of(swept, belt_h))]


def _curve(curve: ScoreCurve | None) -> str:
    if curve is None:
        return "not fitted: too few tracks, or the score says nothing"
    shown = ", ".join(f"{score:g} -> {curve.probability(score):.2f}" for score in (0.3, 0.5, 0.8))
    return f"by score {shown}"
