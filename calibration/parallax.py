"""Where the camera hangs over the belt, and what an object's height does to its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.belt.lens import Lens

Points = NDArray[np.float64]

OBJECT_MM = 150.0
"""A gas bottle lying on the belt is about as high."""


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """Where the camera hangs, belt mm, `z` above the belt."""

    x_mm: float
    y_mm: float
    z_mm: float
    distorts: float
    """By how much the plane's axes are not square and of one scale as the lens sees them; what
    the plane and the lens disagree in."""

    def displaced_mm(self, points_mm: Points, height_mm: float) -> Points:
        """`(n, 2)` how far the top of an object there seems to lie from where it stands, mm."""
        outward = points_mm - np.array([self.x_mm, self.y_mm])
        return np.asarray(outward * height_mm / (self.z_mm - height_mm), dtype=np.float64)


def camera_place(straight_to_belt: NDArray[np.float64], lens: Lens) -> CameraPlace:
    """From a plane and the lens that it was made through."""
    axes = np.linalg.inv(lens.matrix) @ np.linalg.inv(straight_to_belt)
    sizes = np.linalg.norm(axes[:, :2], axis=0)
    axes = axes / sizes.mean() * np.sign(axes[2, 2])
    across, along, shift = axes.T
    u, _, v = np.linalg.svd(np.column_stack([across, along, np.cross(across, along)]))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    x, y, z = -turn.T @ shift
    skew = abs(across @ along) / np.prod(np.linalg.norm([across, along], axis=1))
    uneven = abs(sizes[0] - sizes[1]) / sizes.mean()
    return CameraPlace(float(x), float(y), float(z), float(max(skew, uneven)))
