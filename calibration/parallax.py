"""Camera position above the belt, and the parallax of high objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.belt.lens import Lens

Points = NDArray[np.float64]

OBJECT_MM = 150.0
"""About the height of a gas bottle lying on the belt."""


@dataclass(frozen=True, slots=True)
class CameraPosition:
    """Camera position, belt mm; `z` is above the belt."""

    x_mm: float
    y_mm: float
    z_mm: float
    inconsistency: float
    """Disagreement of plane and lens: relative skew or scale difference of the plane's axes as seen
    through the lens."""

    def displaced_mm(self, points_mm: Points, height_mm: float) -> Points:
        """`(n, 2)` apparent displacement of the top of objects at `points_mm`, mm."""
        outward = points_mm - np.array([self.x_mm, self.y_mm])
        return np.asarray(outward * height_mm / (self.z_mm - height_mm), dtype=np.float64)


def camera_position(straight_to_belt: NDArray[np.float64], lens: Lens) -> CameraPosition:
    """Camera position from a plane, `(3, 3)`, and the lens with which it was calibrated."""
    axes = np.linalg.inv(lens.matrix) @ np.linalg.inv(straight_to_belt)
    sizes = np.linalg.norm(axes[:, :2], axis=0)
    axes = axes / sizes.mean() * np.sign(axes[2, 2])
    across, along, shift = axes.T
    u, _, v = np.linalg.svd(np.column_stack([across, along, np.cross(across, along)]))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    x, y, z = -turn.T @ shift
    skew = abs(across @ along) / np.prod(np.linalg.norm([across, along], axis=1))
    uneven = abs(sizes[0] - sizes[1]) / sizes.mean()
    return CameraPosition(float(x), float(y), float(z), float(max(skew, uneven)))
