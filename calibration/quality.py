"""A calibration's quality figure and its rating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "fair", "poor"]


@dataclass(frozen=True, slots=True)
class QualityFigure:
    """One rated figure. `fair` is usable and could be better; `poor` is not written."""

    what: str
    value: str
    verdict: Verdict
    advice: str
    """How to improve it; shown unless it is good."""

    def __str__(self) -> str:
        line = f"{self.what:<34} {self.value:<16} {self.verdict}"
        return line if self.verdict == "good" else f"{line}: {self.advice}"


def at_most(
    what: str, value: float, unit: str, *, good: float, fair: float, advice: str
) -> QualityFigure:
    """Rate a figure that should be small."""
    return QualityFigure(
        what, f"{value:.3g} {unit}", _verdict(value <= good, value <= fair), advice
    )


def at_least(
    what: str, value: float, shown: str, *, good: float, fair: float, advice: str
) -> QualityFigure:
    """Rate a figure that should be large."""
    return QualityFigure(what, shown, _verdict(value >= good, value >= fair), advice)


def _verdict(good: bool, fair: bool) -> Verdict:
    return "good" if good else "fair" if fair else "poor"
