"""How old the images are that a detector looks at, by where it finds the objects in them.

A detector publishes the boxes that its model found, and when it takes the image to be from. The
film says where each object is at that time and at every earlier one, so the boxes give the image's
true age, without a change to the detector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.accuracy.ground_truth import Box, GroundTruth, iou
from benchmarks.background_thread import BackgroundThread
from benchmarks.soak.faults import Injected
from benchmarks.soak.footage import FPS, TRUTH
from detector import client
from detector.wire.messages import FrameDetections

AFTER_S = 10.0
"""Images of this time after a return are examined."""
BACK_S = 15.0
"""Oldest age that is searched for."""
IOU_MIN = 0.5
SCORE_MIN = 0.3
OLD_S = 0.5
"""Older than it is taken to be. A frame period of delivery and one of the decoder are 0.2 s."""
SHIFT_NS = 3_000_000_000
"""By which fresh images are made old, to see whether that would be noticed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What was found in one image."""

    t_ns: int
    """When it was taken, as the detector has it; CLOCK_MONOTONIC."""
    boxes: tuple[Box, ...]


class Claims(BackgroundThread):
    """A thread that collects the detections of a line; a context manager."""

    def __init__(self, ends: tuple[str, str]) -> None:
        super().__init__()
        self._publish = ends[0]
        self.frames: list[Frame] = []

    def _run(self) -> None:
        with client.Line(self._publish, topics=("detections/",)) as line:
            while not self._over.is_set():
                item = line.receive(0.2)
                if isinstance(item, client.Received) and isinstance(item.payload, FrameDetections):
                    boxes = tuple(
                        each.box_px for each in item.payload.detections if each.score >= SCORE_MIN
                    )
                    self.frames.append(Frame(item.header.t_capture_mono_ns, boxes))


def old_images(frames: Sequence[Frame], faults: Sequence[Injected]) -> dict[str, Any]:
    """Counts of images that were looked at after a return: fresh, old, and unknown; and the share
    of the fresh ones that would have been found old, had they been so."""
    film = _Film()
    count: Counter[str] = Counter()
    fresh = []
    for frame in frames:
        returned = [each.until_ns for each in faults if each.until_ns <= frame.t_ns]
        if not returned or frame.t_ns - returned[-1] > AFTER_S * 1e9:
            continue
        finding = film.finding(frame)
        count[finding] += 1
        if finding == "fresh":
            fresh.append(frame)
    later = [Frame(each.t_ns + SHIFT_NS, each.boxes) for each in fresh]
    noticed = [film.finding(each) == "old" for each in later]
    return {
        **{name: count[name] for name in ("fresh", "old", "unknown")},
        "noticed_if_old": round(float(np.mean(noticed)), 2) if noticed else None,
    }


class _Film:
    """Boxes of all objects, harmless ones too, by film frame."""

    def __init__(self) -> None:
        truth = GroundTruth.read(TRUTH)
        self._fps = truth.fps
        self._boxes = [
            [tuple(record["box_px"]) for record in frame["objects"]] for frame in truth.frames
        ]

    def finding(self, frame: Frame) -> str:
        """`fresh`: its boxes fit the film now, at most OLD_S before. `old`: two more fit at some
        earlier time; one may by chance. `unknown`: it has too few boxes to tell."""
        now = round(frame.t_ns / 1e9 * self._fps)
        step, old = round(self._fps / FPS), round(OLD_S * self._fps)
        young = max(self._fit(frame, now - back) for back in range(-step, old + 1))
        every = range(old + step, round(BACK_S * self._fps) + 1)
        aged = max(self._fit(frame, now - back) for back in every) if len(frame.boxes) > 1 else 0
        if aged >= young + 2:
            return "old"
        return "fresh" if young else "unknown"

    def _fit(self, frame: Frame, at: int) -> int:
        """How many of its boxes are where the film has an object."""
        there = self._boxes[at % len(self._boxes)]
        return sum(any(iou(box, other) >= IOU_MIN for other in there) for box in frame.boxes)
