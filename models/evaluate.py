"""How good a deployed model folder is: recall and false boxes, per class and set of pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.vision.catalogue import ModelError, find_model
from detector.vision.detections import Detections
from detector.vision.engine import OnnxEngine
from models.errors import WorkshopError
from models.looks import PHOTO_SIZES, Looks, at_belts, at_photographs
from models.scoring import Truth, at_threshold, average_precision, tally, threshold_for, wilson
from models.sources import CLASS_NAMES

FALSE_PER_PICTURE = 0.2
_LEVELS = (0.15, 0.25, 0.4)


def measure(
    found: Sequence[Detections], truths: Sequence[Truth], thresholds: Sequence[float]
) -> dict[str, Any]:
    """Per class: AP50, recall at 0.2 false boxes per picture, and both at the class's threshold."""
    report: dict[str, Any] = {"pictures": len(truths)}
    for label, name in enumerate(CLASS_NAMES):
        t = tally(found, truths, label)
        recall, wrong = at_threshold(t, thresholds[label])
        row: dict[str, Any] = {"boxes": t.truths, "false_per_picture": round(wrong, 3)}
        if t.truths:
            budget = threshold_for(t, FALSE_PER_PICTURE)
            row["ap50"] = round(average_precision(t), 3)
            row["recall_at_budget"] = round(at_threshold(t, budget)[0], 3)
            row["threshold_at_budget"] = round(budget, 3)
            row["recall"] = round(recall, 3)
            row["recall_95"] = [round(x, 3) for x in wilson(recall, t.truths)]
        row["false_at"] = {f"{level}": round(at_threshold(t, level)[1], 3) for level in _LEVELS}
        report[name] = row
    return report


def look(model_dir: Path, data: Path, held_back: float, scenes: int) -> tuple[OnnxEngine, Looks]:
    """Run a model folder over every set, the photographs also at the card's own sizes."""
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    try:
        engine = OnnxEngine(find_model(f"{model_dir.resolve()}/"), threads=2)
    except ModelError as error:
        raise WorkshopError(str(error)) from error
    sizes = dict.fromkeys((engine.card.input.photo_sizes_px, *PHOTO_SIZES))
    looks = at_photographs(engine, data, tuple(sizes))
    return engine, looks | at_belts(engine, data, held_back, scenes)


def judge(name: str, looks: Looks, thresholds: Sequence[float]) -> dict[str, Any]:
    """The report over what was seen."""
    sets = {key: measure(found, truths, thresholds) for key, (found, truths) in looks.items()}
    return {"model": name, "thresholds": list(thresholds), "sets": sets}


def run(
    model_dir: Path,
    data: Path,
    *,
    json_out: Path | None = None,
    held_back: float = 0.08,
    scenes: int = 100,
) -> dict[str, Any]:
    """Measure a model folder at its card's thresholds; the report is also written where asked.

    held_back: the share that the recipe held back; with another, trained-on cut-outs are scored.
    """
    engine, looks = look(model_dir, data, held_back, scenes)
    thresholds = [known.threshold for known in engine.card.classes]
    report = judge(engine.card.name, looks, thresholds)
    if json_out is not None:
        json_out.parent.mkdir(parents=True, exist_ok=True)
        json_out.write_text(json.dumps(report, indent=1) + "\n")
    return report


def table(reports: dict[str, dict[str, Any]]) -> str:
    """Reports side by side as Markdown: a row per set and class, three columns per model."""
    names = list(reports)
    columns = ("AP50", f"recall at {FALSE_PER_PICTURE} false", "recall, false at threshold")
    head = " | ".join(f"{name}: {' | '.join(columns)}" for name in names)
    lines = [f"| set | class | {head} |", "|---|---|" + "---|" * (3 * len(names))]
    sets = [report["sets"] for report in reports.values()]
    keys = [key for key in sets[0] if all(key in others for others in sets)]
    for key in keys:
        for label in CLASS_NAMES:
            cells = []
            for report in reports.values():
                row = report["sets"][key][label]
                cells += [
                    str(row.get("ap50", "")),
                    str(row.get("recall_at_budget", "")),
                    f"{row.get('recall', '')}, {row['false_per_picture']}",
                ]
            lines.append(f"| {key} | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
