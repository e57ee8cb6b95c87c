"""A camera of known position and lens above a belt, for boards and points on the belt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import COLUMNS, ROWS, SQUARE_MM, BoardView
from detector.belt.lens import Lens
from detector.belt.plane import transformed
from detector.profile.belt import Belt
from tests.calibration.board_camera import LENS, ideal_view

CAMERA_MM = (390.0, 620.0, 1350.0)
WIDTH_MM, LENGTH_MM = 760.0, 1100.0
LAYS = [(200.0, 330.0, 4.0), (560.0, 360.0, 92.0), (230.0, 800.0, -80.0), (560.0, 820.0, 175.0)]
"""Position of the board's centre on the belt, mm, and its rotation, degrees."""


def belt_to_straight(
    lens: Lens = LENS,
    camera_mm: Sequence[float] = CAMERA_MM,
    tilt_deg: tuple[float, float] = (2.5, -3.0),
) -> NDArray[np.float64]:
    """Belt mm to straight px for a belt that travels right in the image, seen from above."""
    # Image x is belt y, image y is belt x; the camera points down.
    down = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
    turn = cv2.Rodrigues(np.radians([*tilt_deg, 0.0]))[0] @ down
    shift = -turn @ np.array(camera_mm)
    return np.asarray(lens.matrix @ np.column_stack([turn[:, 0], turn[:, 1], shift]))


def belt_seen(to_straight: NDArray[np.float64], lens: Lens = LENS) -> Belt:
    """The belt with its outline as a person would draw it in the image."""
    along = np.linspace(-0.6, 1.6, 400) * LENGTH_MM
    corners = []
    for x_mm, columns in ((0.0, np.linspace(0, 1, 7)), (WIDTH_MM, np.linspace(1, 0, 7))):
        edge = np.column_stack([np.full(len(along), x_mm), along])
        px = lens.to_image(transformed(to_straight, edge))
        for u in columns * (lens.size_px[0] - 1):
            corners.append([u, float(np.interp(u, px[:, 0], px[:, 1]))])
    return Belt.model_validate({"polygon_px": corners, "travel": "right", "px_per_mm": 1.0})


def board_to_belt(x_mm: float, y_mm: float, turned_deg: float) -> NDArray[np.float64]:
    """Board mm to belt mm, with the board's centre at this position."""
    angle = np.radians(turned_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([1.0, -1.0])
    middle = np.array([COLUMNS, ROWS]) / 2 * SQUARE_MM["a3"]
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.array([x_mm, y_mm]) - turn @ middle
    return matrix


def laid(
    to_straight: NDArray[np.float64],
    lays: Sequence[tuple[float, float, float]] = LAYS,
    lens: Lens = LENS,
    noise_px: float = 0.15,
) -> list[BoardView]:
    """Boards found on the belt, with noise."""
    rng = np.random.default_rng(3)
    views = [
        ideal_view(
            to_straight @ board_to_belt(*lay), rng, lens=lens, noise_px=noise_px, source=f"lay {i}"
        )
        for i, lay in enumerate(lays)
    ]
    return [view for view in views if view is not None]
