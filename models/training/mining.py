"""Error of the last stage's model on a scene, for hard-example mining."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.vision.detections import from_raw_head
from models.data.composites import Scene
from models.data.dataset import ErrorScore
from models.evaluation.scoring import overlaps
from models.export.onnx import export_onnx, session

_MATCH_IOU, _FALSE_IOU = 0.5, 0.2
"""IoU from which a box has found an object, and up to which it is false. A box between the two is
neither: a box of half a bottle is not a look-alike to learn from."""
_LEAST_SCORE = 0.02


def error_score(weights: Path, folder: Path) -> ErrorScore:
    """A function that returns a checkpoint's error on a scene, 0 to 2.

    The error is the highest score of a false box, plus 1 minus the score of the hazard with the
    lowest score.
    """
    model = session(export_onnx(weights, folder, rounds=1).path)

    def error(scene: Scene) -> float:
        found = from_raw_head(model.run(None, {"images": scene.image[None]})[0], _LEAST_SCORE)
        if not len(scene.boxes):
            return float(found.scores.max(initial=0.0))
        share, _ = overlaps(found.boxes_px, scene.boxes[:, 1:])
        false = found.scores[share.max(axis=1) <= _FALSE_IOU]
        met = (share >= _MATCH_IOU) & (found.classes[:, None] == scene.boxes[None, :, 0])
        surest = np.where(met, found.scores[:, None], 0.0).max(axis=0, initial=0.0)
        return float(false.max(initial=0.0) + 1 - surest.min())

    return error
