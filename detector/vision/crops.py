"""Crops of objects from the camera's own pixels, as the verifier sees them.

A crop is a square around an object's box, upright in the camera's image. What is outside the belt
is masked, as in the belt view; beyond the image's border its last pixels are repeated.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.vision.warp import OUTSIDE_GREY

_SUBPIXEL_BITS = 4
_FARTHEST_PX = 30_000.0
"""Corners of the belt are kept within this distance, in px of a crop: OpenCV draws with 32 bits."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in image coordinates, px."""


class CropError(VigitriError, ValueError):
    """A box of which no crop can be cut."""


class CropCutter:
    """Cuts the crops of one camera's images."""

    def __init__(
        self, input_px: int, context: float, belt_px: NDArray[np.float64] | None = None
    ) -> None:
        """Args:
        input_px: Side of a crop.
        context: Side of the square / longest side of the box.
        belt_px: `(n, 2)` corners of the belt, image coordinates; None: nothing is masked.
        """
        self._input_px, self._context, self._belt_px = input_px, context, belt_px
        shape = (input_px, input_px)
        self._grey = np.full((*shape, 3), OUTSIDE_GREY, dtype=np.uint8)
        self._outside = np.zeros(shape, dtype=np.uint8)
        self._halves = [np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.uint8)]

    def cut(self, image: NDArray[np.uint8], box_px: Box, into: NDArray[np.uint8]) -> None:
        """Cut the square around a box.

        Args:
            image: `(h, w, 3)` uint8 BGR.
            box_px: Box of the object.
            into: `(input_px, input_px, 3)` uint8 BGR, where the crop is written.

        Raises:
            CropError: The box has no area in the image.
        """
        height, width = image.shape[:2]
        if not has_area(box_px, (width, height)):
            raise CropError(
                f"crop of the box {', '.join(f'{side:.1f}' for side in box_px)}: it has no area in "
                f"the image of {width} x {height} px. Give x0 < x1 and y0 < y1 inside the image"
            )
        left, top, side_px = square_around(box_px, self._context)
        x = _Span(left, side_px, width, self._input_px)
        y = _Span(top, side_px, height, self._input_px)
        shrink = cv2.INTER_AREA if side_px > self._input_px else cv2.INTER_LINEAR
        cv2.resize(
            self._halved(image[y.source, x.source], side_px),
            (x.end - x.start, y.end - y.start),
            dst=into[y.start : y.end, x.start : x.end],
            interpolation=shrink,
        )
        rows = slice(y.start, y.end)
        into[rows, : x.start] = into[rows, x.start, None]
        into[rows, x.end :] = into[rows, x.end - 1, None]
        into[: y.start] = into[y.start]
        into[y.end :] = into[y.end - 1]
        if self._belt_px is not None:
            self._mask(self._belt_px, left, top, side_px, into)

    def _halved(self, part: NDArray[np.uint8], side_px: float) -> NDArray[np.uint8]:
        """`part`, halved as long as the square stays larger than a crop: OpenCV averages 2 x 2
        pixels four times faster than any other number."""
        number = 0
        while side_px >= 2 * self._input_px and min(part.shape[:2]) > 1:
            height, width = part.shape[0] // 2, part.shape[1] // 2
            if self._halves[number].size < height * width * 3:
                self._halves[number] = np.empty(height * width * 3, dtype=np.uint8)
            half = self._halves[number][: height * width * 3].reshape(height, width, 3)
            even = part[: 2 * height, : 2 * width]
            cv2.resize(even, (width, height), dst=half, interpolation=cv2.INTER_AREA)
            part, side_px, number = half, side_px / 2, 1 - number
        return part

    def _mask(
        self,
        belt_px: NDArray[np.float64],
        left: float,
        top: float,
        side_px: float,
        into: NDArray[np.uint8],
    ) -> None:
        """Grey what is outside the belt: people work beside it."""
        corners = (belt_px + 0.5 - (left, top)) * (self._input_px / side_px) - 0.5
        np.clip(corners, -_FARTHEST_PX, _FARTHEST_PX, out=corners)
        points = [np.rint(corners * 2**_SUBPIXEL_BITS).astype(np.int32)]
        self._outside.fill(255)
        cv2.fillPoly(self._outside, points, 0, shift=_SUBPIXEL_BITS)
        # A pixel on the edge shows both sides.
        cv2.polylines(self._outside, points, True, 255, shift=_SUBPIXEL_BITS)
        cv2.copyTo(self._grey, self._outside, into)


def has_area(box_px: Box, size_px: tuple[int, int]) -> bool:
    """Whether a crop can be cut of a box in an image of `size_px` `(width, height)`."""
    x0, y0, x1, y1 = box_px
    width, height = size_px
    # Written so that a number that is not finite has no area.
    return min(x1, width) - max(x0, 0) > 0 and min(y1, height) - max(y0, 0) > 0


def square_around(box_px: Box, context: float) -> tuple[float, float, float]:
    """Left, top and side of the square around a box, px; one px or more."""
    x0, y0, x1, y1 = box_px
    side_px = max(1.0, context * max(x1 - x0, y1 - y0))
    return (x0 + x1 - side_px) / 2, (y0 + y1 - side_px) / 2, side_px


class _Span:
    """One side of a square: the pixels that the image has of it, and their place in the crop."""

    __slots__ = ("end", "source", "start")

    def __init__(self, first: float, side_px: float, size_px: int, input_px: int) -> None:
        """`first`: where the square begins. `size_px`: size of the image."""
        low = min(max(round(first), 0), size_px - 1)
        high = min(max(round(first + side_px), low + 1), size_px)
        self.source = slice(low, high)
        scale = input_px / side_px
        self.start = min(max(round((low - first) * scale), 0), input_px - 1) if low == 0 else 0
        inside = input_px if high < size_px else round((high - first) * scale)
        self.end = min(max(inside, self.start + 1), input_px)
