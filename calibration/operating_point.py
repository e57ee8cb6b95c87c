"""Operating point: detection thresholds whose false alarms are proven to stay within a budget.

Input are curves: for each class and threshold, the number of hazards found by complete tracks and
the number of false alarms. All classes share one budget. Of all combinations of one threshold per
class whose total false alarms stay within the budget by their exact upper bound, the one with the
highest mean recall is chosen; among equals, the one with fewer false alarms; among thresholds with
equal counts, the middle one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from calibration.exact_intervals import poisson_upper

BUDGET_PER_H = 1.0
"""False alarms per hour and line, over all hazards [DOMAIN]."""
TRADES_PER_H = (1.0, 10.0, 60.0)
"""False alarms per hour at which recall is reported for a model that exceeds the budget."""


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
    """The thresholds, and their false alarms."""

    points: dict[str, CurvePoint]
    """By class."""
    other_false_alarms: int
    """False alarms of line states, which do not depend on a class's threshold."""
    belt_h: float
    budget_per_h: float
    proven: bool
    """The upper bound of the false alarms is within the budget."""

    @property
    def false_alarms(self) -> int:
        classes = sum(point.false_alarms for point in self.points.values())
        return classes + self.other_false_alarms

    @property
    def out_of_reach(self) -> bool:
        """There was enough belt time to prove the budget, and no threshold keeps it."""
        return not self.proven and self.belt_h >= poisson_upper(0) / self.budget_per_h

    @property
    def upper_per_h(self) -> float:
        return poisson_upper(self.false_alarms) / self.belt_h

    def summary(self) -> str:
        """One line for the model card and the reader."""
        observed = (
            f"{self.false_alarms} false alarms in {self.belt_h:.2f} h of running belt, at most "
            f"{self.upper_per_h:.2f} per hour (Poisson, 95 %)"
        )
        budget = f"{self.budget_per_h:g} per hour"
        if self.proven:
            return f"{observed}: within the budget of {budget}"
        if not self.out_of_reach:
            needed_h = poisson_upper(0) / self.budget_per_h
            return (
                f"{observed}: the budget of {budget} is NOT proven; that takes {needed_h:.1f} h "
                f"even without a false alarm. Thresholds: fewest false alarms, then best recall"
            )
        return f"{observed}: no threshold keeps the budget of {budget}; chosen: fewest false alarms"


def operating_point(
    curves: Mapping[str, Curve],
    belt_h: float,
    budget_per_h: float = BUDGET_PER_H,
    other_false_alarms: int = 0,
) -> OperatingPoint:
    """The best thresholds within the budget; if none is proven, those with the fewest false alarms.

    Raises `ValueError` if there is no curve, an empty one, no belt time or no budget.
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
    """Best point of each class with at most `per_h` false alarms per hour, as counted (no bound).

    None: no thresholds reach that rate.
    """
    within = [each for each in _choices(curves) if _false(each) <= per_h * belt_h]
    if not within:
        return None
    return max(within, key=lambda each: (_recall(each), -_false(each)))


def _choices(curves: Mapping[str, Curve]) -> list[dict[str, CurvePoint]]:
    """All combinations of one point per class."""
    return [dict(zip(curves, points, strict=True)) for points in product(*curves.values())]


def _false(points: Mapping[str, CurvePoint]) -> int:
    return sum(point.false_alarms for point in points.values())


def _recall(points: Mapping[str, CurvePoint]) -> float:
    return sum(point.recall for point in points.values()) / len(points)


def _middle(curve: Curve, chosen: CurvePoint) -> CurvePoint:
    """The middle of the thresholds with the same counts as the chosen one."""
    same = sorted(
        (
            point
            for point in curve
            if (point.found, point.false_alarms) == (chosen.found, chosen.false_alarms)
        ),
        key=lambda point: point.threshold,
    )
    return same[len(same) // 2]
