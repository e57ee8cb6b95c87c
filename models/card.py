"""The card of a model folder: made and changed here, written and read by the runtime."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.vision.catalogue import Card, ModelFolder, sha256
from detector.vocabulary import CLASSES, PLAUSIBLE_MM

LICENCE = "AGPL-3.0-only (trained with ultralytics from a YOLO26n checkpoint under that licence)"


def new_card(
    folder: Path,
    *,
    name: str,
    thresholds: Sequence[float],
    version: int = 1,
    head: str = "raw",
    photo_sizes_px: Sequence[int] = (416,),
    metrics: dict[str, Any] | None = None,
    **training: Any,
) -> Card:
    """The card of the `model.onnx` in a folder.

    thresholds: operating score per class, in class order. training: keys of `[training]`; data:
    training data with licences (`models.data.provenance`).
    """
    classes = [
        {
            "index": index,
            "name": known,
            "hazard": hazard.value,
            "plausible_length_mm": PLAUSIBLE_MM[hazard],
            "threshold": round(threshold, 2),
        }
        for index, ((known, hazard), threshold) in enumerate(
            zip(CLASSES.items(), thresholds, strict=True)
        )
    ]
    return Card.model_validate(
        {
            "name": name,
            "version": version,
            "head": head,
            "input": {
                "name": "images",
                "layout": "nhwc_bgr_u8",
                "stride": 32,
                "size": (0, 0),
                "mm_per_px": (0.6, 1.6),
                "photo_sizes_px": photo_sizes_px,
            },
            "classes": classes,
            "files": {"model.onnx": sha256(folder / "model.onnx")},
            "training": {"licence": LICENCE, "date": datetime.date.today(), **training},
            "metrics": metrics or {},
        }
    )


def derived(
    folder: Path, parent: ModelFolder, name: str, data: Sequence[str] = (), **facts: Any
) -> Card:
    """The card of the `model.onnx` in a folder that was made from another model.

    It keeps the parent's version, input, thresholds and training data. data: what it has learned
    from besides. facts: further keys of `[training]`.
    """
    card, training = parent.card, parent.card.training
    made = new_card(
        folder,
        name=name,
        thresholds=[known.threshold for known in card.classes],
        version=card.version,
        head=card.head,
        start_from=training.start_from,
        recipe=training.recipe,
        data=list(dict.fromkeys([*training.data, *data])),
        architecture=training.architecture,
        parent=f"{card.name} {parent.sha256}",
        **facts,
    )
    return made.model_copy(update={"input": card.input})


def evaluated(card: Card, thresholds: Sequence[float], metrics: dict[str, Any]) -> Card:
    """A copy with the model's own thresholds, in class order, and its metrics."""
    classes = tuple(
        known.model_copy(update={"threshold": round(threshold, 2)})
        for known, threshold in zip(card.classes, thresholds, strict=True)
    )
    return card.model_copy(update={"classes": classes, "metrics": metrics})
