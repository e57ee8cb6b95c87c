"""Where a line operates: the thresholds whose false alarms stay within a budget, proven.

Read from curves: for each class and threshold, how many hazards whole tracks found and how many
false alarms they raised. Classes share one budget. Of all ways to pick one threshold per class, the
one with the highest mean recall is taken whose false alarms, added up, stay within the budget with
their exact upper bound; of equals the one with fewer false alarms, and where a range of thresholds
counts the same, its middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from calibration.exact_intervals import poisson_upper

BUDGET_PER_H = 1.0
"""False alarms per hour and line, over all hazards [DOMAIN]."""
TRADES_PER_H = (1.0, 10.0, 60.0)
"""What is told of a model that does not keep the budget: the recall at so many an hour."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One class at one threshold."""

    threshold: float
    found: int
    hazards: int
    false_alarms: int

    @property
    def recall(self) -> float:
        return self.found / self.hazards if self.hazards else 0.0


Curve = Sequence[CurvePoint]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The thresholds, and what they are worth."""

    points: dict[str, CurvePoint]
    """By class."""
    other_false_alarms: int
    """Of states of the line, which no threshold of a class changes."""
    belt_h: float
    budget_per_h: float
    proven: bool
    """The upper bound of the false alarms lies within the budget."""

    @property
    def false_alarms(self) -> int:
        classes = sum(point.false_alarms for point in self.points.values())
        return classes + self.other_false_alarms

    @property
    def hopeless(self) -> bool:
        """Enough belt was seen to prove the budget, and no threshold keeps it."""
        return not self.proven and self.belt_h >= poisson_upper(0) / self.budget_per_h

    @property
    def upper_per_h(self) -> float:
        return poisson_upper(self.false_alarms) / self.belt_h

    def summary(self) -> str:
        """One line for the card and the reader."""
        seen = (
            f"{self.false_alarms} false alarms in {self.belt_h:.2f} h of running belt, at most "
            f"{self.upper_per_h:.2f} an hour (Poisson, 95 %)"
        )
        budget = f"{self.budget_per_h:g} an hour"
        if self.proven:
            return f"{seen}: within the budget of {budget}"
        if not self.hopeless:
            needed_h = poisson_upper(0) / self.budget_per_h
            return (
                f"{seen}: the budget of {budget} is NOT proven; even no false alarm shows it only "
                f"after {needed_h:.1f} h. Thresholds: the fewest false alarms, then the best recall"
            )
        return f"{seen}: no threshold keeps the budget of {budget}. Thresholds: the fewest, as said"


def operating_point(
    curves: Mapping[str, Curve],
    belt_h: float,
    budget_per_h: float = BUDGET_PER_H,
    other_false_alarms: int = 0,
) -> OperatingPoint:
    """The best thresholds within the budget; where none is proven, those with the fewest alarms.

    Raises `ValueError` for no curve, an empty one, no belt time or no budget.
    """
    if not curves or not all(curves.values()):
        raise ValueError("an operating point needs a curve with a point for each class")
    if not (belt_h > 0 and budget_per_h > 0):
        raise ValueError(f"belt_h = {belt_h:g} and budget_per_h = {budget_per_h:g} must be above 0")
    choices = _choices(curves)
    within = [
        each
        for each in choices
        if poisson_upper(other_false_alarms + _false(each)) <= budget_per_h * belt_h
    ]
    if within:
        best = max(within, key=lambda each: (_recall(each), -_false(each)))
    else:
        best = max(choices, key=lambda each: (-_false(each), _recall(each)))
    return OperatingPoint(
        {name: _middle(curves[name], point) for name, point in best.items()},
        other_false_alarms,
        belt_h,
        budget_per_h,
        proven=bool(within),
    )


def best_trade(
    curves: Mapping[str, Curve], belt_h: float, per_h: float
) -> dict[str, CurvePoint] | None:
    """What so many false alarms an hour buy, as counted and without a bound: each class's point.

    None: no thresholds raised so few.
    """
    within = [each for each in _choices(curves) if _false(each) <= per_h * belt_h]
    if not within:
        return None
    return max(within, key=lambda each: (_recall(each), -_false(each)))


def _choices(curves: Mapping[str, Curve]) -> list[dict[str, CurvePoint]]:
    """Each way to pick one point of each class."""
    return [dict(zip(curves, points, strict=True)) for points in product(*curves.values())]


def _false(points: Mapping[str, CurvePoint]) -> int:
    return sum(point.false_alarms for point in points.values())


def _recall(points: Mapping[str, CurvePoint]) -> float:
    return sum(point.recall for point in points.values()) / len(points)


def _middle(curve: Curve, chosen: CurvePoint) -> CurvePoint:
    """The middle of the thresholds that count the same as the chosen one."""
    same = sorted(
        (
            point
            for point in curve
            if (point.found, point.false_alarms) == (chosen.found, chosen.false_alarms)
        ),
        key=lambda point: point.threshold,
    )
    return same[len(same) // 2]
