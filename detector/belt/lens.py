"""The lens: from the camera's image to an undistorted one (`straight`), and back."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.profile.calibration import LensCalibration

Points = NDArray[np.float64]

# OpenCV's default of five iterations leaves 0.1 px at the rim of a wide lens.
_TO_THE_END = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-12)
_BEYOND = 1.05
"""The fitted model is used up to this factor beyond the image's farthest corner."""


class LensError(VigitriError, ValueError):
    """An impossible lens: one line with key, value and fix."""


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """A camera's lens, by OpenCV's pinhole model.

    `image` px are the camera's; `straight` px are those of a lens with the same focal length and
    principal point, but without distortion.
    """

    matrix: NDArray[np.float64]
    """`(3, 3)` camera matrix, px."""
    distortion: NDArray[np.float64]
    """`(5,)` k1, k2, p1, p2, k3."""
    size_px: tuple[int, int]
    """`(width, height)` of the images that it is valid for."""
    _reach: float = field(init=False)
    """Distance from the axis, in focal lengths, up to which the model is used."""

    def __post_init__(self) -> None:
        """Raises `LensError` if the model folds the image over itself."""
        rim = self._rim()
        straight = self._undistorted(rim)
        radii = np.linalg.norm(self._rays(straight), axis=1)
        object.__setattr__(self, "_reach", float(radii.max()) * _BEYOND)
        # Along every ray the distorted radius must grow up to the rim; the rim must map to itself.
        steps = np.linspace(0.02, 1.0, 50)[:, None, None] * self._rays(straight)
        grown = np.linalg.norm(self._rays(self._distorted(steps.reshape(-1, 2))), axis=1)
        back = self._distorted(self._rays(straight))
        if (
            not np.isfinite(straight).all()
            or np.abs(back - rim).max() > 0.05
            or (np.diff(grown.reshape(50, -1), axis=0) <= 0).any()
        ):
            raise LensError(
                f"calibration.lens.distortion = {[round(float(k), 4) for k in self.distortion]}: "
                "folds the image over itself. Run `vigitri calibrate intrinsics` again, with the "
                "board shown up to the image's corners"
            )

    def straight(self, image_px: Points) -> Points:
        """`(n, 2)` image px to `(n, 2)` straight px."""
        return self._undistorted(np.asarray(image_px, dtype=np.float64))

    def to_image(self, straight_px: Points) -> Points:
        """`(n, 2)` straight px to `(n, 2)` image px.

        Beyond the image's rim the polynomial can turn around and lead back into the image; there
        the distortion of the rim is used.
        """
        rays = self._rays(np.asarray(straight_px, dtype=np.float64))
        radius = np.linalg.norm(rays, axis=1, keepdims=True)
        beyond = np.maximum(radius / self._reach, 1.0)
        centre = self.matrix[:2, 2]
        return np.asarray(centre + (self._distorted(rays / beyond) - centre) * beyond)

    def _rays(self, px: Points) -> Points:
        focal = np.diag(self.matrix)[:2]
        return np.asarray((px - self.matrix[:2, 2]) / focal, dtype=np.float64)

    def _distorted(self, rays: Points) -> Points:
        # Same as cv2.projectPoints, which takes 4 s for the million points of a belt view.
        k1, k2, p1, p2, k3 = self.distortion
        x, y = rays.T
        square = x * x + y * y
        stretch = 1 + square * (k1 + square * (k2 + square * k3))
        bent = np.column_stack(
            [
                x * stretch + 2 * p1 * x * y + p2 * (square + 2 * x * x),
                y * stretch + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
            ]
        )
        return np.asarray(bent * np.diag(self.matrix)[:2] + self.matrix[:2, 2], dtype=np.float64)

    def _undistorted(self, px: Points) -> Points:
        if len(px) == 0:
            return px
        points = np.ascontiguousarray(px).reshape(-1, 1, 2)
        straight = cv2.undistortImagePoints(points, self.matrix, self.distortion, None, _TO_THE_END)
        return np.asarray(straight, dtype=np.float64).reshape(-1, 2)

    def _rim(self) -> Points:
        width, height = self.size_px
        along, edge = np.linspace(0, 1, 17), np.zeros(17)
        rim = np.vstack(
            [
                np.column_stack([along, edge]),
                np.column_stack([along, edge + 1]),
                np.column_stack([edge, along]),
                np.column_stack([edge + 1, along]),
            ]
        )
        return np.asarray(rim * [width - 1, height - 1], dtype=np.float64)


def lens_of(found: LensCalibration) -> Lens:
    """The lens of a profile's calibration. Raises `LensError`."""
    (fx, fy), (cx, cy) = found.focal_px, found.centre_px
    if min(fx, fy) <= 0:
        raise LensError(
            f"calibration.lens.focal_px = [{fx:g}, {fy:g}]: a focal length must be positive. "
            "Run `vigitri calibrate intrinsics` again"
        )
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)
    return Lens(matrix, np.array(found.distortion, dtype=np.float64), found.size_px)
