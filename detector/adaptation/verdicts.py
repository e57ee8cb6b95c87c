"""What a head raises, crop by crop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import Card
from detector.vision.verifier import VerifierHead, log_odds
from detector.vision.verifier_card import VerifierCard

NONE = -1


@dataclass(frozen=True, slots=True)
class _HazardRule:
    kinds: tuple[int, ...]
    verifier: float
    constant: float
    threshold: float
    """Log-odds."""


class VerdictRule:
    """Decides on single crops as a line decides on objects after one pass.

    A crop of the bank has no detector score; it is decided on as if the detector's score were at
    its own threshold.
    """

    def __init__(self, card: VerifierCard, detector_thresholds: Mapping[str, float]) -> None:
        """`detector_thresholds`: by hazard."""
        self.hazards: tuple[str, ...] = tuple(card.fusion)
        self._rules = [
            _HazardRule(
                card.kinds_of(hazard),
                fusion.verifier,
                fusion.detector * _log_odds(detector_thresholds[hazard]) + fusion.offset,
                _log_odds(fusion.threshold),
            )
            for hazard, fusion in card.fusion.items()
        ]
        names = [kind.hazard for kind in card.kinds]
        self.hazard_of_kind: tuple[int, ...] = tuple(
            self.hazards.index(name) if name in self.hazards else NONE for name in names
        )
        """Index in `hazards` of each kind's hazard; `NONE` for harmless kinds."""

    def margins(self, head: VerifierHead, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """`(n, hazards)`: log-odds of the fused probability above the hazard's threshold."""
        probabilities = head.probabilities(features).astype(np.float64)
        columns = []
        for rule in self._rules:
            share = probabilities[:, list(rule.kinds)].sum(1)
            fused = rule.verifier * log_odds(share) + rule.constant
            columns.append(fused - rule.threshold)
        return np.stack(columns, 1)

    def raised(self, margins: NDArray[np.float64]) -> NDArray[np.int64]:
        """`(n,)` index in `hazards`, the more probable one of those raised; `NONE` for no alarm."""
        thresholds = np.array([rule.threshold for rule in self._rules])
        fused = np.where(margins >= 0, margins + thresholds, -np.inf)
        return np.where((margins >= 0).any(1), fused.argmax(1), NONE)

    def lifted(self, head: VerifierHead, hazard: str, by: float) -> VerifierHead:
        """`head` with the fused log-odds of one hazard raised by `by` for every crop."""
        rule = self._rules[self.hazards.index(hazard)]
        bias = head.bias.copy()
        bias[list(rule.kinds)] += np.float32(by / rule.verifier)
        return VerifierHead(head.weights, bias)


def verdict_rule(card: Card, verifier: VerifierCard) -> VerdictRule:
    """The rule of a model; of several classes of one hazard the lowest threshold counts."""
    return VerdictRule(verifier, _lowest(card, tuple(verifier.fusion)))


def _lowest(card: Card, hazards: Sequence[str]) -> dict[str, float]:
    return {
        hazard: min(each.threshold for each in card.classes if each.hazard == hazard)
        for hazard in hazards
    }


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
