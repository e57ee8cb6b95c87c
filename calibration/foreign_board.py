"""Boards that are not Vigitri's: named, so that no other pitch or pattern is taken for ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import MARKERS, SQUARE_MM, has_own_markers, marker_places, marker_share

_OTHERS = {
    "ArUco 4x4": cv2.aruco.DICT_4X4_1000,
    "ArUco 5x5": cv2.aruco.DICT_5X5_1000,
    "ArUco 6x6": cv2.aruco.DICT_6X6_1000,
    "ArUco 7x7": cv2.aruco.DICT_7X7_1000,
    "ArUco original": cv2.aruco.DICT_ARUCO_ORIGINAL,
    "AprilTag 36h11": cv2.aruco.DICT_APRILTAG_36h11,
}
_MIN_MARKERS = 6
"""Fewer may be a coincidence in a cluttered image, or the rim of a board of ours."""
_NEAR_SQUARES = 0.5
"""A marker of ours is at most this far from its place; lens distortion moves it less."""


def foreign_board(image: NDArray[np.uint8]) -> str | None:
    """What kind of board an image shows, `(h, w, 3)` uint8 BGR, in which none of ours was found.

    None: no other board either, or a part of one of ours.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    for name, dictionary in _OTHERS.items():
        corners, ids, _ = _detector(dictionary).detectMarkers(grey)
        if ids is None or len(ids) < _MIN_MARKERS:
            continue
        numbers = ids.ravel()
        markers = np.concatenate(corners).astype(np.float64)
        share = _share_on_our_board(numbers, markers) if name == "ArUco 4x4" else None
        if share is None:
            return f"{len(numbers)} markers {name}, numbers {numbers.min()} to {numbers.max()}"
        if not has_own_markers(share):
            return f"our pattern, but with markers of {share:.2f} of a square instead of 0.74"
        return None
    return None


def _share_on_our_board(numbers: NDArray[Any], markers: NDArray[np.float64]) -> float | None:
    """Side of the markers, in squares; None unless most of them lie as on one of our boards.

    `numbers`: `(n,)`. `markers`: `(n, 4, 2)` corners, image px.
    """
    papers = numbers // MARKERS
    paper = int(np.bincount(papers).argmax())
    here = papers == paper
    if paper >= len(SQUARE_MM) or here.sum() < max(4, len(numbers) / 2):
        return None
    middles_px = markers.mean(axis=1)[here]
    places = marker_places()[numbers[here] - paper * MARKERS]
    to_squares, _ = cv2.findHomography(middles_px, places, cv2.RANSAC, _NEAR_SQUARES)
    if to_squares is None:
        return None
    found = cv2.perspectiveTransform(middles_px[None], to_squares)[0]
    if (np.linalg.norm(found - places, axis=1) <= _NEAR_SQUARES).mean() < 0.8:
        return None
    return marker_share(to_squares, markers)


@cache
def _detector(dictionary: int) -> cv2.aruco.ArucoDetector:
    return cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(dictionary))
