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
        self._head = head
        self._answers = len(answered)
        features = np.concatenate([answered, replayed]).astype(np.float32)
        # Around their mean and in units of their usual distance from it, so that RIDGE means the
        # same for every network; a column of ones for the bias.
        self._mean = features.mean(0) if len(features) else np.zeros_like(head.weights[0])
        around = features - self._mean
        usual = np.sqrt(np.square(around).sum(1).mean()) if len(features) else 0.0
        self._unit = np.float32(usual or 1.0)
        self._rows = np.hstack([around / self._unit, np.ones((len(features), 1), np.float32)])
        self._logits = features @ head.weights.T + head.bias
        self._targets = _softmax(self._logits[self._answers :])
        self._barred = np.where(accepted, np.float32(0), np.float32(-np.inf))
        self._shape = (head.weights.shape[0], head.weights.shape[1] + 1)
        self.size = self._shape[0] * self._shape[1]

    def head(self, change: Vector) -> VerifierHead:
        rows = change.reshape(self._shape).astype(np.float32)
        weights = rows[:, :-1] / self._unit
        bias = rows[:, -1] - weights @ self._mean
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
        loss = (log_sums[mine] - highest - np.log(share_sums)).sum(dtype=np.float64)
        probabilities[mine] -= shares / share_sums
        probabilities[mine] *= ANSWER_WEIGHT
        # The bank: cross-entropy with the deployed head's own probabilities.
        entropy = (self._targets * (log_sums[replayed] - logits[replayed])).sum(dtype=np.float64)
        probabilities[replayed] -= self._targets
        gradient = (probabilities.T @ self._rows).astype(np.float64).ravel() + RIDGE * change
        value = ANSWER_WEIGHT * float(loss) + float(entropy) + RIDGE / 2 * float(change @ change)
        return value, gradient


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), dtype=np.float32)
