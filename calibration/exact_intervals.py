"""Exact confidence bounds on a share and on a rate (scipy, extra `bench`)."""

from __future__ import annotations

from scipy.stats import beta, chi2

LEVEL = 0.95


def clopper_pearson(right: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Two-sided exact interval of a share, `right` of `total` trials; 0 to 1 without trials."""
    if not 0 <= right <= total:
        raise ValueError(f"{right} of {total} is not a share")
    tail = (1 - level) / 2
    low = 0.0 if right == 0 else float(beta.ppf(tail, right, total - right + 1))
    high = 1.0 if right == total else float(beta.ppf(1 - tail, right + 1, total - right))
    return low, high


def poisson_upper(count: int, level: float = LEVEL) -> float:
    """One-sided exact upper bound of the expected count, given an observed `count`.

    Divided by the hours of observation it bounds a rate: no false alarm in 3 h proves at most 1 per
    hour.
    """
    return float(chi2.ppf(level, 2 * (count + 1)) / 2)
