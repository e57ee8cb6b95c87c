"""The rectified picture of the belt: constant scale, downstream up, nothing but belt."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.plane import BeltPlane, CalibrationError
from detector.ingest.frame import Frame
from detector.vision.warp import Warp, belt_in

EDGE_PX = 4.0
"""A box that comes this near to an end of the belt that was looked at may be cut by it; a model's
boxes are good to about as much."""

_LARGEST_VIEW_PX = 4096 * 4096
_LEAST_IN_PICTURE = 0.5
"""Of the polygon: one that was drawn on 1920 x 1080 px lies in 1280 x 720 by 0.44."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltView:
    """One frame's belt, in view coordinates (px, u right = across, v down = upstream)."""

    image: NDArray[np.uint8]
    """`(h, w, 3)` uint8 BGR, h and w multiples of the model's stride; a buffer used again. A
    strip's view has its rows alone."""
    frame: Frame


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of the belt view, all across: what the model looks at in one look."""

    top_px: int
    bottom_px: int
    """Rows from and to, view coordinates; as many as the model's stride divides."""
    upstream_mm: float
    downstream_mm: float
    """The belt in them, belt coordinates."""


class Rectifier:
    """Turns frames, or the rows of a strip of them, into belt views, in one buffer."""

    def __init__(
        self, plane: BeltPlane, image_size_px: tuple[int, int], mm_per_px: float, stride: int
    ) -> None:
        """`image_size_px`: `(width, height)` of the frames that will come.

        Raises `CalibrationError` if the belt lies outside the picture or the view grows too large.
        """
        if plane.size_px is not None and plane.size_px != image_size_px:
            raise CalibrationError(
                f"calibration: size_px = {list(plane.size_px)}: the camera gives "
                f"{image_size_px[0]} x {image_size_px[1]} px. Set the camera back, or calibrate "
                "it as it is now with `vigitri calibrate line`"
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
                "Give a coarser scale, or mend belt.points"
            )
        self.extent_mm = (float(x0), float(y0), float(x1), float(y1))
        """x0, y0, x1, y1 of the belt in view, belt coordinates."""
        # Rows count upstream from the downstream end; spare rows and columns stay grey.
        self._belt_to_view = np.array(
            [[1 / mm_per_px, 0, -x0 / mm_per_px], [0, -1 / mm_per_px, y1 / mm_per_px], [0, 0, 1]]
        )
        self.size_px = width, height
        """`(width, height)` of the view."""
        self.least_image_px_per_view_px = self._least_image_px_per_view_px(polygon)
        """How fine the camera is where it is coarsest."""
        # A bilinear warp reads 2 x 2 pixels: a camera more than twice as fine is shrunk first.
        self._shrink = max(1, int(self.least_image_px_per_view_px))
        if self._shrink > min(image_size_px):
            raise self._too_little(f"one of its pixels would be {self._shrink} of the picture's")
        self._shrunk: NDArray[np.uint8] | None = None
        belt = belt_in(plane.polygon_px, image_size_px)
        if self._shrink > 1:
            belt = np.where(self._reduced(belt) == 255, 255, 0).astype(np.uint8)
        self._warp = Warp(self._sources(), belt)
        self.belt_mask = self._warp.belt_mask
        """`(h, w)` bool, view coordinates: what is belt, and made of nothing else."""
        if not self.belt_mask.any():
            raise self._too_little(f"of its {width} x {height} px none would be belt alone")

    def _too_little(self, why: str) -> CalibrationError:
        return CalibrationError(
            f"belt.polygon_px: shows too little belt for a view of {self.mm_per_px:g} mm/px: {why}"
            ". Mend it, or the scale (belt.px_per_mm, belt.points), or give a finer view.mm_per_px"
        )

    def strip(self, upstream_mm: float, downstream_mm: float) -> Strip:
        """The rows that show at least that stretch of the belt in view."""
        _, first_mm, _, last_mm = self.extent_mm
        height = self.size_px[1]
        length = min(
            height, _multiple((downstream_mm - upstream_mm) / self.mm_per_px, self._stride)
        )
        # The view's spare rows lie upstream of the belt, and nobody needs to look at them.
        bottom_mm = max(first_mm, upstream_mm)
        bottom = int(np.ceil(np.round((last_mm - bottom_mm) / self.mm_per_px, 3)))
        top = min(max(0, bottom - length), height - length)
        return Strip(
            top,
            top + length,
            max(first_mm, last_mm - (top + length) * self.mm_per_px),
            last_mm - top * self.mm_per_px,
        )

    def look(self, frame: Frame, strip: Strip | None = None) -> BeltView:
        """The belt in this frame, or that strip of it alone.

        Raises `CalibrationError` if the picture's size has changed.
        """
        self.refuse_another_size(frame)
        rows = slice(None) if strip is None else slice(strip.top_px, strip.bottom_px)
        if self._shrink == 1:
            return BeltView(self._warp.of(frame.image, rows), frame)
        return BeltView(self._warp.of(self._shrunk_for(rows, frame.image), rows), frame)

    def refuse_another_size(self, frame: Frame) -> None:
        """Raises `CalibrationError` if the picture's size has changed."""
        if frame.size_px != self.image_size_px:
            width, height = frame.size_px
            raise CalibrationError(
                f"the camera now gives {width} x {height} px, the line was set up for "
                f"{self.image_size_px[0]} x {self.image_size_px[1]}. Set the camera back, or "
                "restart with a profile for this size"
            )

    def _shrunk_for(self, rows: slice, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture as coarse as the view needs it, where these rows come from."""
        times = self._shrink
        if self._shrunk is None:
            self._shrunk = self._reduced(image)
        shrunk = self._shrunk
        x0, y0, x1, y1 = self._warp.source_px(rows)
        x0, y0 = max(0, x0), max(0, y0)
        x1, y1 = min(shrunk.shape[1], x1), min(shrunk.shape[0], y1)
        if x0 < x1 and y0 < y1:  # else these rows show no belt
            part = image[y0 * times : y1 * times, x0 * times : x1 * times]
            shrunk[y0:y1, x0:x1] = self._reduced(part)
        return shrunk

    def _reduced(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Each `shrink` x `shrink` pixels one."""
        height, width = (side // self._shrink for side in picture.shape[:2])
        whole = picture[: height * self._shrink, : width * self._shrink]
        small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def _least_image_px_per_view_px(self, polygon_px: NDArray[np.float64]) -> float:
        """How fine the camera is where it is coarsest, over the corners of the belt."""
        corners = self.image_to_view(polygon_px)
        middle = corners.mean(axis=0)
        places = np.vstack([middle, corners + 0.02 * (middle - corners)])
        steps = [
            np.linalg.norm(self.view_to_image(places + step) - self.view_to_image(places), axis=1)
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
        """`(h, w, 2)` where each pixel comes from in the picture, shrunk."""
        width, height = self.size_px
        v, u = np.mgrid[0:height, 0:width]
        image_px = self.view_to_image(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
        # Pixel i of the shrunk picture has its centre in the middle of those that it is made of.
        at = (image_px - (self._shrink - 1) / 2) / self._shrink
        return at.reshape(height, width, 2)

    def boxes_in_image(self, boxes_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 4)` x0, y0, x1, y1 view px to the boxes around them in the image, `(n, 4)`."""
        x0, y0, x1, y1 = boxes_px.T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        image = self.view_to_image(corners).reshape(-1, 4, 2)
        boxes = np.concatenate([image.min(axis=1), image.max(axis=1)], axis=1)
        width, height = self.image_size_px
        return np.asarray(np.clip(boxes, 0, [width, height, width, height]), dtype=np.float64)


def _within(plane: BeltPlane, image_size_px: tuple[int, int]) -> NDArray[np.float64]:
    """What the picture shows of the belt's polygon, without its dents."""
    width, height = image_size_px
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    hull = cv2.convexHull(plane.polygon_px.astype(np.float32))
    area, cut = cv2.intersectConvexConvex(hull, picture)
    if area <= 0 or cut is None:
        raise CalibrationError(
            f"belt.polygon_px: lies outside the picture of {width} x {height} px. "
            "Give its corners in pixels of this camera's picture"
        )
    share = area / cv2.contourArea(hull)
    if share < _LEAST_IN_PICTURE:
        raise CalibrationError(
            f"belt.polygon_px: only {share:.0%} of it lies in the picture of {width} x {height} px."
            " Give its corners, and belt.points, in pixels of this camera's picture as it is now"
        )
    return np.asarray(cut, dtype=np.float64).reshape(-1, 2)


def _multiple(length: float, stride: int) -> int:
    return max(stride, int(np.ceil(np.round(length, 3) / stride)) * stride)
