"""The verdict on one object: the verifier's passes and the detector's score, fused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.verifier import NEAREST
from detector.vision.verifier_card import Fusion, VerifierCard
from detector.vocabulary import Hazard, KindAction

_RANK: dict[KindAction, int] = {"ignore": 0, "count": 1, "call": 2}

PASSES_ENOUGH, PASSES_MAX = 3, 5
"""Crops of one object after which it is decided on, and after which it gets no more."""
# How far, in log-odds, a verdict is from its threshold when more crops would not turn it: below it
# after any crop, below it after enough of them, above it after two. Of 691 objects on path-traced
# belts none that was left at that had another verdict after five crops.
_HARMLESS, _HARMLESS_ENOUGH, _RAISED = 2.5, 1.2, 2.0


@dataclass(frozen=True, slots=True)
class HazardRule:
    """How one hazard is decided on at one site."""

    hazard: Hazard
    fusion: Fusion
    threshold: float
    """Probability from which an object is raised: the card's, or the profile's."""
    kinds: tuple[int, ...]
    """Indices of the hazard's kinds."""
    actions: tuple[KindAction, ...]
    """What each of them is to the site."""

    def kinds_with(self, *actions: KindAction) -> list[int]:
        """Indices of the kinds with one of these actions."""
        pairs = zip(self.kinds, self.actions, strict=True)
        return [kind for kind, action in pairs if action in actions]


@dataclass(frozen=True, slots=True)
class VerifierRules:
    """How the objects of one line are decided on."""

    kind_names: tuple[str, ...]
    kind_hazards: tuple[str, ...]
    hazards: tuple[HazardRule, ...]

    @property
    def counted(self) -> frozenset[str]:
        """Names of the kinds that are only counted."""
        return frozenset(
            self.kind_names[kind] for rule in self.hazards for kind in rule.kinds_with("count")
        )


def verifier_rules(
    card: VerifierCard,
    actions: Mapping[str, KindAction],
    thresholds: Mapping[str, float],
) -> VerifierRules:
    """The rules of a site. `actions`: by kind, default: call. `thresholds`: by hazard, overriding
    the card's."""
    return VerifierRules(
        tuple(kind.name for kind in card.kinds),
        tuple(kind.hazard for kind in card.kinds),
        tuple(
            HazardRule(
                Hazard(hazard),
                fusion,
                thresholds.get(hazard, fusion.threshold),
                card.kinds_of(hazard),
                tuple(actions.get(card.kinds[kind].name, "call") for kind in card.kinds_of(hazard)),
            )
            for hazard, fusion in card.fusion.items()
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CropLook:
    """One crop of an object that the verifier had."""

    frame_index: int
    t_utc_ns: int
    box_px: tuple[float, float, float, float]
    """What it was cut around, image coordinates."""
    probabilities: NDArray[np.float32]
    """`(k,)` float32: of each kind, by this crop."""


class KindScores:
    """What the verifier's passes have said about one track."""

    __slots__ = ("_log_odds", "_rules", "_sum", "passes")

    def __init__(self, rules: VerifierRules) -> None:
        self._rules = rules
        self._sum = np.zeros(len(rules.kind_names))
        self._log_odds = [0.0] * len(rules.hazards)
        self.passes = 0

    def add(self, probabilities: NDArray[np.float32]) -> None:
        """Add one pass: `(k,)` float32, the probability of each kind."""
        self._sum += probabilities
        for index, rule in enumerate(self._rules.hazards):
            self._log_odds[index] += _log_odds(float(probabilities[list(rule.kinds)].sum()))
        self.passes += 1

    def as_json(self) -> list[Any]:
        """Its state, for `restored`; exact."""
        return [self.passes, self._sum.tolist(), list(self._log_odds)]

    @classmethod
    def restored(cls, rules: VerifierRules, state: list[Any]) -> KindScores:
        """The scores that were written as `state`, under the same rules."""
        scores = cls(rules)
        scores.passes, scores._sum, scores._log_odds = state[0], np.array(state[1]), list(state[2])
        return scores

    @property
    def mean(self) -> NDArray[np.float64]:
        """`(k,)` float64: the probability of each kind, mean over the passes."""
        return self._sum / max(1, self.passes)

    def verdict(self, best_score: float, raised_as: Hazard | None = None) -> Verdict:
        """Decide, with the track's best score. At least one pass is needed.

        `raised_as`: the hazard of the verdict if none is to be raised.
        """
        verdicts = [
            self._verdict_on(rule, log_odds / self.passes, best_score)
            for rule, log_odds in zip(self._rules.hazards, self._log_odds, strict=True)
        ]
        most = max(verdicts, key=lambda each: (_RANK[each.action], each.probability))
        if most.action == "ignore":
            return next((each for each in verdicts if each.hazard is raised_as), most)
        return most

    def is_settled(self, best_score: float) -> bool:
        """Whether further crops would not turn the verdict, with the track's best score."""
        if not self.passes:
            return False
        margins = [
            self._fused(rule, log_odds / self.passes, best_score) - _log_odds(rule.threshold)
            for rule, log_odds in zip(self._rules.hazards, self._log_odds, strict=True)
        ]
        enough = self.passes >= PASSES_ENOUGH
        if max(margins) < -(_HARMLESS_ENOUGH if enough else _HARMLESS):
            return True
        raised = self.passes > 1 and max(margins) >= (0 if enough else _RAISED)
        return raised and self.verdict(best_score).action != "ignore"

    def _verdict_on(self, rule: HazardRule, log_odds: float, best_score: float) -> Verdict:
        probability = _probability(self._fused(rule, log_odds, best_score))
        action = self._action(rule, probability)
        mean = self.mean
        kind = max(rule.kinds_with(action) or rule.kinds, key=lambda each: mean[each])
        return Verdict(rule.hazard, probability, action, self._rules.kind_names[kind])

    @staticmethod
    def _fused(rule: HazardRule, log_odds: float, best_score: float) -> float:
        """Log-odds of the hazard."""
        fusion = rule.fusion
        return fusion.verifier * log_odds + fusion.detector * _log_odds(best_score) + fusion.offset

    def _action(self, rule: HazardRule, probability: float) -> KindAction:
        """An object calls if all kinds that call reach the threshold together, and so on: two kinds
        of which one is ignored share one object's probability."""
        of_hazard = self._share(rule.kinds)
        calling = self._share(rule.kinds_with("call")) / of_hazard
        if probability * calling >= rule.threshold:
            return "call"
        raised = self._share(rule.kinds_with("call", "count")) / of_hazard
        return "count" if probability * raised >= rule.threshold else "ignore"

    def _share(self, kinds: Sequence[int]) -> float:
        return float(self._sum[list(kinds)].sum()) + 1e-12 * bool(kinds)

    def top(self, first: str, count: int) -> list[tuple[str, str, float]]:
        """Name, hazard and probability of the kind `first`, then of the others, most probable
        first; `count` in all."""
        names, mean = self._rules.kind_names, self.mean
        order = sorted(range(len(names)), key=lambda kind: (names[kind] != first, -mean[kind]))
        return [
            (names[kind], self._rules.kind_hazards[kind], float(mean[kind]))
            for kind in order[:count]
        ]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one object is, by all that has been seen of it."""

    hazard: Hazard
    probability: float
    """Calibrated probability of the hazard."""
    action: KindAction
    """`ignore` also for a probability below the threshold."""
    kind: str
    """The most probable kind of the hazard with this action."""


def _log_odds(probability: float) -> float:
    kept = min(max(probability, NEAREST), 1 - NEAREST)
    return math.log(kept / (1 - kept))


def _probability(log_odds: float) -> float:
    # exp() of a number beyond 700 overflows.
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))
