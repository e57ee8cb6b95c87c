"""Exact confidence bounds on a share and on a rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

LEVEL = 0.95
_HALVINGS = 60
"""Of an interval of length 1: below the precision of a float."""


def clopper_pearson(right: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Two-sided exact interval of a share, `right` of `total` trials; 0 to 1 without trials."""
    if not 0 <= right <= total:
        raise ValueError(f"{right} of {total} is not a share")
    tail = (1 - level) / 2
    return _lower(right, total, tail), 1 - _lower(total - right, total, tail)


def poisson_upper(count: int, level: float = LEVEL) -> float:
    """One-sided exact upper bound of the expected count, given an observed `count`.

    Divided by the hours of observation it bounds a rate: no false alarm in 3 h proves at most 1 per
    hour.
    """
    k = np.arange(count + 1)
    log_factorials = np.array([math.lgamma(each + 1.0) for each in k])
    highest = 2.0 * count - 2 * math.log(1 - level) + 10

    def most(mean: float) -> bool:
        return float(np.exp(k * math.log(mean) - mean - log_factorials).sum()) > 1 - level

    return _boundary(most, highest)


def _lower(right: int, total: int, tail: float) -> float:
    """The share with which `right` or more of `total` have the probability `tail`."""
    if right == 0:
        return 0.0
    k = np.arange(right, total + 1)
    log_ways = np.array(
        [math.lgamma(total + 1.0) - math.lgamma(i + 1.0) - math.lgamma(total - i + 1.0) for i in k]
    )

    def less(share: float) -> bool:
        if share >= 1:
            return False
        terms = log_ways + k * math.log(share) + (total - k) * math.log1p(-share)
        return float(np.exp(terms).sum()) < tail

    return _boundary(less, 1.0)


def _boundary(holds: Callable[[float], bool], highest: float) -> float:
    """Where `holds`, true from 0 on, becomes false; at most `highest`."""
    low, high = 0.0, highest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
