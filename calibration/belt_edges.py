"""Aligning a plane with the belt: axes along its edges, origin at its upstream left corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.belt.lens import Lens
from detector.belt.plane import DOWNSTREAM, CalibrationError, belt_polygon, transformed
from detector.profile.belt import Belt

_ALONG_DEG = 25.0
"""An edge of the polygon within this angle of the travel is an edge of the belt."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedPlane:
    """A plane in belt coordinates, and its errors by the belt's own edges."""

    straight_to_belt: NDArray[np.float64]
    """`(3, 3)` homography from straight px to belt mm."""
    skew_deg: float
    """Angle between the belt's two edges, which are parallel on a correct plane; 0 if the polygon
    shows only one of them."""
    width_mm: float
    """Distance between the edges of the polygon."""


def align_to_belt(
    straight_to_plane: NDArray[np.float64],
    belt: Belt,
    lens: Lens | None,
    size_px: tuple[int, int],
) -> AlignedPlane:
    """Rotate and shift a plane with true millimetres into belt coordinates.

    `straight_to_plane`: `(3, 3)` homography; `size_px`: `(width, height)` of the image. Raises
    `CalibrationError` if belt.polygon_px shows no edge of the belt.
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
            "image. Draw it along the belt's two edges, or correct belt.travel"
        )
    travel = _angle(np.sum([side.along for side in sides.values()], axis=0))
    turn_by = np.pi / 2 - travel  # the travel is belt y
    turn = np.array(
        [
            [np.cos(turn_by), -np.sin(turn_by), 0],
            [np.sin(turn_by), np.cos(turn_by), 0],
            [0, 0, 1.0],
        ]
    )
    turned = transformed(turn, outline)
    low, high = turned.min(axis=0), turned.max(axis=0)
    # Locate an edge by its middle: corners drawn by hand are less accurate.
    left_mm, right_mm = (
        float(transformed(turn, sides[left].middle[None])[0, 0]) if left in sides else outermost
        for left, outermost in ((True, low[0]), (False, high[0]))
    )
    turn[:2, 2] = -left_mm, -low[1]
    skew = 0.0
    if len(sides) == 2:
        skew = abs(_wrapped(_angle(sides[True].along) - _angle(sides[False].along)))
    matrix = turn @ straight_to_plane
    return AlignedPlane(matrix / matrix[2, 2], float(np.degrees(skew)), right_mm - left_mm)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One edge of the belt: the sum of its segments, pointing downstream, and its middle; mm."""

    along: NDArray[np.float64]
    middle: NDArray[np.float64]


def _edges_along(
    polygon: NDArray[np.float64],
    outline: NDArray[np.float64],
    rough: float,
    size_px: tuple[int, int],
) -> dict[bool, _Side]:
    """Left (True) and right (False) edge of the belt, as far as the image shows them."""
    pieces: dict[bool, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    centre = outline.mean(axis=0)
    rim = np.array(size_px, dtype=np.float64)
    ahead = np.array([np.cos(rough), np.sin(rough)])
    for i, start in enumerate(outline):
        j = (i + 1) % len(outline)
        piece = outline[j] - start
        on_rim = (np.abs(polygon[[i, j]]) <= 2) | (np.abs(polygon[[i, j]] - rim) <= 2)
        if on_rim.all(axis=0).any():  # the edge of the image, not of the belt
            continue
        if piece @ ahead < 0:
            piece = -piece
        if abs(_wrapped(_angle(piece) - rough)) > np.radians(_ALONG_DEG):
            continue
        middle = (start + outline[j]) / 2
        left = bool(ahead[0] * (middle - centre)[1] - ahead[1] * (middle - centre)[0] > 0)
        pieces.setdefault(left, []).append((piece, middle))
    sides = {}
    for left, segments in pieces.items():
        along, middles = (np.array(each) for each in zip(*segments, strict=True))
        lengths = np.linalg.norm(along, axis=1)
        middle = np.average(middles, axis=0, weights=lengths)
        sides[left] = _Side(along.sum(axis=0), np.asarray(middle, dtype=np.float64))
    return sides


def _angle(vector: NDArray[np.float64]) -> float:
    return float(np.arctan2(vector[1], vector[0]))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
