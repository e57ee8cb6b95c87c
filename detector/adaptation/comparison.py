"""The deployed and the new head on the same crops: a table, and what speaks against the new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.exact_intervals import clopper_pearson
from detector.adaptation.adaptable_model import AdaptableModel
from detector.adaptation.verdicts import NONE
from detector.vision.verifier import VerifierHead

Features = NDArray[np.float32]
GAS = "gas"
RULES = (
    "On the bank's held-back crops no hazard kind's recall, nor that of a hazard's kinds together, "
    "may fall below the exact 95 % interval (Clopper-Pearson) of the shipped head's recall, and no "
    "harmless kind's false alarms may rise above theirs. Gas floor: of every second held-back "
    "source, each gas crop that the shipped or the deployed head raises as gas must stay raised as "
    "gas; of the other sources, which the fit has not seen, no fewer gas crops in all may be "
    "raised than the shipped head raises. On the held-back answers wrong verdicts must become "
    "fewer; if there are none, the loss must fall."
)
_BARELY = 1e-6


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """How crops of one name in one set are decided on."""

    crop_set: str
    name: str
    hazard: str
    """`gas`, `battery`, or `none`: harmless."""
    crops: int
    before: int
    """Crops that the deployed head raises: as this hazard, or as any if harmless."""
    after: int
    shipped: tuple[float, float] | None = None
    """Exact 95 % interval of the share that the shipped head raises."""

    @property
    def against(self) -> str | None:
        """Why the new head is refused, if it is."""
        if self.shipped is None:
            return None
        share, (low, high) = self.after / self.crops, self.shipped
        if self.hazard != "none" and share < low:
            return (
                f"{self.crop_set}, {self.name}: recall {self.before / self.crops:.3f} -> "
                f"{share:.3f}, below {low:.3f} ({self.crops} crops)"
            )
        if self.hazard == "none" and share > high:
            return (
                f"{self.crop_set}, {self.name}: false alarms {self.before / self.crops:.3f} -> "
                f"{share:.3f}, above {high:.3f} ({self.crops} crops)"
            )
        return None


@dataclass(frozen=True, slots=True, eq=False)
class AnswerCrops:
    """Crops of answers as features, each with what it may be."""

    names: tuple[str, ...]
    """`(n,)`: the answers' names."""
    features: Features
    """`(n, d)`."""
    accepted: NDArray[np.bool_]
    """`(n, k)`: the kinds that each answer allows."""

    def part(self, chosen: NDArray[np.bool_]) -> AnswerCrops:
        names = tuple(name for name, wanted in zip(self.names, chosen, strict=True) if wanted)
        return AnswerCrops(names, self.features[chosen], self.accepted[chosen])

    def loss(self, head: VerifierHead) -> float:
        """Mean of `-log` of the probability of the accepted kinds; 0 without answers."""
        if not self.names:
            return 0.0
        accepted = (head.probabilities(self.features) * self.accepted).sum(1, dtype=np.float64)
        return float(-np.log(accepted.clip(1e-12)).mean())


class HeadComparison:
    """Compares heads on one model's feature bank, and on answers."""

    def __init__(self, model: AdaptableModel) -> None:
        bank, held = model.bank, model.bank.held
        hazards = model.rule.hazards
        self._model = model
        self._features, self._kind = bank.features[held], bank.kind[held]
        self._hazard = np.array(model.rule.hazard_of_kind)[self._kind]
        self._shipped = self._raised(model.shipped, self._features)
        self._before = self._raised(model.head, self._features)
        self._gas = hazards.index(GAS) if GAS in hazards else None
        self._fitted = self._half_of_gas(bank.group[held])

    def _half_of_gas(self, group: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which crops are in the fit as the gas floor: gas of every second source, or if there is
        only one, every second crop. What is fitted is no test, so the others are the test."""
        if self._gas is None:
            return np.zeros(len(group), dtype=np.bool_)
        mine = np.flatnonzero(self._hazard == self._gas)
        _, rank = np.unique(group[mine], return_inverse=True)
        chosen = np.zeros(len(group), dtype=np.bool_)
        chosen[mine[(rank if rank.any() else np.arange(len(mine))) % 2 == 0]] = True
        return chosen

    @property
    def gas_floor(self) -> Features:
        """`(n, d)`: the crops of the gas floor that the shipped or the deployed head raises."""
        raised = (self._shipped == self._gas) | (self._before == self._gas)
        floor: Features = self._features[self._fitted & raised]
        return floor

    def with_gas_floor(self, head: VerifierHead, most: float = 0.5) -> VerifierHead:
        """`head`, with gas made more probable as far as its floor demands, if that is at most
        `most` in log-odds."""
        lacking = float(self._below_gas_floor(head).max(initial=0))
        if not 0 < lacking <= most:
            return head
        return self._model.rule.lifted(head, GAS, lacking + 1e-3)

    def bank_rows(self, head: VerifierHead) -> list[ComparisonRow]:
        """The bank's held-back crops that are not in the fit: each kind, the kinds of each hazard,
        all harmless ones."""
        after = self._raised(head, self._features)
        hazards = (*self._model.rule.hazards, "none")
        rows = []
        for hazard in hazards:
            index = NONE if hazard == "none" else hazards.index(hazard)
            of_hazard = (self._hazard == index) & ~self._fitted
            groups = [(f"all {'harmless' if hazard == 'none' else hazard}", of_hazard)]
            for number, kind in enumerate(self._model.verifier.kinds):
                if kind.hazard == hazard:
                    groups.append((kind.name, of_hazard & (self._kind == number)))
            rows += [
                self._bank_row(name, hazard, chosen, after)
                for name, chosen in groups
                if chosen.any()
            ]
        return rows

    def answer_rows(
        self, crop_set: str, crops: AnswerCrops, head: VerifierHead
    ) -> list[ComparisonRow]:
        """Answers by name."""
        before = self._raised(self._model.head, crops.features)
        after = self._raised(head, crops.features)
        wanted = self._wanted(crops)
        rows = []
        for name in dict.fromkeys(crops.names):
            chosen = np.array([each == name for each in crops.names])
            index = int(wanted[chosen.argmax()])
            hazard = "none" if index == NONE else self._model.rule.hazards[index]
            old, new = (self._count(raised[chosen], index) for raised in (before, after))
            rows.append(ComparisonRow(crop_set, name, hazard, int(chosen.sum()), old, new))
        return rows

    def against(self, head: VerifierHead) -> list[str]:
        """One line for each figure of the bank that is worse than `RULES` allow."""
        lines = [line for row in self.bank_rows(head) if (line := row.against)]
        return [*self._lost_gas(head), *lines]

    def not_better(self, crops: AnswerCrops, head: VerifierHead) -> list[str]:
        """Why the new head is no better on held-back answers: one line each."""
        return list(self._not_better(crops, head))

    def _not_better(self, crops: AnswerCrops, head: VerifierHead) -> Iterator[str]:
        wanted = self._wanted(crops)
        before, after = (
            int((self._raised(each, crops.features) != wanted).sum())
            for each in (self._model.head, head)
        )
        old, new = crops.loss(self._model.head), crops.loss(head)
        if after >= before > 0:
            yield (
                f"held-back answers: {before} -> {after} wrong verdicts of {len(wanted)}, no better"
            )
        elif after > before or not new < old:
            yield f"held-back answers: all {len(wanted)} are right already, and do not become surer"

    def _below_gas_floor(self, head: VerifierHead) -> NDArray[np.float64]:
        """`(n,)`: log-odds that held-back gas crops lack; 0 or less: not below their floor."""
        rule, floor = self._model.rule, self.gas_floor
        if self._gas is None or not len(floor):
            return np.zeros(0)
        margins = rule.margins(head, floor)
        lost = np.where(rule.raised(margins) == self._gas, -np.inf, _BARELY)
        return np.maximum(-margins[:, self._gas], lost)

    def _lost_gas(self, head: VerifierHead) -> Iterator[str]:
        if self._gas is None:
            return
        below = self._below_gas_floor(head)
        count = int((below > 0).sum())
        if count:
            yield (
                f"gas floor: {count} of {len(below)} gas crops that are raised today would no "
                f"longer be; they lack up to {below.max():.2f} in log-odds"
            )
        others = (self._hazard == self._gas) & ~self._fitted
        before = int((self._shipped[others] == self._gas).sum())
        after = int((self._raised(head, self._features[others]) == self._gas).sum())
        if after < before:
            yield (
                f"gas floor: of {int(others.sum())} gas crops of other sources {after} would be "
                f"raised, the shipped head raises {before}"
            )

    def _raised(self, head: VerifierHead, features: Features) -> NDArray[np.int64]:
        if not len(features):
            return np.zeros(0, dtype=np.int64)
        return self._model.rule.raised(self._model.rule.margins(head, features))

    def _wanted(self, crops: AnswerCrops) -> NDArray[np.int64]:
        """`(n,)`: the hazard of each answer; all kinds that one allows have the same."""
        hazards = np.array(self._model.rule.hazard_of_kind)
        return np.asarray(hazards[crops.accepted.argmax(1)], dtype=np.int64)

    def _bank_row(
        self, name: str, hazard: str, chosen: NDArray[np.bool_], after: NDArray[np.int64]
    ) -> ComparisonRow:
        index = NONE if hazard == "none" else self._model.rule.hazards.index(hazard)
        shipped, old, new = (
            self._count(raised[chosen], index) for raised in (self._shipped, self._before, after)
        )
        crops = int(chosen.sum())
        interval = clopper_pearson(shipped, crops)
        return ComparisonRow("bank, held back", name, hazard, crops, old, new, interval)

    @staticmethod
    def _count(raised: NDArray[np.int64], index: int) -> int:
        return int((raised != NONE).sum() if index == NONE else (raised == index).sum())


def table(rows: Sequence[ComparisonRow]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| set | kind | crops | measured | before | after | shipped head, 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = "" if row.shipped is None else f"{row.shipped[0]:.3f} to {row.shipped[1]:.3f}"
        measured = "false alarms" if row.hazard == "none" else f"raised as {row.hazard}"
        lines.append(
            f"| {row.crop_set} | {row.name} | {row.crops} | {measured} | {row.before} | "
            f"{row.after} | {interval} |"
        )
    return "\n".join(lines)
