"""What was kept of one piece of footage, told again by the real tracker and alarm book.

All that hangs on no threshold is made once: where each detection lies on the belt, and how the belt
moves. A replay of an hour of belt then takes seconds, so that many thresholds can be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import Remembered
from detector.belt.motion import Shift
from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.tracking.sighting import Detection, place_on_belt
from detector.hazards.tracking.tracker import BeltTracker
from detector.ingest import Frame
from detector.line_setup import Line
from detector.profile.line import LineProfile
from detector.vision.belt_view import BeltView, Rectifier, Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.detections import Detections
from detector.wire.messages import Alert

_Look = tuple[tuple[float, float], list[Detection]]
"""From and to along the belt, mm, and all that was seen there."""


class Recall:
    """One piece of footage as it was seen, for any thresholds.

    It looks where the line looked: other thresholds would have asked for other looks here and
    there, of which nothing was kept.
    """

    def __init__(self, seen: Remembered, profile: LineProfile, model: ModelFolder) -> None:
        """`model` may have other thresholds than the one that looked."""
        # The monitors of the line's own state are not asked, so they need no picture.
        unwatched = profile.overload.model_copy(update={"empty_belt": None, "marks_px": ()})
        self._profile = profile.model_copy(update={"overload": unwatched})
        self._model = model
        line = self._line({})
        rectifier = line.parts_for(seen.image_size_px).rectifier
        self._extent_mm = rectifier.extent_mm
        self._shifts = [Shift(dx, dy, bool(known)) for dx, dy, known in seen.shifts.tolist()]
        self._belt = list(_belt(seen))
        self._looks = list(_looks(seen, rectifier))

    def alerts(self, thresholds: Mapping[str, float]) -> Iterator[Alert]:
        """The alerts on objects with these thresholds, the others as the line has them."""
        line = self._line(thresholds)
        tracking, least = line.settings.tracking, line.thresholds.tolist()
        whole_mm = line.settings.view.object_mm
        tracker = BeltTracker(tracking.hits, tracking.looks, self._extent_mm, whole_mm=whole_mm)
        book = AlarmBook(line.facts)
        for shift, belt, look in zip(self._shifts, self._belt, self._looks, strict=True):
            tracker.predict(shift)
            if look is None:
                continue
            looked_at_mm, seen = look
            detections = [each for each in seen if each.score >= least[each.class_index]]
            assert belt.frame_index is not None
            tracks, left = tracker.update(detections, looked_at_mm, belt.frame_index, belt.t_utc_ns)
            for alert in book.update(tracks, left, belt):
                if alert.place is not None:
                    yield alert

    def _line(self, thresholds: Mapping[str, float]) -> Line:
        choice = self._profile.model
        merged = choice.model_copy(update={"thresholds": {**choice.thresholds, **thresholds}})
        profile = self._profile.model_copy(update={"model": merged})
        return Line(profile, self._model, _Nobody(self._model), "bench")


class _Nobody:
    """The engine of a line that looks no more."""

    def __init__(self, model: ModelFolder) -> None:
        self.card = model.card

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:  # noqa: ARG002
        raise AssertionError("what is recalled is not looked at")


def _belt(seen: Remembered) -> Iterator[BeltNow]:
    """The belt at each frame."""
    positions_mm = np.cumsum(seen.shifts[:, 1]).tolist()
    speeds = [None if np.isnan(speed) else speed for speed in seen.speeds.tolist()]
    frames = zip(
        seen.times_ns.tolist(), seen.indices.tolist(), positions_mm, speeds, seen.speed_basis,
        strict=True,
    )  # fmt: skip
    for t_ns, index, position_mm, speed_mm_s, basis in frames:
        yield BeltNow(t_ns, t_ns, index, position_mm, speed_mm_s, basis)


def _looks(seen: Remembered, rectifier: Rectifier) -> Iterator[_Look | None]:
    """What was seen in each frame, placed on the belt; None: nobody looked."""
    blank = np.broadcast_to(np.zeros(3, np.uint8), (*seen.image_size_px[::-1], 3))
    view = BeltView(blank, Frame(blank, 0, 0, 0, "recording", "remembered"))
    ends = np.concatenate(([0], np.cumsum(seen.counts))).tolist()
    looked = 0
    for top, bottom, upstream_mm, downstream_mm in seen.strips.tolist():
        if np.isnan(top):
            yield None
            continue
        mine = slice(ends[looked], ends[looked + 1])
        looked += 1
        found = Detections(seen.boxes_px[mine], seen.scores[mine], seen.classes[mine])
        strip = Strip(int(top), int(bottom), upstream_mm, downstream_mm)
        yield (upstream_mm, downstream_mm), place_on_belt(found, view, strip, rectifier)
