"""Which pictures of the board a lens is fitted to, and what they show of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import COLUMNS, ROWS, BoardSight

GRID = (4, 6)
"""Rows and columns into which the picture is cut to see where the board has been."""
_MOVED_SHARE = 0.02
"""Of the picture's width: a corner of the board that moved less shows nothing new."""
MOST_VIEWS = 40
"""More make the fit slower and hardly better."""


def distinct(sights: Sequence[BoardSight]) -> list[BoardSight]:
    """Without those that repeat another: a video shows the same view many times."""
    kept: list[BoardSight] = []
    outlines: list[NDArray[np.float64]] = []
    for sight in sights:
        outline = _outline(sight)
        least = _MOVED_SHARE * sight.size_px[0]
        if all(np.linalg.norm(outline - other, axis=1).max() >= least for other in outlines):
            kept.append(sight)
            outlines.append(outline)
    if len(kept) <= MOST_VIEWS:
        return kept
    return [kept[i] for i in np.linspace(0, len(kept) - 1, MOST_VIEWS).round().astype(int)]


def seen_in(sights: Sequence[BoardSight]) -> NDArray[np.intp]:
    """`(rows, columns)` how many corners were seen in each part of the picture."""
    counts = np.zeros(GRID, dtype=np.intp)
    for sight in sights:
        share = sight.px / np.array(sight.size_px)
        at = np.clip((share * GRID[::-1]).astype(int), 0, np.array(GRID[::-1]) - 1)
        np.add.at(counts, (at[:, 1], at[:, 0]), 1)
    return counts


def covered(counts: NDArray[np.intp]) -> float:
    """The share of the picture's parts in which the board has been."""
    return float((counts > 0).mean())


def coverage_map(counts: NDArray[np.intp]) -> str:
    """The picture's parts as text: how many corners were seen in each, `--` where none was."""
    return "\n".join(
        "  " + " ".join("   --" if count == 0 else f"{count:5d}" for count in row) for row in counts
    )


def missing_parts(counts: NDArray[np.intp]) -> str:
    """Where the board has not been, in words: "upper left, right"."""
    rows, columns = np.nonzero(counts == 0)
    names = []
    for row, column in zip(rows, columns, strict=True):
        across = ("left", "left", "middle", "middle", "right", "right")[column]
        down = ("upper", "", "", "lower")[row]
        name = f"{down} {across}".strip()
        if name not in names:
            names.append(name)
    return ", ".join(names)


def _outline(sight: BoardSight) -> NDArray[np.float64]:
    """`(4, 2)` where the board's corners would lie in the picture, px."""
    matrix, _ = cv2.findHomography(sight.mm(1.0), sight.px)
    square = sight.mm(1.0).max() / (COLUMNS - 1)
    corners = np.array([[0, 0], [COLUMNS, 0], [COLUMNS, ROWS], [0, ROWS]]) * square
    return np.asarray(
        cv2.perspectiveTransform(corners.reshape(-1, 1, 2), matrix), dtype=np.float64
    ).reshape(-1, 2)
