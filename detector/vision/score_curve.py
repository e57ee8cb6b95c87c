"""Score calibration: from a track's best score to the probability that its class is right.

Platt scaling: a logistic curve in the score's log-odds, two parameters per class. It is fitted on
whole tracks, so it is valid for belts on which hazards are as frequent as in that footage.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LEAST_OF_EACH = 10
"""Minimum number of right tracks, and of wrong ones, to fit two parameters."""
_NEAR = 1e-4
"""Scores are clipped to this distance from 0 and 1."""
_FLATTEST = 1e-4
"""Smallest slope; slopes are written with four decimals."""


class ScoreCurve(BaseModel):
    """`probability = 1 / (1 + exp(-(slope * log(score / (1 - score)) + offset)))`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    slope: Annotated[float, Field(gt=0)]
    offset: float

    def probability(self, score: float) -> float:
        """0 to 1, rising with the score."""
        kept = min(max(score, _NEAR), 1 - _NEAR)
        return 1 / (1 + math.exp(-(self.slope * math.log(kept / (1 - kept)) + self.offset)))


def fit_score_curve(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> ScoreCurve | None:
    """Fit a curve to tracks with `(n,)` scores that were `(n,)` right or wrong.

    Newton's method on the likelihood, with Platt's softened targets, so that perfectly separable
    tracks do not give a step function. None: too few right or wrong tracks, or the probability does
    not rise with the score.
    """
    hits, misses = int(right.sum()), int((~right).sum())
    if min(hits, misses) < LEAST_OF_EACH:
        return None
    kept = np.clip(scores, _NEAR, 1 - _NEAR)
    rows = np.column_stack([np.log(kept / (1 - kept)), np.ones(len(kept))])
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
    weights = np.array([1.0, math.log((hits + 1) / (misses + 1))])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (target - p)
        bend = (rows * (p * (1 - p))[:, None]).T @ rows + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        step *= min(1.0, 2.0 / float(np.abs(step).max() + 1e-12))
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    if not (np.isfinite(weights).all() and weights[0] >= _FLATTEST):
        return None
    return ScoreCurve(slope=round(float(weights[0]), 4), offset=round(float(weights[1]), 4))
