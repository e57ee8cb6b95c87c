"""Replay recorded detections through the real tracker and alarm book.

Everything that depends on no threshold is computed once: the belt position of each detection, and
the belt's motion. Replaying an hour of belt then takes seconds: many thresholds can be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import RecordedDetections
from detector.belt.motion import Shift
from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.tracking.detection import Detection, place_on_belt
from detector.hazards.tracking.tracker import BeltTracker
from detector.ingest import Frame
from detector.line_setup import Line
from detector.profile.line import LineProfile
from detector.vision.belt_view import BeltView, Rectifier, Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.detections import Detections
from detector.wire.messages import Alert

_Pass = tuple[tuple[float, float], list[Detection]]
"""From and to along the belt, mm, and the detections between them."""


class Replay:
    """One recorded piece of footage, for any thresholds.

    Inference is replayed where the line ran it. Other thresholds would have moved some inference
    passes, of which nothing was recorded.
    """

    def __init__(
        self, detections: RecordedDetections, profile: LineProfile, model: ModelFolder
    ) -> None:
        """model: may have other thresholds than the recorded one."""
        # The monitors of the line's state do not run, so no image is needed.
        unwatched = profile.overload.model_copy(update={"empty_belt": None, "marks_px": ()})
        self._profile = profile.model_copy(update={"overload": unwatched})
        self._model = model
        line = self._line({})
        rectifier = line.parts_for(detections.image_size_px).rectifier
        self._extent_mm = rectifier.extent_mm
        self._shifts = [Shift(dx, dy, bool(known)) for dx, dy, known in detections.shifts.tolist()]
        self._belt = list(_belt(detections))
        self._passes = list(_passes(detections, rectifier))

    def alerts(self, thresholds: Mapping[str, float]) -> Iterator[Alert]:
        """The alerts on objects at these thresholds; classes not named keep the line's."""
        line = self._line(thresholds)
        tracking, least = line.settings.tracking, line.thresholds.tolist()
        whole_mm = line.settings.view.object_mm
        tracker = BeltTracker(tracking.hits, tracking.passes, self._extent_mm, whole_mm=whole_mm)
        book = AlarmBook(line.facts)
        for shift, belt, recorded in zip(self._shifts, self._belt, self._passes, strict=True):
            tracker.predict(shift)
            if recorded is None:
                continue
            strip_mm, detections = recorded
            confident = [each for each in detections if each.score >= least[each.class_index]]
            assert belt.frame_index is not None
            tracks, left = tracker.update(confident, strip_mm, belt.frame_index, belt.t_utc_ns)
            for alert in book.update(tracks, left, belt):
                if alert.place is not None:
                    yield alert

    def _line(self, thresholds: Mapping[str, float]) -> Line:
        choice = self._profile.model
        merged = choice.model_copy(update={"thresholds": {**choice.thresholds, **thresholds}})
        profile = self._profile.model_copy(update={"model": merged})
        return Line(profile, self._model, _NoEngine(self._model), "bench")


class _NoEngine:
    """The engine of a replayed line, which must not be used."""

    def __init__(self, model: ModelFolder) -> None:
        self.card = model.card

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:  # noqa: ARG002
        raise AssertionError("a replay runs no inference")


def _belt(detections: RecordedDetections) -> Iterator[BeltNow]:
    """The belt at each frame."""
    positions_mm = np.cumsum(detections.shifts[:, 1]).tolist()
    speeds = [None if np.isnan(speed) else speed for speed in detections.speeds.tolist()]
    frames = zip(
        detections.times_ns.tolist(), detections.indices.tolist(), positions_mm, speeds,
        detections.speed_basis, strict=True,
    )  # fmt: skip
    for t_ns, index, position_mm, speed_mm_s, basis in frames:
        yield BeltNow(t_ns, t_ns, index, position_mm, speed_mm_s, basis)


def _passes(detections: RecordedDetections, rectifier: Rectifier) -> Iterator[_Pass | None]:
    """The detections of each frame in belt coordinates; None: no inference."""
    blank = np.broadcast_to(np.zeros(3, np.uint8), (*detections.image_size_px[::-1], 3))
    view = BeltView(blank, Frame(blank, 0, 0, 0, "replay"))
    ends = np.concatenate(([0], np.cumsum(detections.counts))).tolist()
    passes = 0
    for top, bottom, upstream_mm, downstream_mm in detections.strips.tolist():
        if np.isnan(top):
            yield None
            continue
        mine = slice(ends[passes], ends[passes + 1])
        passes += 1
        found = Detections(
            detections.boxes_px[mine], detections.scores[mine], detections.classes[mine]
        )
        strip = Strip(int(top), int(bottom), upstream_mm, downstream_mm)
        yield (upstream_mm, downstream_mm), place_on_belt(found, view, strip, rectifier)
