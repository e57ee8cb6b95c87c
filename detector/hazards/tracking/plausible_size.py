"""Whether an object of a class can have a given size: a "battery" of 400 mm is not one."""

from __future__ import annotations

import math


def length_bounds_mm(width_mm: float, height_mm: float) -> tuple[float, float]:
    """Minimum and maximum length that an object in an upright box can have.

    An object along a side is as long as the longer side; a thin diagonal one, as the diagonal.
    """
    return max(width_mm, height_mm), math.hypot(width_mm, height_mm)


def is_plausible(
    width_mm: float,
    height_mm: float,
    plausible_length_mm: tuple[float, float],
    tolerance: float,
) -> bool:
    """Whether any length that the box permits is within the class's lengths.

    `tolerance`: factor by which the measurement may be off (nominal scale, height above the belt).
    """
    shortest, longest = length_bounds_mm(width_mm, height_mm)
    low, high = plausible_length_mm
    return longest * tolerance >= low and shortest / tolerance <= high
