"""The weights that join detector and verifier, fitted on the tuning side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.vision.verifier_card import Fusion
from models.verifier.verdicts import Floats

_RIDGE = 0.02
_STEPS = 60


def fit(v: Floats, d: Floats, right: NDArray[np.bool_], weights: Floats | None = None) -> Fusion:
    """Logistic regression of "this proposal is the hazard" on both log-odds.

    v, d: (n,) float32. right: (n,) bool. Weights below zero mean nothing: the detector's is then 0.
    """
    share = np.ones(len(v)) if weights is None else np.asarray(weights, float)
    with_detector = _newton(np.stack([v, d, np.ones(len(v))], 1), right, share)
    if with_detector[1] >= 0 and with_detector[0] > 0:
        return _rounded(*with_detector.tolist())
    alone = _newton(np.stack([v, np.ones(len(v))], 1), right, share)
    return _rounded(max(0.05, float(alone[0])), 0.0, float(alone[1]))


def _rounded(verifier: float, detector: float, offset: float) -> Fusion:
    """A card's numbers; the verifier's weight stays above zero."""
    return Fusion(
        verifier=max(1e-4, round(verifier, 4)), detector=round(detector, 4), offset=round(offset, 4)
    )


def _newton(x: NDArray[np.float64], y: NDArray[np.bool_], share: NDArray[np.float64]) -> Floats:
    w = np.zeros(x.shape[1])
    ridge = np.eye(x.shape[1]) * _RIDGE
    ridge[-1, -1] = 1e-6
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(x @ w).clip(-30, 30)))
        gradient = x.T @ (share * (p - y)) + ridge @ w
        curve = (x * (share * p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(curve, gradient)
        w = w - step
        if np.abs(step).max() < 1e-7:
            break
    return np.asarray(w)


def threshold_for(worst: Sequence[float], share: float, least: float = 0.5) -> float:
    """The lowest threshold, in steps of 0.01, that at most a share of harmless pictures reaches.

    worst: the highest probability of a hazard in each picture, 0: no proposal.
    """
    scores = np.asarray(worst, float)
    for threshold in np.arange(least, 1.0, 0.01):
        if np.count_nonzero(scores >= threshold) <= share * len(scores):
            return round(float(threshold), 2)
    return 0.99
