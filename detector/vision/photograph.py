"""Detection in photographs, without belt geometry."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections, fused
from detector.vision.engine import Engine
from detector.vision.warp import OUTSIDE_GREY

# Boxes of one object from two passes overlap by more than this.
_SAME_OBJECT_IOU = 0.6
# Minimum score of each pass, regardless of the final one: a weak second detection also counts.
_PASS_MIN_SCORE = 0.05


def detect_in_photograph(engine: Engine, image: NDArray[np.uint8], min_score: float) -> Detections:
    """Detections in a `(h, w, 3)` uint8 BGR image, in its own pixels.

    The image is resized to each of the card's `photo_sizes_px`, one inference pass each. A score is
    the mean over the passes, so an object that only one pass detects needs a high score there.
    Raises `EngineError`.
    """
    card = engine.card
    floor = min(min_score, _PASS_MIN_SCORE)
    passes = [
        _detect_at_size(engine, image, longest_px, card.input.stride, floor)
        for longest_px in card.input.photo_sizes_px
    ]
    found = passes[0] if len(passes) == 1 else fused(passes, _SAME_OBJECT_IOU)
    return found.at_least(min_score)


def _detect_at_size(
    engine: Engine, image: NDArray[np.uint8], longest_px: int, stride: int, min_score: float
) -> Detections:
    height, width = image.shape[:2]
    size_h, size_w = engine.card.input.size
    # The image must fit into a model of fixed size.
    scale = min(
        longest_px / max(height, width),
        (size_h or longest_px) / height,
        (size_w or longest_px) / width,
    )
    inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
    if engine.card.input.fit == "stretch" and size_h and size_w:
        inner_w, inner_h = size_w, size_h
    padded_h = size_h or -(-inner_h // stride) * stride
    padded_w = size_w or -(-inner_w // stride) * stride
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    padded = np.full((padded_h, padded_w, 3), OUTSIDE_GREY, dtype=np.uint8)
    top, left = (padded_h - inner_h) // 2, (padded_w - inner_w) // 2
    padded[top : top + inner_h, left : left + inner_w] = cv2.resize(
        image, (inner_w, inner_h), interpolation=shrink
    )
    found = engine.detect(padded, min_score)
    offset = np.array([left, top, left, top], dtype=np.float32)
    factor = np.array([width / inner_w, height / inner_h] * 2, dtype=np.float32)
    boxes = (found.boxes_px - offset) * factor
    np.clip(boxes, 0, np.array([width, height] * 2, dtype=np.float32), out=boxes)
    return Detections(boxes, found.scores, found.classes)
