"""What other thresholds would have found: the real tracker and alarm book over kept detections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.detections_file import Watched
from benchmarks.accuracy.matching import Verdict, judge
from benchmarks.accuracy.passages import Ground
from benchmarks.accuracy.replay import Recall
from calibration.operating_point import CurvePoint
from detector.vision.catalogue import ModelFolder
from detector.wire.messages import Alert

GRID = (*(round(float(score), 3) for score in np.arange(0.10, 0.91, 0.05)), 0.93, 0.95, 0.97)
"""Closer where false alarms are few."""


@dataclass(frozen=True)
class Looked:
    """One piece of footage, looked at: it can be judged by any thresholds."""

    watched: Watched
    ground: Ground
    recall: Recall

    @classmethod
    def of(cls, watched: Watched, model: ModelFolder) -> Looked:
        """`model` may have other thresholds than the one that looked."""
        ground = Ground(watched.truth, watched.profile)
        return cls(watched, ground, Recall(watched.seen, watched.profile, model))

    def judged(self, thresholds: Mapping[str, float]) -> tuple[Verdict, list[Alert]]:
        """What the line would have told with these thresholds, and how right that was."""
        alerts = [*self.watched.seen.line_alerts, *self.recall.alerts(thresholds)]
        return judge(alerts, self.ground), alerts


def curves(
    footage: Sequence[Looked],
    model: ModelFolder,
    advance: Callable[[int, int | None], None],
    grid: Sequence[float],
) -> dict[str, list[CurvePoint]]:
    """Each class's curve, the other classes at their operating thresholds."""
    found: dict[str, list[CurvePoint]] = {known.name: [] for known in model.card.classes}
    steps = [(known, at) for known in model.card.classes for at in grid]
    for done, (known, at) in enumerate(steps, start=1):
        verdicts = [each.judged({known.name: at})[0] for each in footage]
        mine = [
            event
            for verdict in verdicts
            for event in verdict.counted()
            if event.passage.class_name == known.name
        ]
        false = sum(
            alarm.hazard.value == known.hazard
            for verdict in verdicts
            for alarm in verdict.false_alarms
        )
        hits = sum(event.found is not None for event in mine)
        found[known.name].append(CurvePoint(at, hits, len(mine), false))
        advance(done, len(steps))
    return found
