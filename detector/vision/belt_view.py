"""The belt view: the rectified belt at a constant scale, downstream up, everything else masked."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.plane import BeltPlane, CalibrationError
from detector.ingest.frame import Frame
from detector.vision.warp import Warp, polygon_mask

EDGE_PX = 4.0
"""A box closer than this to an end of the processed belt may be cut off by it; model boxes are
accurate to about this distance."""

_LARGEST_VIEW_PX = 4096 * 4096
_MIN_SHARE_IN_IMAGE = 0.5
"""Share of the polygon's area. A polygon that was drawn on 1920 x 1080 px has 0.44 of its area in
1280 x 720 px."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltView:
    """The belt of one frame, in view coordinates (px, u right = across, v down = upstream)."""

    image: NDArray[np.uint8]
    """`(h, w, 3)` uint8 BGR, h and w multiples of the model's stride. A reused buffer: valid until
    the next view. A strip's view has only the strip's rows."""
    frame: Frame


@dataclass(frozen=True, slots=True)
class Strip:
    """Full-width rows of the belt view: the input of one inference pass."""

    top_px: int
    bottom_px: int
    """First row and end row (exclusive), view coordinates; their number is a multiple of the
    model's stride."""
    upstream_mm: float
    downstream_mm: float
    """Ends of the belt in these rows, belt coordinates."""


class Rectifier:
    """Makes belt views of frames, whole or of one strip, in a single reused buffer."""

    def __init__(
        self, plane: BeltPlane, image_size_px: tuple[int, int], mm_per_px: float, stride: int
    ) -> None:
        """Args:
            plane: The belt in the image.
            image_size_px: `(width, height)` of the camera's frames.
            mm_per_px: Scale of the view.
            stride: The model's stride, of which the view's sides are multiples.

        Raises:
            CalibrationError: The belt is outside the image, or the view would be too large or
                empty.
        """
        if plane.size_px is not None and plane.size_px != image_size_px:
            raise CalibrationError(
                f"calibration: size_px = {list(plane.size_px)}: the camera gives "
                f"{image_size_px[0]} x {image_size_px[1]} px. Reset the camera, or calibrate "
                "it again with `vigitri calibrate line`"
            )
        self.plane = plane
        self.mm_per_px = mm_per_px
        self._stride = stride
        self.image_size_px = image_size_px
        polygon = _within(plane, image_size_px)
        corners = plane.to_belt(polygon)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        width = _multiple((x1 - x0) / mm_per_px, stride)
        height = _multiple((y1 - y0) / mm_per_px, stride)
        if width * height > _LARGEST_VIEW_PX:
            raise CalibrationError(
                f"view.mm_per_px = {mm_per_px:g}: the belt view would be {width} x {height} px. "
                "Give a coarser scale, or fix belt.points"
            )
        self.extent_mm = (float(x0), float(y0), float(x1), float(y1))
        """x0, y0, x1, y1 of the visible belt, belt coordinates."""
        # Rows count upstream from the downstream end; padding rows and columns stay grey.
        self._belt_to_view = np.array(
            [[1 / mm_per_px, 0, -x0 / mm_per_px], [0, -1 / mm_per_px, y1 / mm_per_px], [0, 0, 1]]
        )
        self.size_px = width, height
        """`(width, height)` of the view."""
        self.least_image_px_per_view_px = self._least_image_px_per_view_px(polygon)
        """Resolution of the camera where it is lowest, image px per view px."""
        # A bilinear warp reads 2 x 2 pixels: an image more than twice as fine is shrunk first.
        self._shrink = max(1, int(self.least_image_px_per_view_px))
        if self._shrink > min(image_size_px):
            raise self._too_little(f"one of its pixels would be {self._shrink} px of the image")
        self._shrunk: NDArray[np.uint8] | None = None
        belt = polygon_mask(plane.polygon_px, image_size_px)
        if self._shrink > 1:
            belt = np.where(self._reduced(belt) == 255, 255, 0).astype(np.uint8)
        self._warp = Warp(self._sources(), belt)
        self.belt_mask = self._warp.belt_mask
        """`(h, w)` bool, view coordinates: pixels interpolated from belt pixels only."""
        if not self.belt_mask.any():
            raise self._too_little(f"none of its {width} x {height} px would show only belt")

    def _too_little(self, why: str) -> CalibrationError:
        return CalibrationError(
            f"belt.polygon_px: shows too little belt for a view of {self.mm_per_px:g} mm/px: {why}"
            ". Fix it, or the scale (belt.px_per_mm, belt.points), or give a finer view.mm_per_px"
        )

    def strip(self, upstream_mm: float, downstream_mm: float) -> Strip:
        """The strip that shows at least this stretch of the visible belt (belt coordinates)."""
        _, first_mm, _, last_mm = self.extent_mm
        height = self.size_px[1]
        length = min(
            height, _multiple((downstream_mm - upstream_mm) / self.mm_per_px, self._stride)
        )
        # The view's padding rows are upstream of the belt and need no inference.
        bottom_mm = max(first_mm, upstream_mm)
        bottom = int(np.ceil(np.round((last_mm - bottom_mm) / self.mm_per_px, 3)))
        top = min(max(0, bottom - length), height - length)
        return Strip(
            top,
            top + length,
            max(first_mm, last_mm - (top + length) * self.mm_per_px),
            last_mm - top * self.mm_per_px,
        )

    def rectify(self, frame: Frame, strip: Strip | None = None) -> BeltView:
        """The belt view of `frame`, whole or of one strip.

        Raises `CalibrationError` if the image size has changed.
        """
        self.refuse_another_size(frame)
        rows = slice(None) if strip is None else slice(strip.top_px, strip.bottom_px)
        if self._shrink == 1:
            return BeltView(self._warp.of(frame.image, rows), frame)
        return BeltView(self._warp.of(self._shrunk_for(rows, frame.image), rows), frame)

    def refuse_another_size(self, frame: Frame) -> None:
        """Raises `CalibrationError` if the image size has changed."""
        if frame.size_px != self.image_size_px:
            width, height = frame.size_px
            raise CalibrationError(
                f"the camera now gives {width} x {height} px, the line was set up for "
                f"{self.image_size_px[0]} x {self.image_size_px[1]}. Reset the camera, or "
                "restart with a profile for this size"
            )

    def _shrunk_for(self, rows: slice, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The shrunk image, updated where these rows of the view are sampled."""
        times = self._shrink
        if self._shrunk is None:
            self._shrunk = self._reduced(image)
        shrunk = self._shrunk
        x0, y0, x1, y1 = self._warp.source_px(rows)
        x0, y0 = max(0, x0), max(0, y0)
        x1, y1 = min(shrunk.shape[1], x1), min(shrunk.shape[0], y1)
        if x0 < x1 and y0 < y1:  # otherwise these rows show no belt
            part = image[y0 * times : y1 * times, x0 * times : x1 * times]
            shrunk[y0:y1, x0:x1] = self._reduced(part)
        return shrunk

    def _reduced(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`image` with each `shrink` x `shrink` pixels averaged to one."""
        height, width = (side // self._shrink for side in image.shape[:2])
        whole = image[: height * self._shrink, : width * self._shrink]
        small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def _least_image_px_per_view_px(self, polygon_px: NDArray[np.float64]) -> float:
        """The lowest resolution over the belt's corners and middle, image px per view px."""
        corners = self.image_to_view(polygon_px)
        middle = corners.mean(axis=0)
        points = np.vstack([middle, corners + 0.02 * (middle - corners)])
        steps = [
            np.linalg.norm(self.view_to_image(points + step) - self.view_to_image(points), axis=1)
            for step in ([1, 0], [0, 1])
        ]
        return float(np.sqrt(steps[0] * steps[1]).min())

    def image_to_view(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` image px to `(n, 2)` view px."""
        return self.belt_to_view(self.plane.to_belt(points_px))

    def belt_to_view(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` belt mm to `(n, 2)` view px."""
        matrix = self._belt_to_view
        return np.asarray(points_mm @ matrix[:2, :2].T + matrix[:2, 2], dtype=np.float64)

    def view_to_belt(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` view px to `(n, 2)` belt mm."""
        matrix = self._belt_to_view
        return np.asarray((points_px - matrix[:2, 2]) / np.diag(matrix)[:2], dtype=np.float64)

    def view_to_image(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` view px to `(n, 2)` image px."""
        return self.plane.to_image(self.view_to_belt(points_px))

    def _sources(self) -> NDArray[np.float64]:
        """`(h, w, 2)` x, y in the shrunk image from which each view pixel is sampled."""
        width, height = self.size_px
        v, u = np.mgrid[0:height, 0:width]
        image_px = self.view_to_image(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
        # The centre of a shrunk pixel is the middle of the pixels that it averages.
        at = (image_px - (self._shrink - 1) / 2) / self._shrink
        return at.reshape(height, width, 2)

    def boxes_in_image(self, boxes_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 4)` x0, y0, x1, y1 view px to their `(n, 4)` bounding boxes in image px."""
        x0, y0, x1, y1 = boxes_px.T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        image = self.view_to_image(corners).reshape(-1, 4, 2)
        boxes = np.concatenate([image.min(axis=1), image.max(axis=1)], axis=1)
        width, height = self.image_size_px
        return np.asarray(np.clip(boxes, 0, [width, height, width, height]), dtype=np.float64)


def _within(plane: BeltPlane, image_size_px: tuple[int, int]) -> NDArray[np.float64]:
    """`(n, 2)` image px: the convex hull of the belt's polygon, clipped to the image."""
    width, height = image_size_px
    image = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    hull = cv2.convexHull(plane.polygon_px.astype(np.float32))
    area, cut = cv2.intersectConvexConvex(hull, image)
    if area <= 0 or cut is None:
        raise CalibrationError(
            f"belt.polygon_px: is outside the image of {width} x {height} px. "
            "Give its corners in pixels of this camera's image"
        )
    share = area / cv2.contourArea(hull)
    if share < _MIN_SHARE_IN_IMAGE:
        raise CalibrationError(
            f"belt.polygon_px: only {share:.0%} of it is in the image of {width} x {height} px."
            " Give its corners, and belt.points, in pixels of this camera's current image"
        )
    return np.asarray(cut, dtype=np.float64).reshape(-1, 2)


def _multiple(length: float, stride: int) -> int:
    return max(stride, int(np.ceil(np.round(length, 3) / stride)) * stride)
