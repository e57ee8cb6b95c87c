"""How a plane lies on the belt: turned to its edges, zero at its upstream left corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.belt_plane import DOWNSTREAM, CalibrationError, belt_polygon, transformed
from calibration.belt_section import Belt
from calibration.lens import Lens

_ALONG_DEG = 25.0
"""An edge of the polygon within this of the travel is an edge of the belt."""


@dataclass(frozen=True, slots=True, eq=False)
class OnBelt:
    """A plane in belt coordinates, and what the belt's own edges say of it."""

    straight_to_belt: NDArray[np.float64]
    skew_deg: float
    """Angle between the belt's two edges, which are parallel on a true plane; 0 where the polygon
    shows one of them only."""
    width_mm: float
    """From edge to edge, as the polygon has them."""


def along_the_belt(
    straight_to_plane: NDArray[np.float64],
    belt: Belt,
    lens: Lens | None,
    size_px: tuple[int, int],
) -> OnBelt:
    """Turn and shift a plane, whose millimetres are true, into belt coordinates.

    Raises `CalibrationError` if belt.polygon_px shows no edge of the belt.
    """
    polygon = np.clip(belt_polygon(belt, lens), 0, size_px)
    straight = polygon if lens is None else lens.straight(polygon)
    outline = transformed(straight_to_plane, straight)
    middle = polygon.mean(axis=0)
    probes = np.array([middle, middle + 2.0 * np.array(DOWNSTREAM[belt.travel])])
    here, ahead = transformed(straight_to_plane, probes if lens is None else lens.straight(probes))
    rough = _angle(ahead - here)
    sides = _edges_along(polygon, outline, rough, size_px)
    if not sides:
        raise CalibrationError(
            f'belt.polygon_px: none of its edges runs along the travel "{belt.travel}" within the '
            "picture. Draw it along the belt's two edges, or mend belt.travel"
        )
    travel = _angle(np.sum(list(sides.values()), axis=0))
    turn_by = np.pi / 2 - travel  # the travel is belt y
    turn = np.array(
        [
            [np.cos(turn_by), -np.sin(turn_by), 0],
            [np.sin(turn_by), np.cos(turn_by), 0],
            [0, 0, 1.0],
        ]
    )
    low = transformed(turn, outline).min(axis=0)
    turn[:2, 2] = -low
    skew = 0.0
    if len(sides) == 2:
        left, right = sides.values()
        skew = float(np.degrees(abs(_wrapped(_angle(left) - _angle(right)))))
    matrix = turn @ straight_to_plane
    return OnBelt(matrix / matrix[2, 2], skew, float(np.ptp(transformed(turn, outline)[:, 0])))


def _edges_along(
    polygon: NDArray[np.float64],
    outline: NDArray[np.float64],
    rough: float,
    size_px: tuple[int, int],
) -> dict[bool, NDArray[np.float64]]:
    """Left (True) and right edge of the belt, each the sum of its pieces, mm downstream."""
    sides: dict[bool, NDArray[np.float64]] = {}
    centre = outline.mean(axis=0)
    rim = np.array(size_px, dtype=np.float64)
    ahead = np.array([np.cos(rough), np.sin(rough)])
    for i, start in enumerate(outline):
        j = (i + 1) % len(outline)
        piece = outline[j] - start
        on_rim = (np.abs(polygon[[i, j]]) <= 2) | (np.abs(polygon[[i, j]] - rim) <= 2)
        if on_rim.all(axis=0).any():  # the picture ends there, not the belt
            continue
        if piece @ ahead < 0:
            piece = -piece
        if abs(_wrapped(_angle(piece) - rough)) > np.radians(_ALONG_DEG):
            continue
        from_centre = (start + outline[j]) / 2 - centre
        left = bool(ahead[0] * from_centre[1] - ahead[1] * from_centre[0] > 0)
        sides[left] = sides.get(left, np.zeros(2)) + piece
    return sides


def _angle(vector: NDArray[np.float64]) -> float:
    return float(np.arctan2(vector[1], vector[0]))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
