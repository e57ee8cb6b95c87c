"""Which pictures the last stage's model is most wrong about."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.vision.detections import from_raw_head
from models.data.composites import Scene
from models.data.dataset import Wrongness
from models.evaluation.scoring import overlaps
from models.export.onnx import export_onnx, session

_MET, _APART = 0.5, 0.2
"""Intersection over union from which a box has found a thing, and up to which it is a false one.
What lies between is neither: a box of half a bottle is no look-alike to learn from."""
_LEAST_SCORE = 0.02


def wrongness(weights: Path, folder: Path) -> Wrongness:
    """How wrong a checkpoint is about a scene, 0 to 2.

    The highest score of a box where nothing is, plus what the score of the hazard that it is least
    sure of lacks of 1.
    """
    model = session(export_onnx(weights, folder, rounds=1).path)

    def of(scene: Scene) -> float:
        found = from_raw_head(model.run(None, {"images": scene.image[None]})[0], _LEAST_SCORE)
        if not len(scene.boxes):
            return float(found.scores.max(initial=0.0))
        share, _ = overlaps(found.boxes_px, scene.boxes[:, 1:])
        false = found.scores[share.max(axis=1) <= _APART]
        met = (share >= _MET) & (found.classes[:, None] == scene.boxes[None, :, 0])
        surest = np.where(met, found.scores[:, None], 0.0).max(axis=0, initial=0.0)
        return float(false.max(initial=0.0) + 1 - surest.min())

    return of
