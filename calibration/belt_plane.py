"""From pixels of the picture to millimetres on the belt, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.line_profile import Belt, Travel

Basis = Literal["none", "nominal", "points"]

# Unit vectors in the picture (x right, y down): downstream, and across the belt from its left edge
# for somebody who looks downstream.
_DOWNSTREAM: dict[Travel, tuple[float, float]] = {
    "right": (1, 0),
    "left": (-1, 0),
    "down": (0, 1),
    "up": (0, -1),
}
_ACROSS: dict[Travel, tuple[float, float]] = {
    "right": (0, 1),
    "left": (0, -1),
    "down": (-1, 0),
    "up": (1, 0),
}


class CalibrationError(ValueError):
    """Points or a polygon that fix no plane, or another one than the profile says."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltPlane:
    """The belt as a plane: `image` (px, x right, y down) to `belt` (mm, x across, y downstream)."""

    image_to_belt: NDArray[np.float64]
    """`(3, 3)` homography."""
    basis: Basis
    polygon_px: NDArray[np.float64]
    """`(n, 2)` corners of the belt, image coordinates."""
    residual_mm: float
    """Root mean square of what the points miss the plane by; 0 where it is nominal."""

    def to_belt(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` image px to `(n, 2)` belt mm."""
        return _transform(self.image_to_belt, points_px)

    def to_image(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` belt mm to `(n, 2)` image px."""
        inverse = np.asarray(np.linalg.inv(self.image_to_belt), dtype=np.float64)
        return _transform(inverse, points_mm)


def belt_plane(belt: Belt) -> BeltPlane:
    """The plane that a profile gives. Raises `CalibrationError` with key, reason and mend."""
    polygon = np.asarray(belt.polygon_px, dtype=np.float64)
    if cv2.contourArea(polygon.astype(np.float32)) < 100:
        raise CalibrationError(
            "belt.polygon_px: its corners enclose no area. Give the corners in order around the "
            "belt, e.g. [[0, 40], [1280, 40], [1280, 680], [0, 680]]"
        )
    if belt.points:
        return _surveyed(belt, polygon)
    assert belt.px_per_mm is not None  # the profile has one of the two
    return nominal_plane(polygon, belt.travel, belt.px_per_mm, "nominal")


def nominal_plane(
    polygon_px: NDArray[np.float64], travel: Travel, px_per_mm: float, basis: Basis
) -> BeltPlane:
    """A picture taken straight from above at one scale; zero is the belt's upstream left corner."""
    axes = np.array([_ACROSS[travel], _DOWNSTREAM[travel]], dtype=np.float64) / px_per_mm
    origin = (polygon_px @ axes.T).min(axis=0)
    matrix = np.eye(3)
    matrix[:2, :2] = axes
    matrix[:2, 2] = -origin
    return BeltPlane(matrix, basis, polygon_px, 0.0)


def _surveyed(belt: Belt, polygon: NDArray[np.float64]) -> BeltPlane:
    points_px = np.array([point.px for point in belt.points], dtype=np.float64)
    points_mm = np.array([point.mm for point in belt.points], dtype=np.float64)
    for name, points in (("px", points_px), ("mm", points_mm)):
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if spread[1] < 0.02 * spread[0] or spread[0] == 0:
            raise CalibrationError(
                f"belt.points: their {name} lie on one line and fix no plane. "
                "Survey points near the four corners of the belt"
            )
    matrix, _ = cv2.findHomography(points_px, points_mm)
    if matrix is None or not np.isfinite(matrix).all():
        raise CalibrationError("belt.points: no plane goes through them. Check px against mm")
    homography = np.asarray(matrix, dtype=np.float64)
    # On the far side of the plane's horizon belt coordinates turn around.
    depth = np.column_stack(
        [np.vstack([points_px, polygon]), np.ones(len(points_px) + len(polygon))]
    )
    depth = depth @ homography[2]
    if (depth * depth[0] <= 1e-3 * depth[0] ** 2).any():
        raise CalibrationError(
            "belt.points: their plane does not reach over the whole of belt.polygon_px. "
            "Check px against mm, and that no three of four points lie on one line"
        )
    _refuse_swapped(belt.travel, homography, polygon)
    missed = np.linalg.norm(_transform(homography, points_px) - points_mm, axis=1)
    residual_mm = float(np.sqrt((missed**2).mean()))
    length_mm = float(np.ptp(points_mm, axis=0).max())
    if residual_mm > 0.02 * length_mm:
        raise CalibrationError(
            f"belt.points: they miss one plane by {residual_mm:.0f} mm (rms), more than 2 % of "
            f"{length_mm:.0f} mm; the worst is points[{int(missed.argmax())}]. Measure it again"
        )
    return BeltPlane(homography, "points", polygon, residual_mm)


def _refuse_swapped(
    travel: Travel, homography: NDArray[np.float64], polygon: NDArray[np.float64]
) -> None:
    """Points that are mirrored or run against the travel would turn every arrival around."""
    centre = polygon.mean(axis=0)
    step = 1.0
    probes = np.array([centre, centre + step * np.array(_DOWNSTREAM[travel])])
    probes = np.vstack([probes, centre + step * np.array(_ACROSS[travel])])
    at_centre, downstream, across = _transform(homography, probes)
    downstream, across = downstream - at_centre, across - at_centre
    if abs(downstream[0]) > abs(downstream[1]):
        raise CalibrationError(
            f'belt.points: their x mm, not their y mm, change where the belt travels "{travel}". '
            "Write mm = [across, along], or mend belt.travel"
        )
    if downstream[1] <= 0:
        raise CalibrationError(
            f'belt.points: their y mm fall where the belt travels "{travel}". '
            "y counts along the travel: turn it around, or mend belt.travel"
        )
    if across[0] <= 0:
        raise CalibrationError(
            "belt.points: their x mm are mirrored. x counts from the left edge of the belt for "
            "somebody who looks downstream"
        )


def _transform(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], dtype=np.float64)
