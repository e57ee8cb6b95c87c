"""Occlusion by objects that move independently of the belt, and how much of it is stationary."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.line.moving import MovingObject

_CELL_MM = 5.0
Outline = NDArray[np.floating]
"""`(n, 2)` belt (x_mm, y_mm), y from the view's upstream end."""


class OcclusionGrid:
    """The view as a grid of cells, each with the number of its topmost moving object.

    0: none; below 0: an object above the belt that does not rest on it.
    """

    def __init__(self, width_mm: float, view_mm: float) -> None:
        shape = (max(1, round(width_mm / _CELL_MM)), max(1, round(view_mm / _CELL_MM)))
        self._cells: NDArray[np.int32] = np.zeros(shape, np.int32)
        self._numbers: dict[int, int] = {}
        self._stalled: list[int] = []
        self.any_moving = False

    def paint(self, on_belt: Sequence[MovingObject], above: Sequence[MovingObject]) -> None:
        """Updates the grid for one time; both lists from lowest to topmost."""
        if self.any_moving:
            self._cells[:] = 0
        self.any_moving = bool(on_belt or above)
        self._numbers = {each.id: k for k, each in enumerate(on_belt, start=1)}
        self._numbers |= {each.id: -k for k, each in enumerate(above, start=1)}
        self._stalled = [self._numbers[each.id] for each in on_belt if each.stalled]
        for each in (*on_belt, *above):
            corners = _corners(each.sprite.outline_mm(), (0, 0))
            cv2.fillConvexPoly(self._cells, corners, self._numbers[each.id], shift=4)

    def on_belt_share(self) -> float:
        """Share of the view covered by independently moving objects on the belt."""
        return float((self._cells > 0).mean())

    def stalled_share(self) -> float:
        """Share of the view covered by stationary objects while the belt runs."""
        return float(np.isin(self._cells, self._stalled).mean()) if self._stalled else 0.0

    def open_share(self, outline: Outline) -> float:
        """Visible share of a belt object, within the view, that no moving object covers."""
        own, _ = self._cells_under(outline)
        return float((own == 0).mean()) if own.size else 1.0

    def visible_share(self, number: int, outline: Outline) -> float:
        """Share of a moving object that is in view and uncovered."""
        own, total = self._cells_under(outline)
        return float((own == self._numbers[number]).sum()) / total if total else 0.0

    def _cells_under(self, outline: Outline) -> tuple[NDArray[np.int32], int]:
        """Cell values below an outline, and its cell count including cells out of view."""
        cells = outline[:, ::-1] / _CELL_MM - 0.5
        low = np.floor(cells.min(axis=0)).astype(int)
        span = np.ceil(cells.max(axis=0)).astype(int) + 1 - low
        mask = np.zeros((span[1], span[0]), np.uint8)
        cv2.fillConvexPoly(mask, _corners(outline, low), 1, shift=4)
        a, b = np.maximum(low, 0), np.minimum(low + span, self._cells.shape[::-1])
        if (b <= a).any():
            return np.zeros(0, np.int32), int(mask.sum())
        own = mask[a[1] - low[1] : b[1] - low[1], a[0] - low[0] : b[0] - low[0]] > 0
        return self._cells[a[1] : b[1], a[0] : b[0]][own], int(mask.sum())


def _corners(outline: Outline, low: Sequence[int] | NDArray[np.int_]) -> NDArray[np.int32]:
    """An outline in cells relative to `low` (column, row), in sixteenths, for OpenCV's fill."""
    cells = outline[:, ::-1] / _CELL_MM - 0.5 - np.asarray(low)
    return np.asarray(np.round(cells * 16), np.int32)
