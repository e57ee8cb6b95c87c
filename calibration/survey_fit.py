"""The belt's plane from surveyed points, each checked against the others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.plane_fit import PlaneFit
from detector.belt.lens import Lens
from detector.belt.plane import CalibrationError, surveyed_homography, transformed

Points = NDArray[np.float64]

FEWEST_POINTS = 6
"""Four fix a plane and leave nothing to check it with; of five, one bad one isn't found."""
_MOST_MM = 20.0
"""A held-out point that misses by more is a mistake rather than a tape's error."""


def fit_survey(points_px: Points, points_mm: Points, lens: Lens | None, key: str) -> PlaneFit:
    """The plane through points; each is held out once. Raises `CalibrationError`."""
    if len(points_px) < FEWEST_POINTS:
        raise CalibrationError(
            f"{key}: {len(points_px)} points; {FEWEST_POINTS} are needed, because four fix a plane "
            "and nothing is left to check it with. Survey more, spread over the belt"
        )
    held_out = _held_out(points_px, points_mm, lens)
    if held_out.max() > _MOST_MM:
        _refuse_swapped_pair(points_px, points_mm, lens, key)
        _refuse_the_wrong_one(points_px, points_mm, lens, key)
    plane, rms_mm = surveyed_homography(points_px, points_mm, lens, key)
    return PlaneFit(plane, points_px, rms_mm, held_out, f"{key}, points[{int(held_out.argmax())}]")


def _held_out(points_px: Points, points_mm: Points, lens: Lens | None) -> Points:
    """`(n,)` what each point misses the plane of the others by, mm; inf where they fix none."""
    straight = points_px if lens is None else lens.straight(points_px)
    missed = np.full(len(points_px), np.inf)
    for i in range(len(points_px)):
        rest = np.arange(len(points_px)) != i
        try:
            plane, _ = surveyed_homography(points_px[rest], points_mm[rest], lens)
        except CalibrationError:
            continue
        missed[i] = np.linalg.norm(transformed(plane, straight[i : i + 1]) - points_mm[i])
    return missed


def _refuse_swapped_pair(points_px: Points, points_mm: Points, lens: Lens | None, key: str) -> None:
    """Two points whose mm stand at each other's px are the commonest mistake of a survey."""
    for a, b in combinations(range(len(points_px)), 2):
        swapped = points_mm.copy()
        swapped[[a, b]] = points_mm[[b, a]]
        try:
            _, rms_mm = surveyed_homography(points_px, swapped, lens)
        except CalibrationError:
            continue
        if rms_mm < _MOST_MM / 3:
            raise CalibrationError(
                f"{key}: points[{a}] and points[{b}] are swapped: exchange their mm, and all "
                f"points fit one plane within {rms_mm:.1f} mm"
            )


def _refuse_the_wrong_one(
    points_px: Points, points_mm: Points, lens: Lens | None, key: str
) -> None:
    """A point without which all others agree. What misses a fit most may be another: a wrong
    point pulls the plane to itself."""
    straight = points_px if lens is None else lens.straight(points_px)
    without: dict[int, tuple[float, float]] = {}
    for i in range(len(points_px)):
        rest = np.arange(len(points_px)) != i
        try:
            plane, rms_mm = surveyed_homography(points_px[rest], points_mm[rest], lens)
        except CalibrationError:
            continue
        missed = np.linalg.norm(transformed(plane, straight[i : i + 1]) - points_mm[i])
        without[i] = rms_mm, float(missed)
    if not without:
        return
    wrong = min(without, key=lambda i: without[i][0])
    rms_mm, missed_mm = without[wrong]
    raise CalibrationError(
        f"{key}: points[{wrong}] = {points_mm[wrong].tolist()} mm: misses the plane of the others "
        f"by {missed_mm:.0f} mm (they miss it by {rms_mm:.1f}). Measure it again, in the picture "
        "and on the belt"
    )
