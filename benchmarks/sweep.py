"""What other thresholds would have found: the real tracker and alarm book over kept detections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.events import Verdict, judge
from benchmarks.eyes import recall
from benchmarks.memory import Watched
from benchmarks.passages import Ground
from calibration.line_profile import LineProfile
from calibration.operating_point import CurvePoint
from detector.vision.catalogue import ModelFolder
from detector.wire.messages import Alert

GRID = tuple(round(float(score), 3) for score in np.arange(0.10, 0.96, 0.05))

Judged = tuple[Watched, Ground]


def with_thresholds(profile: LineProfile, thresholds: Mapping[str, float]) -> LineProfile:
    """The line with those thresholds in place of the ones it has, class by class."""
    choice = profile.model
    merged = {**choice.thresholds, **thresholds}
    return profile.model_copy(update={"model": choice.model_copy(update={"thresholds": merged})})


def judged(
    each: Judged, model: ModelFolder, thresholds: Mapping[str, float]
) -> tuple[Verdict, list[Alert]]:
    """What the line would have told with these thresholds, and how right that was."""
    watched, ground = each
    profile = with_thresholds(watched.profile, thresholds)
    alerts = [*watched.seen.line_alerts, *recall(watched.seen, profile, model)]
    return judge(alerts, ground), alerts


def curves(
    footage: Sequence[Judged],
    model: ModelFolder,
    advance: Callable[[int, int | None], None],
    grid: Sequence[float],
) -> dict[str, list[CurvePoint]]:
    """Each class's curve, the other classes at their operating thresholds."""
    found: dict[str, list[CurvePoint]] = {known.name: [] for known in model.card.classes}
    steps = [(known, at) for known in model.card.classes for at in grid]
    for done, (known, at) in enumerate(steps, start=1):
        verdicts = [judged(each, model, {known.name: at})[0] for each in footage]
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
