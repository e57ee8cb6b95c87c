"""JPEGs of the belt for people: the whole frame, and an object's crop.

What is outside the belt is grey before anything is encoded: people work beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.crops import Box, CropCutter, square_around
from detector.vision.warp import OUTSIDE_GREY, polygon_mask

LONGEST_PX, CROP_PX = 960, 320
"""Longest side of a frame's JPEG; greatest side of a crop's."""
FRAME_QUALITY, CROP_QUALITY = 80, 92
CONTEXT = 1.3
"""Side of the crop / longest side of the box, where there is no verifier that sets it."""


@dataclass(frozen=True, slots=True)
class FrameJpeg:
    """A whole frame, reduced."""

    jpeg: bytes
    size_px: tuple[int, int]
    """Width and height."""
    scale: float
    """Its pixels per pixel of the camera."""


@dataclass(frozen=True, slots=True)
class CropJpeg:
    """An object's crop: at the camera's own resolution, or reduced to CROP_PX."""

    jpeg: bytes
    square_px: Box
    """In the camera's image; may reach beyond it."""
    side_px: int


class BeltImages:
    """Encodes the images of one camera."""

    def __init__(
        self,
        belt_px: NDArray[np.float64],
        image_size_px: tuple[int, int],
        context: float | None = None,
    ) -> None:
        """`belt_px`: `(n, 2)` corners of the belt, image px. `image_size_px`: `(width, height)`.
        `context`: the verifier's."""
        self._belt_px, self._context = belt_px, context or CONTEXT
        # A pixel on the edge shows both sides.
        belt = cv2.erode(polygon_mask(belt_px, image_size_px), np.ones((3, 3), dtype=np.uint8))
        self._outside = cv2.bitwise_not(belt)
        self._grey = np.full((*belt.shape, 3), OUTSIDE_GREY, dtype=np.uint8)
        width, height = image_size_px
        self._scale = min(1.0, LONGEST_PX / max(width, height))
        self._reduced_px = (
            max(1, round(width * self._scale)),
            max(1, round(height * self._scale)),
        )

    def mask(self, image: NDArray[np.uint8]) -> None:
        """Grey what is outside the belt, in place; `(h, w, 3)` uint8 BGR."""
        cv2.copyTo(self._grey, self._outside, image)

    def frame(self, masked: NDArray[np.uint8]) -> FrameJpeg:
        """The whole of a masked image."""
        reduced = masked
        if self._scale < 1:
            reduced = np.asarray(
                cv2.resize(masked, self._reduced_px, interpolation=cv2.INTER_AREA), np.uint8
            )
        return FrameJpeg(_jpeg(reduced, FRAME_QUALITY), self._reduced_px, self._scale)

    def crop(self, masked: NDArray[np.uint8], box_px: Box) -> CropJpeg:
        """The square that the verifier sees of an object in a masked image.

        Raises:
            CropError: The box has no area in the image.
        """
        _, _, square_px = square_around(box_px, self._context)
        side_px = min(CROP_PX, max(1, round(square_px)))
        crop = np.empty((side_px, side_px, 3), dtype=np.uint8)
        CropCutter(side_px, self._context, self._belt_px).cut(masked, box_px, crop)
        return self.cut_already(crop, box_px)

    def cut_already(self, crop: NDArray[np.uint8], box_px: Box) -> CropJpeg:
        """A crop that was cut before, masked, `(n, n, 3)` uint8 BGR; `box_px`: around what."""
        left, top, square_px = square_around(box_px, self._context)
        square = (left, top, left + square_px, top + square_px)
        return CropJpeg(_jpeg(crop, CROP_QUALITY), square, len(crop))


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of {image.shape[1]} x {image.shape[0]} px can't be encoded")
    return data.tobytes()
