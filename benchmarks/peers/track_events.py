"""A peer's tracks as alarms, so that they are counted by the same rules as Vigitri's.

A track alarms in its n-th frame, n as the line's `tracking.hits`, once its best score has reached
the threshold of its class: the simplest alarm that one would build on a tracker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.accuracy.matching import match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from detector.vision.catalogue import Card
from detector.vocabulary import CLASSES
from detector.wire.messages import (
    AlarmState,
    Alert,
    Hazard,
    ModelIdentity,
    Place,
    Priority,
    Revision,
)


def alerts_of_tracks(
    rows: Iterable[Sequence[float]], card: Card, hits: int, size_px: tuple[int, int]
) -> list[Alert]:
    """One alert per track. rows: as `contenders.Measurement`, in the order of frames."""
    seen: defaultdict[int, list[Sequence[float]]] = defaultdict(list)
    raised: dict[int, Alert] = {}
    for row in rows:
        track = int(row[1])
        if track < 0 or track in raised:
            continue
        seen[track].append(row)
        best = max(seen[track], key=lambda each: each[3])
        known = card.classes[int(best[2])]
        if len(seen[track]) >= hits and best[3] >= known.threshold:
            raised[track] = _alert(row, CLASSES[known.name], known.name, best[3], size_px)
    return list(raised.values())


def _alert(
    row: Sequence[float], hazard: Hazard, class_name: str, score: float, size_px: tuple[int, int]
) -> Alert:
    frame, track = int(row[0]), int(row[1])
    x0, y0, x1, y1 = row[4:8]
    place = Place(
        box_px=(x0, y0, x1, y1), frame_index=frame, image_size_px=size_px, mm_basis="nominal",
        x_mm=None, y_mm=None, belt_position_mm=None,
    )  # fmt: skip
    return Alert(
        line="peers", boot_id="peer", event_id=f"t-{track}", revision=1, kind=Revision.RAISED,
        hazard=hazard, class_name=class_name, priority=Priority.HIGH,
        state=AlarmState.UNACKNOWLEDGED, probability=min(1.0, score), t_capture_utc_ns=0,
        t_capture_mono_ns=0, frame_index=frame, t_raised_utc_ns=0, place=place, arrivals=(),
        support=(), why=None, detail=None, track=track, outcome=None, evidence_id=None,
        model=ModelIdentity(name="peer", sha256="0" * 64),
    )  # fmt: skip


def counted(alerts: Sequence[Alert], ground: LineGroundTruth, frames: int) -> Mapping[str, Any]:
    """Hazards found and false alarms of objects among the first frames."""
    evaluation = match_alerts([each for each in alerts if each.place is not None], ground)
    # Only hazards whose chance was complete: those that were in view as a whole by then.
    due = [
        each
        for each in evaluation.counted()
        if each.passage.whole_frame is not None and max(each.passage.boxes_mm) < frames
    ]
    return {
        "hazards": len(due),
        "found": sum(each.found is not None for each in due),
        "false_alarms": len(evaluation.false_alarms),
        "duplicates": sum(len(each.duplicates) for each in evaluation.events),
    }
