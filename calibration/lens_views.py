"""Selecting board views for the lens fit, and their coverage of the image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import COLUMNS, ROWS, BoardView

GRID = (4, 6)
"""Rows and columns of the image parts in which coverage is counted."""
_MOVED_SHARE = 0.02
"""Share of the image width: a board whose corners moved less adds nothing new."""
MOST_VIEWS = 40
"""More views make the fit slower and hardly better."""


def distinct(boards: Sequence[BoardView]) -> list[BoardView]:
    """Views that differ from each other: a video shows the same view many times."""
    kept: list[BoardView] = []
    outlines: list[NDArray[np.float64]] = []
    for board in boards:
        outline = _outline(board)
        least = _MOVED_SHARE * board.size_px[0]
        if all(np.linalg.norm(outline - other, axis=1).max() >= least for other in outlines):
            kept.append(board)
            outlines.append(outline)
    if len(kept) <= MOST_VIEWS:
        return kept
    return [kept[i] for i in np.linspace(0, len(kept) - 1, MOST_VIEWS).round().astype(int)]


def corner_counts(boards: Sequence[BoardView]) -> NDArray[np.intp]:
    """`(rows, columns)` number of corners found in each part of the image."""
    counts = np.zeros(GRID, dtype=np.intp)
    for board in boards:
        share = board.px / np.array(board.size_px)
        at = np.clip((share * GRID[::-1]).astype(int), 0, np.array(GRID[::-1]) - 1)
        np.add.at(counts, (at[:, 1], at[:, 0]), 1)
    return counts


def covered(counts: NDArray[np.intp]) -> float:
    """Share of the image parts in which the board was found, 0 to 1."""
    return float((counts > 0).mean())


def coverage_map(counts: NDArray[np.intp]) -> str:
    """Number of corners per part of the image as text, `--` for none."""
    return "\n".join(
        "  " + " ".join("   --" if count == 0 else f"{count:5d}" for count in row) for row in counts
    )


def missing_parts(counts: NDArray[np.intp]) -> str:
    """Image parts without the board, in words: "upper left, right"."""
    rows, columns = np.nonzero(counts == 0)
    names = []
    for row, column in zip(rows, columns, strict=True):
        across = ("left", "left", "middle", "middle", "right", "right")[column]
        down = ("upper", "", "", "lower")[row]
        name = f"{down} {across}".strip()
        if name not in names:
            names.append(name)
    return ", ".join(names)


def _outline(board: BoardView) -> NDArray[np.float64]:
    """`(4, 2)` the board's outer corners in the image, px; they may be outside it."""
    matrix, _ = cv2.findHomography(board.mm(1.0), board.px)
    square = board.mm(1.0).max() / (COLUMNS - 1)
    corners = np.array([[0, 0], [COLUMNS, 0], [COLUMNS, ROWS], [0, ROWS]]) * square
    return np.asarray(
        cv2.perspectiveTransform(corners.reshape(-1, 1, 2), matrix), dtype=np.float64
    ).reshape(-1, 2)
