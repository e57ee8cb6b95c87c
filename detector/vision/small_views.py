"""Small belt views for motion and coverage, warped directly from the frame.

The part of the frame that shows the belt is halved until it is only a little finer than the view.
So every pixel contributes, and 1080p takes 0.9 ms; OpenCV's own area resizing takes 2 to 3 ms.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.image_shift import followed_px
from detector.belt.plane import CalibrationError
from detector.ingest.frame import Frame
from detector.vision.belt_view import Rectifier
from detector.vision.warp import Warp, polygon_mask

COVERAGE_MM_PER_PX = 5.0
"""Scale at which coverage is measured: bottles and cartons are tens of pixels, belt marks fade."""
COVERAGE_PIXELS_MOST = 25_000
"""A view of 1.2 x 0.7 m has more at that scale; larger views get a coarser scale instead of a
higher cost."""


class SmallViews:
    """One frame's belt, `for_motion` and `for_coverage`, each made on request."""

    def __init__(self, rectifier: Rectifier) -> None:
        """Raises `CalibrationError` if a view would show too little belt."""
        self._rectifier = rectifier
        self._halves = _Halves(rectifier)
        width, height = rectifier.size_px
        across, along = followed_px(rectifier.size_px)
        self._motion = self._warp((across, along), (width / across, height / along), 1.0)
        each_px = max(1, round(COVERAGE_MM_PER_PX / rectifier.mm_per_px))
        while width * height > COVERAGE_PIXELS_MOST * each_px**2:
            each_px += 1
        # Texture distinguishes dark objects from a dark belt, and a warp alone would blur it: the
        # view is warped twice as fine, then halved. Coverage is then within 0.01 of that of the
        # full view.
        coverage_px = 2 * max(1, width // each_px), 2 * max(1, height // each_px)
        self._coverage = self._warp(coverage_px, (each_px / 2, each_px / 2), 1.2)
        self._coverage_px = np.empty((coverage_px[1] // 2, coverage_px[0] // 2, 3), dtype=np.uint8)
        self.coverage_mm_per_px = rectifier.mm_per_px * each_px
        if not (self.motion_mask.any() and self.coverage_mask.any()):
            raise CalibrationError(
                "belt.polygon_px: shows too little belt to measure coverage at "
                f"{self.coverage_mm_per_px:.3g} mm/px. Fix it, or the scale (belt.px_per_mm, "
                "belt.points)"
            )

    @property
    def motion_mask(self) -> NDArray[np.bool_]:
        """`(h, w)` bool: belt pixels of `for_motion`."""
        return self._motion[0].belt_mask

    @property
    def coverage_mask(self) -> NDArray[np.bool_]:
        """`(h, w)` bool: belt pixels of `for_coverage`."""
        return np.asarray(
            _half(np.where(self._coverage[0].belt_mask, 255, 0).astype(np.uint8)) == 255
        )

    def update(self, frame: Frame) -> None:
        """Use this frame from now on. Raises `CalibrationError` if the image size has changed."""
        self._rectifier.refuse_another_size(frame)
        self._halves.set_image(frame.image)

    def for_motion(self) -> NDArray[np.uint8]:
        """The view for motion: `(h, w, 3)` uint8 BGR, downstream up; a reused buffer."""
        warp, times = self._motion
        return warp.of(self._halves.halved(times))

    def for_coverage(self) -> NDArray[np.uint8]:
        """The view for coverage: `(h, w, 3)` uint8 BGR, downstream up; a reused buffer."""
        warp, times = self._coverage
        return _half(warp.of(self._halves.halved(times)), self._coverage_px)

    def _warp(
        self, size_px: tuple[int, int], each_px: tuple[float, float], finer: float
    ) -> tuple[Warp, int]:
        """The warp to a view of `size_px` `(width, height)`, and how often its source is halved.

        `each_px`: size of the view's pixels in belt view px. The source is halved while it is at
        least `finer` times as fine as the view.
        """
        fine = self._rectifier.least_image_px_per_view_px * min(each_px)
        times = min(max(0, int(np.floor(np.log2(fine / finer)))), self._halves.most)
        (width, height), each = size_px, np.array(each_px)
        v, u = np.mgrid[0:height, 0:width]
        middles = (np.column_stack([u.ravel(), v.ravel()]) + 0.5) * each - 0.5
        image_px = self._rectifier.view_to_image(middles) - self._halves.origin_px
        # The centre of a halved pixel is the middle of the pixels that it averages.
        at = (image_px + 0.5) / 2**times - 0.5
        return Warp(at.reshape(height, width, 2), self._halves.belt(times)), times


class _Halves:
    """The part of a frame that shows the belt, halved repeatedly on request."""

    def __init__(self, rectifier: Rectifier) -> None:
        self._belt = polygon_mask(rectifier.plane.polygon_px, rectifier.image_size_px)
        x, y, width, height = cv2.boundingRect(self._belt)
        self.origin_px = np.array([x, y])
        """Top left corner of that part, image px."""
        self._part = slice(y, y + height), slice(x, x + width)
        self._halves: list[NDArray[np.uint8]] = [np.empty((height, width, 3), np.uint8)]
        """The part, then each half of the one before."""
        while min(height, width) > 1:
            height, width = height // 2, width // 2
            self._halves.append(np.empty((height, width, 3), np.uint8))
        self.most = len(self._halves) - 1
        """How often it can be halved."""
        self._made = 0
        """How many halves are of the current frame."""

    def set_image(self, image: NDArray[np.uint8]) -> None:
        self._halves[0], self._made = image[self._part], 0

    def halved(self, times: int) -> NDArray[np.uint8]:
        """The part halved `times` times, `(h, w, 3)` uint8 BGR."""
        for number in range(self._made, times):
            _half(self._halves[number], self._halves[number + 1])
        self._made = max(self._made, times)
        return self._halves[times]

    def belt(self, times: int) -> NDArray[np.uint8]:
        """`(h, w)` uint8: 255 for pixels averaged from belt pixels only, after `times` halvings."""
        belt = self._belt[self._part]
        for _ in range(times):
            belt = _half(belt)
        return np.where(belt == 255, 255, 0).astype(np.uint8)


def _half(image: NDArray[np.uint8], into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """`image` with each 2 x 2 pixels averaged to one; an odd last row or column is dropped."""
    height, width = (side // 2 for side in image.shape[:2])
    even = image[: 2 * height, : 2 * width]
    half = cv2.resize(even, (width, height), dst=into, interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)
