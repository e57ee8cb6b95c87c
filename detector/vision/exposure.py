"""Detects unlit frames: those in which the belt is all dark or all white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.ingest.frame import Frame
from detector.vision.warp import polygon_mask

DARK, GLARING = 12, 243
"""Pixel values, of 255. Chosen, not measured on a plant's cameras: at least 85 % of the twin's
drawn belt is between them at night, 93 % under a dirty lens."""
SHOWN_LEAST = 0.02
"""Minimum share of the belt that must not be dark, and must not be glaring; bright objects on a
black belt may cover as little as that."""
SAMPLED_PIXELS = 1000
"""Number of belt pixels that are sampled, about."""


class UnlitError(Exception):
    """The frame shows nothing of the belt: one line with the possible causes."""


class Exposure:
    """Evaluates each frame on a grid of belt pixels."""

    def __init__(self, polygon_px: NDArray[np.float64], image_size_px: tuple[int, int]) -> None:
        """`polygon_px`: `(n, 2)` the belt, image px; `image_size_px`: `(width, height)`."""
        belt = polygon_mask(polygon_px, image_size_px) == 255
        self._step = max(1, int(np.sqrt(belt.sum() / SAMPLED_PIXELS)))
        self._belt = belt[:: self._step, :: self._step]
        self._least = SHOWN_LEAST * self._belt.sum()

    def refuse_unlit(self, frame: Frame) -> None:
        """Raises `UnlitError` if the belt is dark or white all over."""
        blue, green, red = frame.image[:: self._step, :: self._step][self._belt].T
        if np.count_nonzero(np.maximum(np.maximum(blue, green), red) > DARK) < self._least:
            raise UnlitError(
                "the image of the belt is dark. Check the light, the lens cover and the camera's "
                "exposure"
            )
        if np.count_nonzero(np.minimum(np.minimum(blue, green), red) < GLARING) < self._least:
            raise UnlitError(
                "the image of the belt is white all over. Check for light into the lens, and the "
                "camera's exposure"
            )
