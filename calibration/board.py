"""The boards: ChArUco patterns, each identified by its own markers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Paper = Literal["a4", "a3", "a2", "a1"]

COLUMNS, ROWS = 11, 7
"""Squares. With an odd number of rows OpenCV's old and new patterns are identical."""
MARKERS = COLUMNS * ROWS // 2
CORNERS = (COLUMNS - 1) * (ROWS - 1)
_MARKER_SHARE = 0.74
_DICTIONARY = cv2.aruco.DICT_4X4_250
_MARKER_SHARES = (0.62, 0.78)
"""As seen: blur makes the black markers of a small image narrower. Boards of other makers with this
pattern have other markers, and another pitch."""
_MIN_CORNERS = 12
"""Fewer fix a pose too loosely to distinguish a bent board from lens distortion."""

SQUARE_MM: dict[Paper, float] = {"a4": 24.0, "a3": 35.0, "a2": 50.0, "a1": 70.0}
PAPER_MM: dict[Paper, tuple[float, float]] = {
    "a4": (297.0, 210.0),
    "a3": (420.0, 297.0),
    "a2": (594.0, 420.0),
    "a1": (841.0, 594.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class BoardView:
    """A board found in one image: the inner corners of its squares."""

    paper: Paper
    ids: NDArray[np.intp]
    """`(n,)` indices of the corners, row by row."""
    px: NDArray[np.float64]
    """`(n, 2)` image px."""
    size_px: tuple[int, int]
    """`(width, height)` of the image."""
    source: str
    """Origin of the image, for messages."""

    def mm(self, print_scale: float) -> NDArray[np.float64]:
        """`(n, 2)` board mm of the same corners; `print_scale`: as measured on the ruler."""
        at = np.column_stack(np.divmod(self.ids, COLUMNS - 1)[::-1]) + 1.0
        return np.asarray(at * SQUARE_MM[self.paper] * print_scale, dtype=np.float64)


def marker_mm(paper: Paper) -> float:
    """Side length of a marker, mm."""
    return round(SQUARE_MM[paper] * _MARKER_SHARE, 2)


def marker_bits(marker: int) -> NDArray[np.bool_]:
    """`(6, 6)` white cells of a marker, including its border."""
    drawn = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(_DICTIONARY), marker, 6)
    return np.asarray(drawn > 127)


def first_marker(paper: Paper) -> int:
    """First marker id of a board; each paper size has its own markers, which identify it."""
    return get_args(Paper).index(paper) * MARKERS


def find_board(image: NDArray[np.uint8], source: str) -> BoardView | None:
    """The board in an image, `(h, w, 3)` uint8 BGR; None if too little of it is visible."""
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
    if found is None or len(found) < _MIN_CORNERS:
        return None
    height, width = grey.shape
    board = BoardView(
        paper,
        np.asarray(found, dtype=np.intp).ravel(),
        np.asarray(corners, dtype=np.float64).reshape(-1, 2),
        (width, height),
        source,
    )
    to_squares, _ = cv2.findHomography(board.px, board.mm(1.0) / SQUARE_MM[paper])
    if to_squares is None or not has_own_markers(
        marker_share(to_squares, np.concatenate(markers).astype(np.float64))
    ):
        return None
    spread = np.linalg.svd(board.mm(1.0) - board.mm(1.0).mean(axis=0), compute_uv=False)
    return board if spread[1] > 0.1 * spread[0] else None  # one row of corners does not fix a plane


def marker_places() -> NDArray[np.float64]:
    """`(MARKERS, 2)` column and row of each marker's square, in the order of their numbers."""
    squares = [(c, r) for r in range(ROWS) for c in range(COLUMNS) if (r + c) % 2]
    return np.array(squares, dtype=np.float64)


def marker_share(to_squares: NDArray[Any], markers: NDArray[np.float64]) -> float:
    """Side of the markers as seen, in squares (median).

    `to_squares`: homography from image px. `markers`: `(n, 4, 2)` corners, image px.
    """
    seen = cv2.perspectiveTransform(markers, to_squares)
    return float(
        np.median([cv2.contourArea(corners.astype(np.float32)) for corners in seen]) ** 0.5
    )


def has_own_markers(share: float) -> bool:
    """Whether markers of this side, in squares, are those of our boards."""
    return _MARKER_SHARES[0] <= share <= _MARKER_SHARES[1]


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
