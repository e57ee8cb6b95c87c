"""Other thresholds: stored detections through the real tracker and alarm book."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.detections_file import RecordedFootage
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.accuracy.replay import Replay
from calibration.operating_point import CurvePoint
from detector.vision.catalogue import ModelFolder
from detector.wire.messages import Alert

GRID = (*(round(float(score), 3) for score in np.arange(0.10, 0.91, 0.05)), 0.93, 0.95, 0.97)
"""Closer where false alarms are few."""


@dataclass(frozen=True)
class RecordedRun:
    """One recorded piece of footage, which can be evaluated at any thresholds."""

    recorded: RecordedFootage
    ground: LineGroundTruth
    replay: Replay

    @classmethod
    def of(cls, recorded: RecordedFootage, model: ModelFolder) -> RecordedRun:
        """model: may have other thresholds than the recorded one."""
        ground = LineGroundTruth(recorded.truth, recorded.profile)
        return cls(recorded, ground, Replay(recorded.detections, recorded.profile, model))

    def evaluate(self, thresholds: Mapping[str, float]) -> tuple[Evaluation, list[Alert]]:
        """The evaluation at these thresholds, and the alerts that the line would have raised."""
        alerts = [*self.recorded.detections.line_alerts, *self.replay.alerts(thresholds)]
        return match_alerts(alerts, self.ground), alerts


def curves(
    footage: Sequence[RecordedRun],
    model: ModelFolder,
    advance: Callable[[int, int | None], None],
    grid: Sequence[float],
    false_on: Sequence[RecordedRun] | None = None,
) -> dict[str, list[CurvePoint]]:
    """Each class's curve, the other classes at their operating thresholds.

    false_on: the part of the footage on which false alarms count; None: all.
    """
    counting = [false_on is None or any(each is one for one in false_on) for each in footage]
    found: dict[str, list[CurvePoint]] = {known.name: [] for known in model.card.classes}
    steps = [(known, at) for known in model.card.classes for at in grid]
    for done, (known, at) in enumerate(steps, start=1):
        evaluations = [each.evaluate({known.name: at})[0] for each in footage]
        mine = [
            event
            for evaluation in evaluations
            for event in evaluation.counted()
            if event.passage.class_name == known.name
        ]
        false = sum(
            alarm.hazard.value == known.hazard
            for evaluation, counts in zip(evaluations, counting, strict=True)
            if counts
            for alarm in evaluation.false_alarms
        )
        hits = sum(event.found is not None for event in mine)
        found[known.name].append(CurvePoint(at, hits, len(mine), false))
        advance(done, len(steps))
    return found
