"""The belt's plane from surveyed points, each checked against the others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.plane_fit import PlaneFit
from detector.belt.lens import Lens
from detector.belt.plane import CalibrationError, surveyed_homography, transformed

Points = NDArray[np.float64]

MIN_POINTS = 6
"""Four fix a plane and leave none to check it; with five, one wrong point cannot be identified."""
_MAX_ERROR_MM = 20.0
"""A larger error of a held-back point is a mistake, not an error of the tape."""


def fit_survey(points_px: Points, points_mm: Points, lens: Lens | None, key: str) -> PlaneFit:
    """The plane through surveyed points; each is held back once.

    `points_px`, `points_mm`: `(n, 2)` image px and belt mm. `key`: names the points in messages.
    Raises `CalibrationError`.
    """
    if len(points_px) < MIN_POINTS:
        raise CalibrationError(
            f"{key}: {len(points_px)} points; {MIN_POINTS} are needed: four fix a plane, the "
            "others check it. Survey more, spread over the belt"
        )
    held_back = _held_back(points_px, points_mm, lens)
    if held_back.max() > _MAX_ERROR_MM:
        _refuse_swapped_pair(points_px, points_mm, lens, key)
        _refuse_wrong_point(points_px, points_mm, lens, key)
    plane, rms_mm = surveyed_homography(points_px, points_mm, lens, key)
    return PlaneFit(
        plane, points_px, rms_mm, held_back, f"{key}, points[{int(held_back.argmax())}]"
    )


def _held_back(points_px: Points, points_mm: Points, lens: Lens | None) -> Points:
    """`(n,)` error of each point on the plane of the others, mm; inf if they do not fix one."""
    straight = points_px if lens is None else lens.straight(points_px)
    errors_mm = np.full(len(points_px), np.inf)
    for i in range(len(points_px)):
        rest = np.arange(len(points_px)) != i
        try:
            plane, _ = surveyed_homography(points_px[rest], points_mm[rest], lens)
        except CalibrationError:
            continue
        errors_mm[i] = np.linalg.norm(transformed(plane, straight[i : i + 1]) - points_mm[i])
    return errors_mm


def _refuse_swapped_pair(points_px: Points, points_mm: Points, lens: Lens | None, key: str) -> None:
    """Raise `CalibrationError` for two points with exchanged mm: the most common survey mistake."""
    for a, b in combinations(range(len(points_px)), 2):
        swapped = points_mm.copy()
        swapped[[a, b]] = points_mm[[b, a]]
        try:
            _, rms_mm = surveyed_homography(points_px, swapped, lens)
        except CalibrationError:
            continue
        if rms_mm < _MAX_ERROR_MM / 3:
            raise CalibrationError(
                f"{key}: points[{a}] and points[{b}] are swapped. Exchange their mm; then all "
                f"points fit one plane within {rms_mm:.1f} mm"
            )


def _refuse_wrong_point(points_px: Points, points_mm: Points, lens: Lens | None, key: str) -> None:
    """Raise `CalibrationError` for the point without which the others agree best.

    It need not have the largest error in a common fit: a wrong point pulls the plane to itself.
    """
    straight = points_px if lens is None else lens.straight(points_px)
    without: dict[int, tuple[float, float]] = {}
    for i in range(len(points_px)):
        rest = np.arange(len(points_px)) != i
        try:
            plane, rms_mm = surveyed_homography(points_px[rest], points_mm[rest], lens)
        except CalibrationError:
            continue
        errors_mm = np.linalg.norm(transformed(plane, straight[i : i + 1]) - points_mm[i])
        without[i] = rms_mm, float(errors_mm)
    if not without:
        return
    wrong = min(without, key=lambda i: without[i][0])
    rms_mm, error_mm = without[wrong]
    raise CalibrationError(
        f"{key}: points[{wrong}] = {points_mm[wrong].tolist()} mm: is {error_mm:.0f} mm off the "
        f"plane of the others (their error: {rms_mm:.1f} mm). Measure it again, in the image and "
        "on the belt"
    )
