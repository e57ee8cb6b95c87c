"""Fits a verifier's head to answers, with the feature bank replayed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.adaptation.minimiser import Vector, minimise
from detector.vision.verifier import VerifierHead

Features = NDArray[np.float32]

ANSWER_WEIGHT: Final = 60.0
"""Weight of one answer, in crops of the bank. Higher: an answer changes more at once, and a wrong
one does more harm. Three answers of one kind of thing are to be enough, one alone is not."""
RIDGE: Final = 0.1
"""Weight of the distance from the deployed head, in crops of the bank. Higher: slower to learn."""
_SHRINKAGE: Final = 0.01
"""Share of the mean variance that is added to each direction's, so that none counts for nothing."""


def fitted_head(
    head: VerifierHead, replayed: Features, answered: Features, accepted: NDArray[np.bool_]
) -> VerifierHead:
    """The head that fits the answers and otherwise decides as `head` does.

    Minimises the answers' loss, `-log` of the probability of the accepted kinds together, plus the
    Kullback-Leibler divergence from the deployed head's probabilities on the replayed crops, plus
    the squared distance from the deployed head. Without answers the minimum is `head` itself.

    Args:
        head: The deployed head.
        replayed: `(n, d)` features of the bank's crops for replay.
        answered: `(m, d)` features of the answers' crops.
        accepted: `(m, k)` bool, the kinds that an answer allows; at least one in each row.
    """
    fit = _Fit(head, replayed, answered, accepted)
    return fit.head(minimise(fit.value_and_gradient, np.zeros(fit.size)))


def moved(head: VerifierHead, towards: VerifierHead, reach: float) -> VerifierHead:
    """The head at the share `reach` of the distance from `head` to `towards`."""
    return VerifierHead(
        head.weights + np.float32(reach) * (towards.weights - head.weights),
        head.bias + np.float32(reach) * (towards.bias - head.bias),
    )


class _Fit:
    def __init__(
        self,
        head: VerifierHead,
        replayed: Features,
        answered: Features,
        accepted: NDArray[np.bool_],
    ) -> None:
        self._head, self._answers = head, len(answered)
        features = np.concatenate([answered, replayed]).astype(np.float32)
        self._mean, self._levelling = _levelling(replayed if len(replayed) else answered)
        # A column of ones for the bias.
        ones = np.ones((len(features), 1), np.float32)
        self._rows = np.hstack([(features - self._mean) @ self._levelling, ones])
        self._logits = features @ head.weights.T + head.bias
        self._targets = _softmax(self._logits[self._answers :])
        self._barred = np.where(accepted, np.float32(0), np.float32(-np.inf))
        self._shape = (head.weights.shape[0], head.weights.shape[1] + 1)
        self.size = self._shape[0] * self._shape[1]

    def head(self, change: Vector) -> VerifierHead:
        rows = change.reshape(self._shape).astype(np.float32)
        weights: Features = rows[:, :-1] @ self._levelling
        bias: Features = rows[:, -1] - weights @ self._mean
        return VerifierHead(self._head.weights + weights, self._head.bias + bias)

    def value_and_gradient(self, change: Vector) -> tuple[float, Vector]:
        rows = change.reshape(self._shape).astype(np.float32)
        logits = self._logits + self._rows @ rows.T
        logits -= logits.max(1, keepdims=True)
        probabilities = np.exp(logits)
        sums = probabilities.sum(1, keepdims=True)
        probabilities /= sums
        log_sums = np.log(sums)
        mine, replayed = slice(None, self._answers), slice(self._answers, None)
        # The answers: log of the sum over the accepted kinds, and each kind's share of it.
        within = logits[mine] + self._barred
        highest = within.max(1, keepdims=True) if self._answers else within[:, :1]
        shares = np.exp(within - highest)
        share_sums = shares.sum(1, keepdims=True)
        losses = ANSWER_WEIGHT * (log_sums[mine] - highest - np.log(share_sums))
        probabilities[mine] -= shares / share_sums
        probabilities[mine] *= ANSWER_WEIGHT
        # The bank: cross-entropy with the deployed head's own probabilities.
        entropy = (self._targets * (log_sums[replayed] - logits[replayed])).sum(dtype=np.float64)
        probabilities[replayed] -= self._targets
        gradient = (probabilities.T @ self._rows).astype(np.float64).ravel() + RIDGE * change
        loss = float(losses.sum(dtype=np.float64)) + float(entropy)
        return loss + RIDGE / 2 * float(change @ change), gradient


def _levelling(features: Features) -> tuple[Features, Features]:
    """`(d,)` mean and `(d, d)` symmetric matrix that brings the directions' variances closer.

    A few directions hold most of the variance. Without this they would carry most of each change,
    which then reaches objects that have nothing in common with the answered one. With equal
    variances little of what is learned reaches other crops of the answered object. The square root
    is between the two.
    """
    mean = np.zeros(features.shape[1], np.float32)
    if len(features):
        mean += features.mean(0)
    around = (features - mean).astype(np.float64)
    variances, directions = np.linalg.eigh(around.T @ around / max(1, len(around)))
    usual = variances.clip(0).mean()
    if usual == 0:
        return mean, np.eye(len(mean), dtype=np.float32)
    scales = (variances.clip(0) / usual + _SHRINKAGE) ** -0.25
    scales /= np.sqrt((variances.clip(0) * scales**2).sum())
    return mean, ((directions * scales) @ directions.T).astype(np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), dtype=np.float32)
