"""The ground truth of a drawn clip, and alerts held against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.wire.messages import Alert, Hazard, Revision

VISIBLE_MIN = 0.5
"""An object counts once half of it was to be seen; what lies buried no camera sees."""
IOU_MIN = 0.3
"""An alert's box belongs to an object that it overlaps this much."""
SLACK_FRAMES = 45
"""An overload alert may come this much before or after the truth's interval: the monitor judges a
window of travel, the truth what is in view."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Truth:
    """What lies on the belt of a clip, frame by frame."""

    header: dict[str, Any]
    frames: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Truth:
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        return cls(json.loads(first), [json.loads(line) for line in rest])

    def objects(self) -> dict[int, dict[str, Any]]:
        """The hazards that could be seen: id to kind, class and the frames that show them."""
        seen: dict[int, dict[str, Any]] = {}
        for frame in self.frames:
            for thing in frame["objects"]:
                if thing["class"] is None:
                    continue
                entry = seen.setdefault(
                    thing["id"], {"kind": thing["kind"], "class": thing["class"], "visible": 0.0}
                )
                entry["visible"] = max(entry["visible"], thing["visible"])
        return {key: entry for key, entry in seen.items() if entry["visible"] >= VISIBLE_MIN}

    def overload_intervals(self) -> list[tuple[int, int]]:
        """First and last frame of each stretch of overload."""
        intervals: list[tuple[int, int]] = []
        for number, frame in enumerate(self.frames):
            if not frame["overload"]:
                continue
            if intervals and intervals[-1][1] == number - 1:
                intervals[-1] = (intervals[-1][0], number)
            else:
                intervals.append((number, number))
        return intervals


@dataclass(frozen=True, slots=True)
class Verdict:
    """Alerts against the truth."""

    found: dict[int, str]
    """Object id to the alert that found it."""
    missed: dict[int, str]
    """Object id to its kind."""
    false_alarms: list[str]
    """Alerts on nothing."""
    duplicates: list[str]
    """Further alerts on an object that had one."""
    objects: dict[int, dict[str, Any]]
    overloads: int
    overloads_found: int


def judge(alerts: Sequence[Alert], truth: Truth) -> Verdict:
    """Hold the raised alerts against the truth, by the frame that each box belongs to."""
    objects = truth.objects()
    found: dict[int, str] = {}
    false_alarms: list[str] = []
    duplicates: list[str] = []
    intervals = truth.overload_intervals()
    overloads_found: set[int] = set()
    for alert in alerts:
        if alert.kind is not Revision.RAISED or alert.hazard is Hazard.VISION_UNAVAILABLE:
            continue
        if alert.place is None and alert.hazard is Hazard.BATTERY:
            continue  # that there are many: for people, and no object
        if alert.place is None:
            frame = alert.frame_index or 0
            hit = [
                n
                for n, (first, last) in enumerate(intervals)
                if first - SLACK_FRAMES <= frame <= last + SLACK_FRAMES
            ]
            overloads_found.update(hit)
            if not hit:
                false_alarms.append(alert.event_id)
            continue
        thing = _thing_under(alert, truth)
        if thing is None or thing not in objects:
            if thing is None:
                false_alarms.append(alert.event_id)
        elif thing in found:
            duplicates.append(alert.event_id)
        else:
            found[thing] = alert.event_id
    missed = {key: entry["kind"] for key, entry in objects.items() if key not in found}
    return Verdict(
        found, missed, false_alarms, duplicates, objects, len(intervals), len(overloads_found)
    )


def _thing_under(alert: Alert, truth: Truth) -> int | None:
    """The object of the alert's class that its box overlaps most."""
    assert alert.place is not None
    if alert.place.frame_index >= len(truth.frames):
        return None
    best, best_iou = None, IOU_MIN
    for thing in truth.frames[alert.place.frame_index]["objects"]:
        if thing["class"] != alert.class_name:
            continue
        overlap = iou(alert.place.box_px, thing["box_px"])
        if overlap >= best_iou:
            best, best_iou = thing["id"], overlap
    return best


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
