"""Resting positions: each object falls on the objects below it and tilts to its lowest position.

There is no time simulation: an object is lowered onto the height field of the belt at several tilts
and keeps the one with the lowest centre. Sheets follow the surface below. Only numpy is used, so
the same seed settles identically on every machine.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import Field
from twin.traced.bodies import Body, Part, Points, turn_about
from twin.traced.objects import HEAVY

CELL_MM = 4.0
LEANS_DEG = (-24.0, -12.0, -5.0, 5.0, 12.0, 24.0)


@dataclass
class RestingBody:
    """A body at rest: its points rotated but not translated, its centre in mm of the strip's image.

    `right_mm` runs with the image's columns, `down_mm` with its rows, `up_mm` above the belt.
    """

    body: Body
    right_mm: float
    down_mm: float
    up_mm: float
    angle_deg: float
    size_mm: tuple[float, float, float]


@dataclass
class HeightField:
    """Height in mm above the belt, `(rows, columns)` of `CELL_MM`; row 0 is the strip's top."""

    length_mm: float
    width_mm: float
    height: Field = field(init=False)
    covered: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        shape = (int(np.ceil(self.width_mm / CELL_MM)), int(np.ceil(self.length_mm / CELL_MM)))
        self.height = np.zeros(shape, np.float32)
        self.covered = np.zeros(shape, np.bool_)

    def coverage(self, from_mm: float, to_mm: float) -> float:
        """Coverage between two places along the image, mm."""
        part = self.covered[:, max(0, int(from_mm / CELL_MM)) : int(to_mm / CELL_MM)]
        return float(part.mean()) if part.size else 1.0

    def placement_cost(self, right_mm: float, down_mm: float, reach_mm: float) -> float:
        """Mean height around a place, plus a penalty for coverage: free belt ranks lowest."""
        row, column, reach = down_mm / CELL_MM, right_mm / CELL_MM, reach_mm / CELL_MM
        spot = np.s_[
            max(0, int(row - reach)) : max(0, int(row + reach) + 1),
            max(0, int(column - reach)) : max(0, int(column + reach) + 1),
        ]
        return float(self.height[spot].mean() + 60 * self.covered[spot].mean())

    def _cells(
        self, points: Points, right_mm: float, down_mm: float
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        rows, columns = self.height.shape
        column = ((points[:, 0] + right_mm) / CELL_MM).astype(np.intp)
        row = ((down_mm - points[:, 1]) / CELL_MM).astype(np.intp)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        return row * columns + column, inside

    def resting_height_mm(self, points: Points, right_mm: float, down_mm: float) -> float:
        """Height of the body's origin at which it just touches the surface below, mm."""
        cells, inside = self._cells(points, right_mm, down_mm)
        if not inside.any():
            return -float(points[:, 2].min())
        clash = self.height.ravel()[cells[inside]] - points[inside, 2]
        return max(float(clash.max()), -float(points[:, 2].min()))

    def raise_to(self, points: Points, right_mm: float, down_mm: float, up_mm: float) -> None:
        """Raises the field to the tops of a body's points."""
        cells, inside = self._cells(points, right_mm, down_mm)
        np.maximum.at(self.height.reshape(-1), cells[inside], points[inside, 2] + np.float32(up_mm))
        self.covered.reshape(-1)[cells[inside]] = True

    def height_below(self, points: Points, right_mm: float, down_mm: float) -> Points:
        """Height below each point, spanned as by a stiff cloth; clamped at the strip's edge."""
        spanned = cv2.dilate(self.height, np.ones((5, 5), np.uint8))
        spanned = np.maximum(cv2.GaussianBlur(spanned, (0, 0), 3.0), self.height)
        rows, columns = self.height.shape
        x = (points[:, 0] + right_mm) / CELL_MM - 0.5
        y = (down_mm - points[:, 1]) / CELL_MM - 0.5
        at = (
            np.clip(x, 0, columns - 1).astype(np.float32),
            np.clip(y, 0, rows - 1).astype(np.float32),
        )
        found = np.empty(len(points), np.float32)
        for first in range(0, len(points), 30000):  # the sides of a remap must be below 32768
            part = slice(first, first + 30000)
            found[part] = cv2.remap(
                spanned, at[0][part][None], at[1][part][None], cv2.INTER_LINEAR
            )[0]
        return found


def sample_points(part: Part, apart_mm: float = 3.0) -> Points:
    """Points `(n, 3)` over a whole part, neighbours at most about `apart_mm` apart."""
    points = part.points
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(points, axis=axis), axis=2).max(axis=1 - axis)
        counts = np.maximum(1, np.ceil(step / apart_mm)).astype(int)
        at = np.concatenate(
            [k + np.arange(count) / count for k, count in enumerate(counts)] + [[len(counts)]]
        )
        low = np.minimum(at.astype(int), len(counts) - 1)
        share = (at - low).astype(np.float32)
        share = share[:, None, None] if axis == 0 else share[None, :, None]
        points = np.take(points, low, axis) * (1 - share) + np.take(points, low + 1, axis) * share
    return np.asarray(points.reshape(-1, 3), np.float32)


def _all_points(body: Body) -> Points:
    return np.concatenate([sample_points(part) for part in body.parts])


def settle(
    field_: HeightField,
    body: Body,
    place_mm: tuple[float, float],
    angle_deg: float,
) -> RestingBody:
    """Lowers a body at a place (right, down) and raises the field by it."""
    size = body.size_mm()
    body.rotate(turn_about("z", -angle_deg))
    right, down = place_mm
    if body.drapes:
        return _drape(field_, body, place_mm, angle_deg, size)
    points = _all_points(body)
    best, best_up = np.eye(3), field_.resting_height_mm(points, right, down)
    on_belt = best_up + float(points[:, 2].min()) < 4.0
    if not on_belt and body.kind not in HEAVY:  # tilt until its centre is lowest
        coarse = points[:: max(1, len(points) // 4000)]
        for axis in ("x", "y", "x", "y"):
            for lean in LEANS_DEG:
                turn = turn_about(axis, lean) @ best
                up = field_.resting_height_mm((coarse @ turn.T).astype(np.float32), right, down)
                if up < best_up - 0.5:
                    best, best_up = turn, up
        body.rotate(best)
        points = (points @ best.T).astype(np.float32)
        best_up = field_.resting_height_mm(points, right, down)
    field_.raise_to(points, right, down, best_up)
    return RestingBody(body, right, down, best_up, angle_deg, size)


def _drape(
    field_: HeightField,
    body: Body,
    place_mm: tuple[float, float],
    angle_deg: float,
    size: tuple[float, float, float],
) -> RestingBody:
    right, down = place_mm
    for part in body.parts:
        flat = part.points.reshape(-1, 3)
        low = float(flat[:, 2].min())
        flat[:, 2] = (flat[:, 2] - low) * 0.8 + 0.6 + field_.height_below(flat, right, down)
        part.points = flat.reshape(part.points.shape)
    field_.raise_to(_all_points(body), right, down, 0.0)
    return RestingBody(body, right, down, 0.0, angle_deg, size)
