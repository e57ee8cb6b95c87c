"""Sharpness of the image, by the edges of what passes."""

from __future__ import annotations

from collections import deque
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH_PX, PATCHES = 96, 4
FINE_PX, COARSE_PX = 1.0, 4.0
"""Standard deviations of the two blurs between which an edge is compared."""
EDGE_MIN = 3.0
"""Grey levels per px of an edge after the coarse blur; weaker ones are texture and noise."""
EDGE_PIXELS_MIN = 40
CHECKS = 24
"""Number of patches with edges over which the median is taken."""


class Sharpness:
    """Compares the steepness of edges after a fine and after a coarse blur.

    A sharp edge is four times as steep after the fine one, a blurred edge as steep as before.
    Objects, not the belt, give the edges; a bare belt gives no value. Only edges along the travel
    count: those across it are blurred by the belt's motion.
    """

    def __init__(self, belt: NDArray[np.uint8], *, along_x: bool) -> None:
        """`belt`: `(h, w)` uint8, 255 for belt, in the camera's image; `along_x`: the travel is
        along the image's rows."""
        x, y, width, height = cv2.boundingRect(belt)
        side = min(PATCH_PX, width, height)
        self._corners = [
            (y + round((height - side) * across), x + round((width - side) * along))
            for across, along in ((0.3, 0.2), (0.7, 0.45), (0.45, 0.7), (0.55, 0.9))
        ]
        self._corners = [
            (top, left)
            for top, left in self._corners
            if cv2.mean(belt[top : top + side, left : left + side])[0] > 250
        ]
        self._side = side
        self._axis = (0, 1) if along_x else (1, 0)
        self._next = 0
        self._ratios: deque[float] = deque(maxlen=CHECKS)

    @property
    def value(self) -> float | None:
        """Median ratio of the steepnesses, 1 to 4; None: too few edges so far."""
        return median(self._ratios) if len(self._ratios) == CHECKS else None

    def update(self, image: NDArray[np.uint8]) -> None:
        """Evaluate one patch of a `(h, w, 3)` uint8 BGR image."""
        if not self._corners:
            return
        top, left = self._corners[self._next]
        self._next = (self._next + 1) % len(self._corners)
        patch = image[top : top + self._side, left : left + self._side]
        grey = np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        fine, coarse = self._steepness(grey, FINE_PX), self._steepness(grey, COARSE_PX)
        edges = coarse > max(EDGE_MIN, float(np.percentile(coarse, 90)))
        if np.count_nonzero(edges) < EDGE_PIXELS_MIN:
            return
        # The steepest place near each edge: the blurs do not peak at the same pixel.
        fine = np.asarray(cv2.dilate(fine, np.ones((7, 7), np.uint8)), np.float32)
        self._ratios.append(float(np.median(fine[edges] / coarse[edges])))

    def _steepness(self, grey: NDArray[np.float32], blur_px: float) -> NDArray[np.float32]:
        blurred = cv2.GaussianBlur(grey, (0, 0), blur_px)
        across, along = self._axis  # the derivative across the travel
        return np.abs(cv2.Sobel(blurred, cv2.CV_32F, across, along, ksize=3, scale=1 / 8))
