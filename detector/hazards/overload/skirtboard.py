"""How high the material lies: the share of the skirts' painted marks that it hides.

The skirts stand still in the picture, so each place is held against the picture of the empty belt.
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
"""Grey levels beside the skirt's own colour that are something else."""
DARKER_MOST, BRIGHTER_MOST = 0.6, 1.4
"""Of the skirt's brightness."""
_PLACES_MOST = 6000
"""Of an area, more are not looked at: it is shrunk until then."""


class SkirtMarks:
    """The areas with marks, in image px."""

    def __init__(
        self, empty: NDArray[np.uint8], areas_px: Sequence[Sequence[tuple[float, float]]]
    ) -> None:
        """`empty`: `(h, w, 3)` uint8 BGR, the camera's picture of the empty belt.

        Raises `CalibrationError` if an area lies outside it.
        """
        self._areas = [_Area(empty, np.rint(np.array(each)).astype(np.int32)) for each in areas_px]

    def hidden(self, image: NDArray[np.uint8]) -> float:
        """Share of all areas that is hidden. `image`: `(h, w, 3)` uint8 BGR."""
        told = [area.hidden(image) for area in self._areas]
        return sum(hidden for hidden, _ in told) / max(1, sum(size for _, size in told))


class _Area:
    def __init__(self, empty: NDArray[np.uint8], corners_px: NDArray[np.int32]) -> None:
        inside = np.zeros(empty.shape[:2], dtype=np.uint8)
        cv2.fillPoly(inside, [corners_px], 255)
        x, y, width, height = cv2.boundingRect(inside)
        if not width or not height:
            raise CalibrationError(
                f"overload.marks_px: an area at {corners_px.tolist()} lies outside the picture. "
                "Give corners in pixels of this camera's picture"
            )
        shrink = max(1, min(width, height, ceil((width * height / _PLACES_MOST) ** 0.5)))
        self._size = columns, rows = width // shrink, height // shrink
        # Whole places alone: a shrink by a whole number takes a quarter of the time.
        self._box = slice(y, y + rows * shrink), slice(x, x + columns * shrink)
        self._inside = self._small(inside) > 250
        self._colour = BeltColour(self._small(empty))

    def hidden(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """Places hidden, and places in all."""
        picture = self._small(image)
        square = np.asarray(cv2.transform(picture * picture, _SUM), dtype=np.float32)
        level, turned = self._colour.apart(picture, square)
        own = self._inside & (turned < TURNED_MIN)
        light = float(np.median(level[own])) if own.any() else 1.0
        bare = own & (level > DARKER_MOST * light) & (level < BRIGHTER_MOST * light)
        return int((self._inside & ~bare).sum()), int(self._inside.sum())

    def _small(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(image[self._box], self._size, interpolation=cv2.INTER_AREA)
        return cv2.blur(small, (3, 3)).astype(np.float32)


_SUM = np.ones((1, 3), dtype=np.float32)
