"""Footage with its evaluation: what the plots and contact sheets show."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.matching import Evaluation
from benchmarks.accuracy.sweep import RecordedRun


@dataclass(frozen=True)
class Case(RecordedRun):
    """Footage with its evaluation at the line's own thresholds."""

    footage: Footage
    evaluation: Evaluation
