"""Height of the material: the share of the skirts' painted marks that it hides.

The skirts are stationary in the image, so each pixel is compared with the reference image of the
empty belt.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.hazards.overload.empty_belt import BeltColour

TURNED_MIN = 14.0
"""Colour distance from the skirt in grey levels from which a pixel is material."""
DARKER_MAX, BRIGHTER_MAX = 0.6, 1.4
"""Shares of the skirt's brightness."""
_MAX_PIXELS = 6000
"""An area with more pixels is shrunk."""


class SkirtMarks:
    """The areas with marks, in image coordinates."""

    def __init__(
        self, empty: NDArray[np.uint8], areas_px: Sequence[Sequence[tuple[float, float]]]
    ) -> None:
        """`empty`: `(h, w, 3)` uint8 BGR, the camera's image of the empty belt; `areas_px`: the
        corners (x, y) of each area.

        Raises `CalibrationError` if an area is outside the image.
        """
        self._areas = [_Area(empty, np.rint(np.array(each)).astype(np.int32)) for each in areas_px]

    def hidden(self, image: NDArray[np.uint8]) -> float:
        """Hidden share of all areas, 0 to 1. `image`: `(h, w, 3)` uint8 BGR."""
        counts = [area.hidden(image) for area in self._areas]
        return sum(hidden for hidden, _ in counts) / max(1, sum(size for _, size in counts))


class _Area:
    def __init__(self, empty: NDArray[np.uint8], corners_px: NDArray[np.int32]) -> None:
        inside = np.zeros(empty.shape[:2], dtype=np.uint8)
        cv2.fillPoly(inside, [corners_px], 255)
        x, y, width, height = cv2.boundingRect(inside)
        if not width or not height:
            raise CalibrationError(
                f"overload.marks_px: an area at {corners_px.tolist()} is outside the image. Give "
                "corners in pixels of this camera's image"
            )
        shrink = max(1, min(width, height, ceil((width * height / _MAX_PIXELS) ** 0.5)))
        self._size = columns, rows = width // shrink, height // shrink
        # Cropped to a multiple: shrinking by an integer takes a quarter of the time.
        self._box = slice(y, y + rows * shrink), slice(x, x + columns * shrink)
        self._inside = self._small(inside) > 250
        self._colour = BeltColour(self._small(empty))

    def hidden(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """Number of hidden pixels, and of all pixels."""
        small = self._small(image)
        square = np.asarray(cv2.transform(small * small, _SUM), dtype=np.float32)
        level, turned = self._colour.difference(small, square)
        own = self._inside & (turned < TURNED_MIN)
        light = float(np.median(level[own])) if own.any() else 1.0
        bare = own & (level > DARKER_MAX * light) & (level < BRIGHTER_MAX * light)
        return int((self._inside & ~bare).sum()), int(self._inside.sum())

    def _small(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(image[self._box], self._size, interpolation=cv2.INTER_AREA)
        return cv2.blur(small, (3, 3)).astype(np.float32)


_SUM = np.ones((1, 3), dtype=np.float32)
