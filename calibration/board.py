"""The boards: ChArUco patterns that say by their markers which of them they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Paper = Literal["a4", "a3", "a2", "a1"]

COLUMNS, ROWS = 11, 7
"""Squares. With an odd number of rows OpenCV's old and new pattern are the same."""
MARKERS = COLUMNS * ROWS // 2
CORNERS = (COLUMNS - 1) * (ROWS - 1)
_MARKER_SHARE = 0.74
_DICTIONARY = cv2.aruco.DICT_4X4_250
_FEWEST_CORNERS = 12
"""Fewer fix a pose too loosely to tell a bent board from a bent lens."""

SQUARE_MM: dict[Paper, float] = {"a4": 24.0, "a3": 35.0, "a2": 50.0, "a1": 70.0}
PAPER_MM: dict[Paper, tuple[float, float]] = {
    "a4": (297.0, 210.0),
    "a3": (420.0, 297.0),
    "a2": (594.0, 420.0),
    "a1": (841.0, 594.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class BoardSight:
    """A board as one picture shows it: the inner corners of its squares."""

    paper: Paper
    ids: NDArray[np.intp]
    """`(n,)` which corners, row by row."""
    px: NDArray[np.float64]
    """`(n, 2)` image px."""
    size_px: tuple[int, int]
    """`(width, height)` of the picture."""
    source: str
    """Where the picture came from, for messages."""

    def mm(self, print_scale: float) -> NDArray[np.float64]:
        """`(n, 2)` the same corners on the board; `print_scale`: measured by its ruler."""
        at = np.column_stack(np.divmod(self.ids, COLUMNS - 1)[::-1]) + 1.0
        return np.asarray(at * SQUARE_MM[self.paper] * print_scale, dtype=np.float64)


def marker_mm(paper: Paper) -> float:
    """Side of a marker."""
    return round(SQUARE_MM[paper] * _MARKER_SHARE, 2)


def marker_bits(marker: int) -> NDArray[np.bool_]:
    """`(6, 6)` which parts of a marker, its border included, are white."""
    drawn = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(_DICTIONARY), marker, 6)
    return np.asarray(drawn > 127)


def first_marker(paper: Paper) -> int:
    """Each board has markers of its own, so that nobody has to say which one it is."""
    return get_args(Paper).index(paper) * MARKERS


def find_board(image: NDArray[np.uint8], source: str) -> BoardSight | None:
    """The board in a picture `(h, w, 3)` BGR; None where too little of one is seen."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    markers, ids, _ = _marker_detector().detectMarkers(grey)
    if ids is None:
        return None
    known = ids.ravel()[ids.ravel() < MARKERS * len(SQUARE_MM)]
    if len(known) == 0:
        return None
    paper = get_args(Paper)[int(np.bincount(known // MARKERS).argmax())]
    corners, found, _, _ = _board_detector(paper).detectBoard(
        grey, markerCorners=markers, markerIds=ids
    )
    if found is None or len(found) < _FEWEST_CORNERS:
        return None
    height, width = grey.shape
    sight = BoardSight(
        paper,
        np.asarray(found, dtype=np.intp).ravel(),
        np.asarray(corners, dtype=np.float64).reshape(-1, 2),
        (width, height),
        source,
    )
    spread = np.linalg.svd(sight.mm(1.0) - sight.mm(1.0).mean(axis=0), compute_uv=False)
    return sight if spread[1] > 0.1 * spread[0] else None  # one row of corners fixes no plane


@cache
def _marker_detector() -> cv2.aruco.ArucoDetector:
    return cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(_DICTIONARY))


@cache
def _board_detector(paper: Paper) -> cv2.aruco.CharucoDetector:
    markers = np.arange(first_marker(paper), first_marker(paper) + MARKERS, dtype=np.int32)
    board = cv2.aruco.CharucoBoard(
        (COLUMNS, ROWS),
        SQUARE_MM[paper],
        marker_mm(paper),
        cv2.aruco.getPredefinedDictionary(_DICTIONARY),
        markers,
    )
    return cv2.aruco.CharucoDetector(board)
