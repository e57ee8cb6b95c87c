"""From pixels of the image to millimetres on the belt, and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.lens import Lens
from detector.errors import VigitriError
from detector.profile.belt import Belt, Travel
from detector.profile.calibration import PlaneCalibration
from detector.vocabulary import MmBasis

# Unit vectors in the image (x right, y down): downstream, and across the belt from its left edge
# looking downstream.
DOWNSTREAM: dict[Travel, tuple[float, float]] = {
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


class CalibrationError(VigitriError, ValueError):
    """Points or a polygon that fix no plane, or a calibration that does not match the profile."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltPlane:
    """The belt as a plane: `image` (px, x right, y down) to `belt` (mm, x across, y downstream).

    If the lens is known, image px are undistorted first: `straight` px.
    """

    straight_to_belt: NDArray[np.float64]
    """`(3, 3)` homography; without a lens, straight px are image px."""
    basis: MmBasis
    polygon_px: NDArray[np.float64]
    """`(n, 2)` corners of the belt, image coordinates."""
    residual_mm: float
    """Error of the points (rms); 0 for a nominal plane."""
    lens: Lens | None = None
    size_px: tuple[int, int] | None = None
    """`(width, height)` of the images that it is valid for; None: unknown."""

    def to_belt(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` image px to `(n, 2)` belt mm."""
        straight = points_px if self.lens is None else self.lens.straight(points_px)
        return transformed(self.straight_to_belt, straight)

    def to_image(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` belt mm to `(n, 2)` image px."""
        inverse = np.asarray(np.linalg.inv(self.straight_to_belt), dtype=np.float64)
        straight = transformed(inverse, points_mm)
        return straight if self.lens is None else self.lens.to_image(straight)


def belt_plane(
    belt: Belt, lens: Lens | None = None, calibrated: PlaneCalibration | None = None
) -> BeltPlane:
    """The plane of a profile. Raises `CalibrationError` with key, reason and fix."""
    polygon = belt_polygon(belt, lens)
    size_px = None if lens is None else lens.size_px
    basis: MmBasis = "points"
    if calibrated is not None:
        basis = "points" if calibrated.scale_is_measured else "unverified"
        homography = np.array(calibrated.straight_to_belt, dtype=np.float64)
        size_px, rms_mm = calibrated.size_px, calibrated.rms_mm
    elif belt.points:
        points_px = np.array([point.px for point in belt.points], dtype=np.float64)
        points_mm = np.array([point.mm for point in belt.points], dtype=np.float64)
        homography, rms_mm = surveyed_homography(points_px, points_mm, lens)
    else:
        assert belt.px_per_mm is not None  # the profile requires one of the two
        return nominal_plane(polygon, belt.travel, belt.px_per_mm, "nominal", lens)
    key = "calibration.plane" if calibrated is not None else "belt.points"
    plane = BeltPlane(homography, basis, polygon, rms_mm, lens, size_px)
    refuse_misorientation(key, belt.travel, plane)
    return plane


def belt_polygon(belt: Belt, lens: Lens | None) -> NDArray[np.float64]:
    """`(n, 2)` corners of the belt, image px. Raises `CalibrationError` if they enclose no area.

    The outline is straight between the corners as drawn in the image. With a lens, corners are
    inserted between them, because an undistorted edge bends; they are clipped to the image,
    outside which the lens is unknown.
    """
    polygon = np.asarray(belt.polygon_px, dtype=np.float64)
    if cv2.contourArea(polygon.astype(np.float32)) < 100:
        raise CalibrationError(
            "belt.polygon_px: its corners enclose no area. Give the corners in order around the "
            "belt, e.g. [[0, 40], [1280, 40], [1280, 680], [0, 680]]"
        )
    if lens is None:
        return polygon
    shares = np.linspace(0, 1, 8, endpoint=False)[:, None]
    outline = np.concatenate(
        [
            corner + shares * (following - corner)
            for corner, following in zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
        ]
    )
    return np.asarray(np.clip(outline, 0, lens.size_px), dtype=np.float64)


def nominal_plane(
    polygon_px: NDArray[np.float64],
    travel: Travel,
    px_per_mm: float,
    basis: MmBasis,
    lens: Lens | None = None,
) -> BeltPlane:
    """A view from straight above at one scale; the origin is the belt's upstream left corner.

    `polygon_px`: `(n, 2)` corners of the belt, image px.
    """
    axes = np.array([_ACROSS[travel], DOWNSTREAM[travel]], dtype=np.float64) / px_per_mm
    straight = polygon_px if lens is None else lens.straight(polygon_px)
    origin = (straight @ axes.T).min(axis=0)
    matrix = np.eye(3)
    matrix[:2, :2] = axes
    matrix[:2, 2] = -origin
    return BeltPlane(matrix, basis, polygon_px, 0.0, lens, None if lens is None else lens.size_px)


def surveyed_homography(
    points_px: NDArray[np.float64],
    points_mm: NDArray[np.float64],
    lens: Lens | None,
    key: str = "belt.points",
) -> tuple[NDArray[np.float64], float]:
    """`(3, 3)` homography from straight px to belt mm through four or more points, and its error.

    `points_px`, `points_mm`: `(n, 2)` image px and belt mm. The error is rms in mm. Raises
    `CalibrationError`.
    """
    for name, points in (("px", points_px), ("mm", points_mm)):
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if spread[1] < 0.02 * spread[0] or spread[0] == 0:
            raise CalibrationError(
                f"{key}: all {name} are on one line, which does not fix a plane. "
                "Survey points near the four corners of the belt"
            )
    straight = points_px if lens is None else lens.straight(points_px)
    matrix, _ = cv2.findHomography(straight, points_mm)
    if matrix is None or not np.isfinite(matrix).all():
        raise CalibrationError(f"{key}: no plane fits these points. Compare px with mm")
    homography = np.asarray(matrix, dtype=np.float64)
    if not _all_before_horizon(homography, straight):
        raise CalibrationError(
            f"{key}: no plane visible to the camera fits these points. "
            "Compare px with mm; of four points, no three may be on one line"
        )
    errors_mm = np.linalg.norm(transformed(homography, straight) - points_mm, axis=1)
    residual_mm = float(np.sqrt((errors_mm**2).mean()))
    length_mm = float(np.ptp(points_mm, axis=0).max())
    if residual_mm > 0.02 * length_mm:
        raise CalibrationError(
            f"{key}: their distance from one plane is {residual_mm:.0f} mm (rms), more than 2 % of "
            f"{length_mm:.0f} mm; the worst is points[{int(errors_mm.argmax())}]. Measure it again"
        )
    return homography, residual_mm


def _all_before_horizon(homography: NDArray[np.float64], straight_px: NDArray[np.float64]) -> bool:
    """Whether all points are on the near side of the horizon; beyond it belt coordinates flip."""
    depth = np.column_stack([straight_px, np.ones(len(straight_px))]) @ homography[2]
    return bool((depth * depth[0] > 1e-3 * depth[0] ** 2).all())


def refuse_misorientation(key: str, travel: Travel, plane: BeltPlane) -> None:
    """Raise `CalibrationError` if the plane does not cover the whole belt, or is misoriented.

    Mirrored points, or points with y against the travel, would invert every arrival.
    """
    outline = plane.polygon_px if plane.lens is None else plane.lens.straight(plane.polygon_px)
    if not _all_before_horizon(plane.straight_to_belt, outline):
        raise CalibrationError(
            f"{key}: the plane does not cover the whole of belt.polygon_px. "
            "Compare px with mm; of four points, no three may be on one line"
        )

    centre = plane.polygon_px.mean(axis=0)
    step = 1.0
    probes = np.array([centre, centre + step * np.array(DOWNSTREAM[travel])])
    probes = np.vstack([probes, centre + step * np.array(_ACROSS[travel])])
    at_centre, downstream, across = plane.to_belt(probes)
    downstream, across = downstream - at_centre, across - at_centre
    if abs(downstream[0]) > abs(downstream[1]):
        raise CalibrationError(
            f'{key}: along the travel "{travel}", x mm change instead of y mm. '
            "Write mm = [across, along], or correct belt.travel"
        )
    if downstream[1] <= 0:
        raise CalibrationError(
            f'{key}: y mm decrease along the travel "{travel}". '
            "y must increase downstream: reverse it, or correct belt.travel"
        )
    if across[0] <= 0:
        raise CalibrationError(
            f"{key}: x mm are mirrored. x starts at the left edge of the belt, looking downstream"
        )


def transformed(
    homography: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(n, 2)` points transformed by a `(3, 3)` homography."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], dtype=np.float64)
