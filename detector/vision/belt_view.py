"""The rectified picture of the belt: constant scale, downstream up, nothing but belt."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.belt_plane import BeltPlane, CalibrationError
from detector.ingest.frame import Frame

OUTSIDE_GREY = 114
"""What is not belt: the grey that YOLO models are trained to see around a picture."""

_LARGEST_VIEW_PX = 4096 * 4096


@dataclass(frozen=True, slots=True, eq=False)
class BeltView:
    """One frame's belt, in view coordinates (px, u right = across, v down = upstream)."""

    image: NDArray[np.uint8]
    """`(h, w, 3)` uint8 BGR, h and w multiples of the model's stride; a buffer used again."""
    frame: Frame


class Rectifier:
    """Turns frames into belt views. One warp per frame, into the same buffer each time."""

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
        self._image_size_px = image_size_px
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
        # A bilinear warp reads 2 x 2 pixels: a camera more than twice as fine is shrunk first.
        self._shrink = shrink = max(1, int(self._least_image_px_per_view_px(polygon)))
        self._maps = self._lookup(width, height, shrink)
        self._view = np.full((height, width, 3), OUTSIDE_GREY, dtype=np.uint8)
        self._grey = self._view.copy()
        self.belt_mask: NDArray[np.bool_] = self._pure_belt()
        """`(h, w)` bool, view coordinates: what is belt, and made of nothing else."""
        self._outside = np.where(self.belt_mask, 0, 255).astype(np.uint8)

    @property
    def size_px(self) -> tuple[int, int]:
        """`(width, height)` of the view."""
        return self._view.shape[1], self._view.shape[0]

    def look(self, frame: Frame) -> BeltView:
        """The belt in this frame. Raises `CalibrationError` if the picture's size has changed."""
        if frame.size_px != self._image_size_px:
            width, height = frame.size_px
            raise CalibrationError(
                f"the camera now gives {width} x {height} px, the line was set up for "
                f"{self._image_size_px[0]} x {self._image_size_px[1]}. Set the camera back, or "
                "restart with a profile for this size"
            )
        self._warped(self._shrunk(frame.image), self._view)
        cv2.copyTo(self._grey, self._outside, self._view)
        return BeltView(self._view, frame)

    def _shrunk(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._shrink == 1:
            return image
        factor = 1 / self._shrink
        shrunk = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, dtype=np.uint8)

    def _warped(self, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        # From 1080p in one run: 3.1 ms, OpenCV 5's warpAffine 5.9 and warpPerspective 4.4. Where
        # each pixel comes from is worked out once.
        cv2.remap(image, *self._maps, cv2.INTER_LINEAR, dst=out)

    def _pure_belt(self) -> NDArray[np.bool_]:
        """Where the warp reads no pixel from outside the polygon: people work there."""
        width, height = self._image_size_px
        belt = np.zeros((height, width), dtype=np.uint8)
        cv2.fillPoly(belt, [np.rint(self.plane.polygon_px).astype(np.int32)], 255)
        pure = np.where(self._shrunk(belt) == 255, 255, 0).astype(np.uint8)
        # A neighbour that weighs less than one part in 500 is rounded away in 8 bits.
        pure = cv2.erode(pure, np.ones((3, 3), dtype=np.uint8)).astype(np.uint8)
        warped = np.zeros(self._view.shape[:2], dtype=np.uint8)
        self._warped(pure, warped)
        return np.asarray(warped == 255)

    def _least_image_px_per_view_px(self, polygon_px: NDArray[np.float64]) -> float:
        """How fine the camera is where it is coarsest, over the corners of the belt."""
        corners = self.image_to_view(polygon_px)
        middle = corners.mean(axis=0)
        places = np.vstack([middle, corners + 0.02 * (middle - corners)])
        steps = [
            np.linalg.norm(self._in_image(places + step) - self._in_image(places), axis=1)
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

    def _in_image(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` view px to `(n, 2)` image px."""
        return self.plane.to_image(self.view_to_belt(points_px))

    def _lookup(
        self, width: int, height: int, shrink: int
    ) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
        """Where each view pixel comes from, in `cv2.remap`'s fixed point (1/32 px)."""
        v, u = np.mgrid[0:height, 0:width]
        image_px = self._in_image(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
        # Pixel i of the shrunk picture has its centre in the middle of those that it is made of.
        at = (image_px - (shrink - 1) / 2) / shrink
        # The fixed point has 16 bits: what lies beyond would come round again.
        x, y = np.clip(at, -1000, 30_000).astype(np.float32).T.reshape(2, height, width)
        whole, part = cv2.convertMaps(x, y, cv2.CV_16SC2)
        return np.asarray(whole, dtype=np.int16), np.asarray(part, dtype=np.uint16)

    def boxes_in_image(self, boxes_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 4)` x0, y0, x1, y1 view px to the boxes around them in the image, `(n, 4)`."""
        x0, y0, x1, y1 = boxes_px.T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        image = self._in_image(corners).reshape(-1, 4, 2)
        boxes = np.concatenate([image.min(axis=1), image.max(axis=1)], axis=1)
        width, height = self._image_size_px
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
    return np.asarray(cut, dtype=np.float64).reshape(-1, 2)


def _multiple(length: float, stride: int) -> int:
    return max(stride, int(np.ceil(np.round(length, 3) / stride)) * stride)
