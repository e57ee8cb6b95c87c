"""Whether boxes and scores make sense, and drawn images to try a model on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections
from detector.vision.warp import OUTSIDE_GREY

LEAST_SCORE = 1e-6
"""Padding rows of a head have score 0 and no box."""
_TOP = 100
"""Number of highest-scoring boxes that are examined: those below are noise."""
_FEW = 0.2
"""YOLO26 has no lower bound for a box's sides: a few of its noise end before they begin."""


def unsound(found: Detections, size_px: tuple[int, int]) -> str:
    """What is wrong with detections in an image of that height and width; empty: nothing."""
    height, width = size_px
    if not len(found):
        return ""
    if not (found.scores.min() >= 0 and found.scores.max() <= 1 + 1e-3):
        return f"scores reach {found.scores.max():.3g}, beyond 0 to 1"
    boxes = found.boxes_px[:_TOP]
    sides = boxes[:, 2:] - boxes[:, :2]
    upside_down = int((sides < 0).any(axis=1).sum())
    if upside_down > _FEW * len(boxes):
        return f"{upside_down} of {len(boxes)} boxes end before they begin (x0 > x1 or y0 > y1)"
    if np.abs(boxes).max() <= 2:
        return f"all {len(boxes)} boxes lie within 2 px of the corner: they are in shares, not px"
    centres = boxes[:, :2] + sides / 2
    outside = ((centres < 0) | (centres > np.array([width, height]))).any(axis=1)
    if outside.mean() > 0.5:
        return f"{int(outside.sum())} of {len(boxes)} boxes lie outside the image"
    return ""


def drawn_images(height: int, width: int) -> list[NDArray[np.uint8]]:
    """Images on which most models find something: shapes on grey, and coarse noise."""
    shapes = np.full((height, width, 3), OUTSIDE_GREY, np.uint8)
    shapes[height // 4 : height // 2, width // 4 : width // 2] = 255
    centre, radius = (3 * width // 4, 3 * height // 4), max(2, min(height, width) // 8)
    cv2.circle(shapes, centre, radius, (40, 40, 200), cv2.FILLED)
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return [shapes, np.asarray(noise, dtype=np.uint8)]
