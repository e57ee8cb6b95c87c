"""Evaluate a deployed model folder: recall and false boxes, per class and set of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.profile.line import ModelChoice
from detector.vision.catalogue import ModelError, find_model
from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.engines import chosen_engine, open_engine
from models.data.sources import CLASS_NAMES, HELD_BACK, belt_frames, read_photographs
from models.evaluation.image_sets import (
    BELT_SCALE,
    BELT_SCALES,
    PHOTO_SIZES,
    SetResults,
    at_belts,
    at_photographs,
)
from models.evaluation.scoring import (
    UNOBSTRUCTED_RULE,
    GroundTruth,
    Tally,
    at_threshold,
    average_precision,
    tally,
    threshold_for,
)
from models.evaluation.targets import UNOBSTRUCTED, WELL_SEEN, as_json, image_targets, targets_page
from models.export.timing import TIMED_PX, median_ms, per_quarter_megapixel
from models.workshop import WorkshopError, progress_on_stderr

BUDGETS = (0.2, 0.05)
"""False boxes per image at which recall is measured."""
_LEVELS = (0.15, 0.25, 0.4)
_SIZES_PX = (0, 25, 50, 100, 200, np.inf)
_VISIBLE = (0.0, 0.25, 0.5, 0.75, 1.0)
HOW = (
    "IoU 0.5. recall and false_per_image: at the card's thresholds; recall_at_0.2, _0.05: at the "
    "score with that many false boxes per image of the set; [share, low, high]: exact 95 % "
    "intervals (Clopper-Pearson). Sizes are longest sides in px of the model's input. "
    f"'{UNOBSTRUCTED}': {UNOBSTRUCTED_RULE}"
)


def measure(
    found: Sequence[Detections], truths: Sequence[GroundTruth], thresholds: Sequence[float]
) -> dict[str, Any]:
    """Per class: AP50, recall at each budget and at the class's threshold, for all and parts."""
    report: dict[str, Any] = {"images": len(truths)}
    for label, name in enumerate(CLASS_NAMES):
        t = tally(found, truths, label)
        row: dict[str, Any] = {
            "boxes": t.truths,
            "false_per_image": round(at_threshold(t, thresholds[label])[1], 3),
        }
        if t.truths:
            row["ap50"] = round(average_precision(t), 3)
            at = {"recall": thresholds[label]}
            for budget in BUDGETS:
                at[f"recall_at_{budget}"] = threshold_for(t, budget)
                row[f"threshold_at_{budget}"] = round(at[f"recall_at_{budget}"], 3)
            row |= _recalls(t, at, np.ones(t.truths, bool))
            row["of"] = {
                part: {"boxes": int(mask.sum()), **_recalls(t, at, mask)}
                for part, mask in _parts(truths, label).items()
                if mask.any()
            }
        row["false_at"] = {f"{level}": round(at_threshold(t, level)[1], 3) for level in _LEVELS}
        report[name] = row
    return report


def _recalls(t: Tally, at: dict[str, float], mask: NDArray[np.bool_]) -> dict[str, list[float]]:
    from calibration.exact_intervals import clopper_pearson

    recalls = {}
    for name, threshold in at.items():
        # A missed box has 0, so the threshold must stay above 0.
        right = int((t.found_at[mask] >= max(threshold, 1e-6)).sum())
        share = (right / int(mask.sum()), *clopper_pearson(right, int(mask.sum())))
        recalls[name] = [round(value, 3) for value in share]
    return recalls


def _parts(truths: Sequence[GroundTruth], label: int) -> dict[str, NDArray[np.bool_]]:
    """Masks of a class's boxes by size, by visible share, and of the unobstructed ones."""
    longest = np.concatenate([t.longest_px[t.classes == label] for t in truths])
    visible = np.concatenate([t.visible_share[t.classes == label] for t in truths])
    parts = {}
    for low, high in pairwise(_SIZES_PX):
        name = f"{low:g} px or longer" if high == np.inf else f"{low:g} to {high:g} px"
        parts[name] = (longest >= low) & (longest < high)
    for low, high in pairwise(_VISIBLE):
        last = high == _VISIBLE[-1]
        parts[f"visible {low * 100:g} to {high * 100:g} %"] = (visible >= low) & (
            (visible <= high) if last else (visible < high)
        )
    parts[WELL_SEEN] = (visible >= 0.5) & (longest >= 25)
    parts[UNOBSTRUCTED] = np.concatenate([t.unobstructed[t.classes == label] for t in truths])
    return parts


def open_model(model: str, engine: str = "onnxruntime") -> Engine:
    """Open a model of the catalogue, or a folder, on two threads. Raises `WorkshopError`."""
    try:
        return open_engine(find_model(model), _choice(engine))
    except ModelError as error:
        raise WorkshopError(str(error)) from error


def _choice(engine: str) -> ModelChoice:
    return ModelChoice.model_validate({"engine": engine, "threads": 2})


def detect_on_sets(
    engine: Engine,
    data: Path,
    held_back: float,
    scenes: int,
    photo_sizes: Sequence[tuple[int, ...]] = PHOTO_SIZES,
) -> SetResults:
    """Run an engine on all sets, the photographs also at the card's own sizes."""
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    sizes = dict.fromkeys((engine.card.input.photo_sizes_px, *photo_sizes))
    photographs, frames = len(read_photographs(data, "dev")), len(belt_frames(data, held=True))
    total = photographs * (sum(map(len, sizes)) + 1) + scenes + frames * len(BELT_SCALES)
    engine = _CountingEngine(engine, total)
    results = at_photographs(engine, data, tuple(sizes))
    return results | at_belts(engine, data, held_back, scenes)


class _CountingEngine:
    """An engine that reports its progress."""

    def __init__(self, engine: Engine, total: int) -> None:
        self.card = engine.card
        self._engine, self._total, self._done = engine, total, 0
        self._progress = progress_on_stderr()

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        self._done += 1
        self._progress(f"{self.card.name}: passes", self._done, self._total)
        return self._engine.detect(image, min_score)


def build_report(name: str, results: SetResults, thresholds: Sequence[float]) -> dict[str, Any]:
    """The report on detections and ground truth."""
    sets = {key: measure(found, truths, thresholds) for key, (found, truths) in results.items()}
    return {"model": name, "thresholds": list(thresholds), "how": HOW, "sets": sets}


def for_card(report: dict[str, Any], photographs: str) -> dict[str, Any]:
    """The report's sets; parts only for the photograph sizes of the card."""
    sets = {}
    for key, figures in report["sets"].items():
        leave = key.startswith("photographs") and key not in (photographs, BELT_SCALE)
        sets[key] = {
            name: {k: v for k, v in row.items() if k != "of"}
            if leave and isinstance(row, dict)
            else row
            for name, row in figures.items()
        }
    return sets


def run(
    model: str,
    data: Path,
    *,
    out: Path | None = None,
    engine: str = "onnxruntime",
    held_back: float = HELD_BACK,
    scenes: int = 100,
) -> dict[str, Any]:
    """Measure a model at its card's thresholds; with `out`, also write JSON and Markdown.

    model: a name of the catalogue, or a folder's path. held_back: the share that the recipe held
    back; with another one, cut-outs from the training are scored.
    """
    at_work = open_model(model, engine)
    results = detect_on_sets(at_work, data, held_back, scenes)
    report = build_report(
        at_work.card.name, results, [known.threshold for known in at_work.card.classes]
    )
    runs_in, _ = chosen_engine(_choice(engine))
    ms = per_quarter_megapixel(median_ms({model: at_work})[model])
    report["speed"] = {
        "ms_per_quarter_megapixel": round(ms, 2),
        "how": f"{TIMED_PX[0]} x {TIMED_PX[1]}, batch 1, 2 threads, median of 40, {runs_in}",
    }
    report["targets"] = as_json(image_targets(report))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n")
        (out / "evaluation.md").write_text(markdown(report))
    return report


def markdown(report: dict[str, Any]) -> str:
    """A report as a page: targets, all sets, then the parts of each."""
    lines = [f"# {report['model']}", "", targets_page(image_targets(report)), "", "## All sets", ""]
    lines += [report["how"], "", table({report["model"]: report})]
    for key, figures in report["sets"].items():
        rows = [
            f"| {label} | {part} | {row['boxes']} | "
            + " | ".join(_share(row[name]) for name in ("recall", *_budget_names()))
            + " |"
            for label in CLASS_NAMES
            for part, row in figures[label].get("of", {}).items()
        ]
        if rows:
            head = "| class | of | boxes | recall | " + " | ".join(
                f"recall at {budget} false" for budget in BUDGETS
            )
            lines += ["", f"## {key}", "", f"{head} |", "|---|---|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _budget_names() -> list[str]:
    return [f"recall_at_{budget}" for budget in BUDGETS]


def _share(figure: Sequence[float]) -> str:
    return f"{figure[0]:.3f} ({figure[1]:.3f} to {figure[2]:.3f})"


def table(reports: dict[str, dict[str, Any]]) -> str:
    """Reports side by side as Markdown: a row per set and class, four columns per model."""
    columns = ("AP50", *(f"recall at {budget} false" for budget in BUDGETS), "recall, false")
    head = " | ".join(f"{name}: {' | '.join(columns)}" for name in reports)
    lines = [f"| set | class | boxes | {head} |", "|---" * (3 + len(columns) * len(reports)) + "|"]
    sets = [report["sets"] for report in reports.values()]
    for key in (key for key in sets[0] if all(key in others for others in sets)):
        for label in CLASS_NAMES:
            cells = []
            for rows in sets:
                row = rows[key][label]
                known = bool(row["boxes"])
                cells += [f"{row['ap50']:.3f}" if known else ""]
                cells += [_share(row[name]) if known else "" for name in _budget_names()]
                recall = f"{row['recall'][0]:.3f}, " if known else ""
                cells += [f"{recall}{row['false_per_image']}"]
            boxes = sets[0][key][label]["boxes"]
            lines.append(f"| {key} | {label} | {boxes} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
