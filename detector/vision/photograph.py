"""Looking at a picture that has no belt geometry."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections, agreed
from detector.vision.engine import Engine
from detector.vision.warp import OUTSIDE_GREY

# Two looks at one object give boxes that overlap more than this.
_SAME_OBJECT_IOU = 0.6
# What the looks are asked for, however sure the answer is to be: a faint second sighting counts.
_LOOK_MIN_SCORE = 0.05


def detect_in_photograph(
    engine: Engine, picture: NDArray[np.uint8], min_score: float
) -> Detections:
    """Everything found in a `(h, w, 3)` uint8 BGR picture, boxes in its own pixels.

    The picture is reduced to each of the card's `photo_sizes_px`; an object is as sure as the looks
    are on average, so what one of them alone has seen must be seen clearly. Raises `EngineError`.
    """
    card = engine.card
    floor = min(min_score, _LOOK_MIN_SCORE)
    looks = [
        _look(engine, picture, longest_px, card.input.stride, floor)
        for longest_px in card.input.photo_sizes_px
    ]
    found = looks[0] if len(looks) == 1 else agreed(looks, _SAME_OBJECT_IOU)
    return found.at_least(min_score)


def _look(
    engine: Engine, picture: NDArray[np.uint8], longest_px: int, stride: int, min_score: float
) -> Detections:
    height, width = picture.shape[:2]
    size_h, size_w = engine.card.input.size
    # A model of fixed size takes no more than that.
    scale = min(
        longest_px / max(height, width),
        (size_h or longest_px) / height,
        (size_w or longest_px) / width,
    )
    inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
    padded_h = size_h or -(-inner_h // stride) * stride
    padded_w = size_w or -(-inner_w // stride) * stride
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    padded = np.full((padded_h, padded_w, 3), OUTSIDE_GREY, dtype=np.uint8)
    top, left = (padded_h - inner_h) // 2, (padded_w - inner_w) // 2
    padded[top : top + inner_h, left : left + inner_w] = cv2.resize(
        picture, (inner_w, inner_h), interpolation=shrink
    )
    found = engine.detect(padded, min_score)
    offset = np.array([left, top, left, top], dtype=np.float32)
    factor = np.array([width / inner_w, height / inner_h] * 2, dtype=np.float32)
    boxes = (found.boxes_px - offset) * factor
    np.clip(boxes, 0, np.array([width, height] * 2, dtype=np.float32), out=boxes)
    return Detections(boxes, found.scores, found.classes)
