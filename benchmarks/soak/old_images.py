"""How old the images are that a detector looks at, by where it finds the objects in them.

A detector publishes the boxes that its model found, and when it takes the image to be from. The
film says where each object is at that time and at every earlier one, so the boxes give the image's
true age, without a change to the detector.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from benchmarks.accuracy.ground_truth import Box, GroundTruth, iou
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


@dataclass(frozen=True, slots=True)
class Frame:
    """What was found in one image."""

    t_ns: int
    """When it was taken, as the detector has it; CLOCK_MONOTONIC."""
    boxes: tuple[Box, ...]


class Claims:
    """A thread that collects the detections of a line; a context manager."""

    def __init__(self, ends: tuple[str, str]) -> None:
        self._publish = ends[0]
        self.frames: list[Frame] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="detections")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

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
    """Counts of images that were looked at after a return: fresh, old, and unknown."""
    film = _Film()
    count: Counter[str] = Counter()
    ages_s = []
    for frame in frames:
        returned = [each.until_ns for each in faults if each.until_ns <= frame.t_ns]
        if not returned or frame.t_ns - returned[-1] > AFTER_S * 1e9:
            continue
        age_s = film.age_s(frame)
        if age_s is None:
            count["unknown"] += 1
            continue
        ages_s.append(age_s)
        count["old" if age_s > OLD_S else "fresh"] += 1
    return {
        **{name: count[name] for name in ("fresh", "old", "unknown")},
        "age_s_p50": round(float(np.median(ages_s)), 2) if ages_s else None,
        "age_s_max": round(max(ages_s), 2) if ages_s else None,
    }


class _Film:
    """Boxes of all objects, harmless ones too, by film frame."""

    def __init__(self) -> None:
        truth = GroundTruth.read(TRUTH)
        self._fps = truth.fps
        self._boxes = [
            [tuple(record["box_px"]) for record in frame["objects"]] for frame in truth.frames
        ]

    def age_s(self, frame: Frame) -> float | None:
        """By how much it is older than claimed: the least age at which its boxes fit; None: no
        age fits, or it has no box."""
        step = round(self._fps / FPS)
        now = round(frame.t_ns / 1e9 * self._fps)
        best_s, most = None, 0
        for back in range(-step, round(BACK_S * self._fps) + 1):
            there = self._boxes[(now - back) % len(self._boxes)]
            fit = sum(any(iou(box, other) >= IOU_MIN for other in there) for box in frame.boxes)
            if fit > most:
                best_s, most = back / self._fps, fit
        return best_s
