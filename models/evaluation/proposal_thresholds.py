"""The score of each class from which a detection is proposed to the second network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.vision.catalogue import find_model, read_card, write_card
from models.data.sources import CLASS_NAMES, HELD_BACK
from models.data.wide_sources import read_wide
from models.evaluation.evaluate import open_model
from models.evaluation.proposals import FLOOR, Pictures, Scored, harmless, score, threshold_at

FALSE_PER_PICTURE = 1.0
"""Detections of one class per harmless picture that are bearable; see docs/experiments.md."""
_LEAST = 0.02
HOW = (
    f"per class the lowest score, {_LEAST:g} or more, with at most {FALSE_PER_PICTURE:g} "
    "detections of it per held-out harmless picture of 416 px"
)


def proposal_thresholds(free: Scored, pictures: Pictures) -> dict[str, float]:
    """By class name. free: the model on the harmless `pictures`."""
    allowed = FALSE_PER_PICTURE * len(pictures.images)
    chosen = {}
    for label, name in enumerate(CLASS_NAMES):
        scores = np.concatenate([each.scores[each.classes == label] for each in free.found])
        lowest = threshold_at(np.sort(scores)[::-1], allowed) if len(scores) else FLOOR
        chosen[name] = max(_LEAST, float(np.ceil(lowest * 100) / 100))
    return chosen


def run(
    model: str, data: Path, *, held_back: float = HELD_BACK, engine: str = "onnxruntime"
) -> dict[str, float]:
    """Choose the thresholds of a model folder and write them into its card."""
    pictures = harmless(read_wide(data, held_back, held=True))
    chosen = proposal_thresholds(score(open_model(model, engine), pictures), pictures)
    write_proposal_thresholds(find_model(model).path, chosen)
    return chosen


def write_proposal_thresholds(folder: Path, thresholds: Mapping[str, float]) -> None:
    """Set `proposal_threshold` of each class in `card.toml`, never above its `threshold`."""
    card = read_card(folder / "card.toml")
    classes = tuple(
        known.model_copy(
            update={"proposal_threshold": min(known.threshold, thresholds[known.name])}
        )
        for known in card.classes
    )
    write_card(folder, card.model_copy(update={"classes": classes}))
