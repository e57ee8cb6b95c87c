"""How good a deployed model folder is, looked at through the engine that a line runs.

Three sets, none of which was trained on: the dev photographs; scenes put together from cut-outs
and belt frames that were held back; and those belt frames themselves, which hold no hazard.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import Card, ModelError, find_model
from detector.vision.detections import Detections
from detector.vision.engine import OnnxEngine
from detector.vision.photograph import detect_in_photograph
from models.composites import compose
from models.errors import WorkshopError
from models.scoring import Truth, at_threshold, average_precision, tally, threshold_for, wilson
from models.sources import (
    CLASS_NAMES,
    GREY,
    IGNORE,
    Boxes,
    Image,
    belt_frames,
    belt_polygon,
    read_image,
    read_photographs,
    read_sources,
)

PHOTO_SIZES: tuple[tuple[int, ...], ...] = ((320,), (416,), (512,), (640,), (320, 512), (416, 640))
FALSE_PER_PHOTO = 0.2
_FLOOR = 0.02  # lowest score looked at
_VIEW = (448, 800)  # px; a belt of 0.8 m at 1 mm/px


@dataclass(frozen=True)
class _AtSizes:
    """The engine with other photograph sizes than its card's."""

    engine: OnnxEngine
    card: Card

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        return self.engine.detect(picture, min_score)


def truth_of(boxes_px: Boxes) -> Truth:
    """From (n, 5) float32 `class, x0, y0, x1, y1`, class 9 being ignore regions."""
    ignored = boxes_px[:, 0] == IGNORE
    return Truth(
        boxes_px[~ignored, 1:], boxes_px[~ignored, 0].astype(np.int64), boxes_px[ignored, 1:]
    )


def belt_view(frame: Image, polygon: NDArray[np.int32], scale: float) -> Image:
    """A whole frame as the model meets it on a line: scaled, off-belt greyed, padded to 32."""
    keep = cv2.fillPoly(np.zeros(frame.shape[:2], np.uint8), [polygon], 1)
    grey = np.where(keep[..., None] > 0, frame, np.uint8(GREY))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    down, across = -small.shape[0] % 32, -small.shape[1] % 32
    return np.asarray(
        cv2.copyMakeBorder(small, 0, down, 0, across, cv2.BORDER_CONSTANT, value=(GREY,) * 3),
        np.uint8,
    )


def measure(found: Sequence[Detections], truths: Sequence[Truth], card: Card) -> dict[str, Any]:
    """Per class: AP50, recall at 0.2 false boxes per picture, and at the card's threshold."""
    report: dict[str, Any] = {"pictures": len(truths)}
    for label, name in enumerate(CLASS_NAMES):
        t = tally(found, truths, label)
        budget = threshold_for(t, FALSE_PER_PHOTO)
        operating = card.classes[label].threshold
        recall, wrong = at_threshold(t, operating)
        row: dict[str, Any] = {"boxes": t.truths, "false_per_picture": round(wrong, 3)}
        if t.truths:
            row["ap50"] = round(average_precision(t), 3)
            row["recall_at_budget"] = round(at_threshold(t, budget)[0], 3)
            row["threshold_at_budget"] = round(budget, 3)
            row["recall"] = round(recall, 3)
            row["recall_95"] = [round(x, 3) for x in wilson(recall, t.truths)]
        for level in (0.15, 0.25, 0.4):
            row[f"false_at_{level}"] = round(at_threshold(t, level)[1], 3)
        report[name] = row
    return report


def _photographs(engine: OnnxEngine, data: Path) -> dict[str, Any]:
    pictures, truths = [], []
    for photograph in read_photographs(data, "dev"):
        image = photograph.read()
        boxes = photograph.boxes.copy()
        boxes[:, 1:] *= np.array([image.shape[1], image.shape[0]] * 2, np.float32)
        pictures.append(image)
        truths.append(truth_of(boxes))
    report = {}
    for sizes in PHOTO_SIZES:
        chosen = engine.card.input.model_copy(update={"photo_sizes_px": sizes})
        look = _AtSizes(engine, engine.card.model_copy(update={"input": chosen}))
        found = [detect_in_photograph(look, picture, _FLOOR) for picture in pictures]
        report["+".join(map(str, sizes))] = measure(found, truths, engine.card)
    return report


def _belts(engine: OnnxEngine, data: Path, held_back: float, scenes: int) -> dict[str, Any]:
    held = read_sources(data, held_back, held=True)
    made = [compose(np.random.default_rng([77, n]), held, _VIEW, zoom=(0.6, 1.6))
            for n in range(scenes)]  # fmt: skip
    report = {
        "scenes": measure(
            [engine.detect(scene.image, _FLOOR) for scene in made],
            [truth_of(scene.boxes) for scene in made],
            engine.card,
        )
    }
    polygon = belt_polygon(data)
    frames = [read_image(path) for path in belt_frames(data, held=True)]
    nothing = truth_of(np.zeros((0, 5), np.float32))
    for mm_per_px, scale in (("1.0", 0.6), ("0.6", 1.0)):
        views = [belt_view(frame, polygon, scale) for frame in frames]
        found = [engine.detect(view, _FLOOR) for view in views]
        report[f"frames_{mm_per_px}_mm_per_px"] = measure(
            found, [nothing] * len(views), engine.card
        )
    return report


def run(
    model_dir: Path,
    data: Path,
    *,
    json_out: Path | None = None,
    held_back: float = 0.08,
    scenes: int = 100,
) -> dict[str, Any]:
    """Measure a model folder; returns the report, also written as JSON where asked."""
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    try:
        engine = OnnxEngine(find_model(f"{model_dir.resolve()}/"), threads=2)
    except ModelError as error:
        raise WorkshopError(str(error)) from error
    report = {
        "model": engine.card.name,
        "thresholds": [known.threshold for known in engine.card.classes],
        "photographs": _photographs(engine, data),
        **_belts(engine, data, held_back, scenes),
    }
    if json_out is not None:
        json_out.parent.mkdir(parents=True, exist_ok=True)
        json_out.write_text(json.dumps(report, indent=1) + "\n")
    return report


def table(reports: dict[str, dict[str, Any]]) -> str:
    """Reports side by side as Markdown: one row per set and class, one column group per model."""
    names = list(reports)
    head = " | ".join(
        f"{name}: AP50 | recall at {FALSE_PER_PHOTO} false | recall, false at threshold"
        for name in names
    )
    lines = [f"| set | class | {head} |", "|---|---|" + "---|" * (3 * len(names))]
    first = reports[names[0]]
    sets = [("photographs", sizes) for sizes in first["photographs"]]
    sets += [(key, "") for key in first if isinstance(first[key], dict) and key != "photographs"]
    for key, sizes in sets:
        for label in CLASS_NAMES:
            cells = []
            for report in reports.values():
                row = (report[key][sizes] if sizes else report[key])[label]
                cells += [
                    str(row.get("ap50", "")),
                    str(row.get("recall_at_budget", "")),
                    f"{row.get('recall', '')}, {row['false_per_picture']}",
                ]
            lines.append(f"| {key} {sizes} | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
