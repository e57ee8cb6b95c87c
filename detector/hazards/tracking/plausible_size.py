"""Whether a thing of this class can have this size: a battery of 400 mm is none."""

from __future__ import annotations

import math


def length_bounds_mm(width_mm: float, height_mm: float) -> tuple[float, float]:
    """The least and the greatest length that a thing in an upright box can have.

    Lying along a side it is as long as the longer side; lying askew and thin, as the diagonal.
    """
    return max(width_mm, height_mm), math.hypot(width_mm, height_mm)


def is_plausible(
    width_mm: float,
    height_mm: float,
    plausible_length_mm: tuple[float, float],
    tolerance: float,
) -> bool:
    """Whether any length that the box allows lies in what the class can measure.

    `tolerance`: factor by which the measurement may be off (nominal scale, height above the belt).
    """
    shortest, longest = length_bounds_mm(width_mm, height_mm)
    low, high = plausible_length_mm
    return longest * tolerance >= low and shortest / tolerance <= high
