"""A grid of the belt's pixels, taken of every frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.warp import polygon_mask

SAMPLED_PIXELS = 1000
"""Number of belt pixels that are sampled, about."""


class BeltSamples:
    """Single pixels at equal distances over the belt, in reused buffers."""

    def __init__(self, polygon_px: NDArray[np.float64], image_size_px: tuple[int, int]) -> None:
        """`polygon_px`: `(n, 2)` the belt, image px; `image_size_px`: `(width, height)`."""
        belt = polygon_mask(polygon_px, image_size_px)
        self.step_px = max(1, int(np.sqrt(cv2.countNonZero(belt) / SAMPLED_PIXELS)))
        self.belt = belt[:: self.step_px, :: self.step_px].copy()
        """`(h, w)` uint8: 255 for belt."""
        self.count = cv2.countNonZero(self.belt)
        self.bgr = np.zeros((*self.belt.shape, 3), dtype=np.uint8)
        """`(h, w, 3)` uint8."""
        self.grey = np.zeros(self.belt.shape, dtype=np.uint8)
        """`(h, w)` uint8."""
        self.brightness = 0.0
        """Mean of `grey` over the belt."""

    def update(self, image: NDArray[np.uint8]) -> None:
        """Sample an image, `(h, w, 3)` uint8 BGR."""
        np.copyto(self.bgr, image[:: self.step_px, :: self.step_px])
        cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY, dst=self.grey)
        self.brightness = cv2.mean(self.grey, self.belt)[0]

    def share(self, least: int, most: int) -> float:
        """Share of the belt's samples whose three colours are all from `least` to `most`."""
        inside = cv2.inRange(self.bgr, (least,) * 3, (most,) * 3)
        return cv2.countNonZero(cv2.bitwise_and(inside, self.belt)) / max(1, self.count)
