"""Replay recorded detections through the real tracker and alarm book.

Everything that depends on no threshold is computed once: the belt position of each detection, and
the belt's motion. Replaying an hour of belt then takes seconds: many thresholds can be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import RecordedDetections
from detector.belt.motion import Shift
from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.tracking.detection import Detection, place_on_belt
from detector.hazards.tracking.tracker import BeltTracker, Track
from detector.hazards.tracking.verdict import VerifierRules
from detector.hazards.tracking.verifier_stage import VerifierStage
from detector.ingest import Frame
from detector.line_setup import Line
from detector.profile.line import LineProfile
from detector.verifier_setup import model_identity, proposal_thresholds, rules_of
from detector.vision.belt_view import BeltView, Rectifier, Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.crops import Box
from detector.vision.detections import Detections
from detector.vocabulary import CLASSES
from detector.wire.messages import Alert

_Pass = tuple[tuple[float, float], list[Detection]]
"""From and to along the belt, mm, and the detections between them."""


class Replay:
    """One recorded piece of footage, for any thresholds.

    Inference is replayed where the line ran it. Other thresholds would have moved some inference
    passes, of which nothing was recorded. With a verifier, thresholds are those of the verdicts; an
    object that a line would show to the verifier in a pass that did not detect it has there the
    kinds of its last detection.
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
        self._rectifier = rectifier = line.parts_for(detections.image_size_px).rectifier
        self._extent_mm = rectifier.extent_mm
        self._blank = np.broadcast_to(np.zeros(3, np.uint8), (*detections.image_size_px[::-1], 3))
        self._shifts = [Shift(dx, dy, bool(known)) for dx, dy, known in detections.shifts.tolist()]
        self._belt = list(_belt(detections))
        self._passes = list(_passes(detections, rectifier))
        found = [each for recorded in self._passes if recorded for each in recorded[1]]
        self._kinds = {
            id(each): row
            for each, row in zip(found, detections.kinds, strict=True)
            if model.card.verifier is not None and len(row)
        }

    def alerts(self, thresholds: Mapping[str, float]) -> Iterator[Alert]:
        """The alerts on objects at these thresholds; classes not named keep the line's."""
        line = self._line(thresholds)
        tracking, least, facts = line.settings.tracking, line.thresholds.tolist(), line.facts
        rules = rules_of(self._model, line.settings.hazards) if self._kinds else None
        verifier = None
        if rules is not None:
            least = proposal_thresholds(self._model, line.thresholds).tolist()
            identity = model_identity(self._model, verified=True)
            facts = replace(facts, verifier=rules, model=identity)
            verifier = self._verifier_stage(line, rules)
        whole_mm = line.settings.view.object_mm
        tracker = BeltTracker(tracking.hits, tracking.passes, self._extent_mm, whole_mm=whole_mm)
        book = AlarmBook(facts)
        for shift, belt, recorded in zip(self._shifts, self._belt, self._passes, strict=True):
            tracker.predict(shift)
            if recorded is None:
                continue
            strip_mm, detections = recorded
            confident = [each for each in detections if each.score >= least[each.class_index]]
            assert belt.frame_index is not None
            tracks, left = tracker.update(confident, strip_mm, belt.frame_index, belt.t_utc_ns)
            if verifier is not None:
                stamp = belt.frame_index, belt.t_mono_ns, belt.t_utc_ns
                verifier.update(Frame(self._blank, *stamp, "replay"), tracker.tracks, belt)
            for alert in book.update(tracks, left, belt):
                if alert.place is not None:
                    yield alert

    def _verifier_stage(self, line: Line, rules: VerifierRules) -> VerifierStage:
        card = self._model.card.verifier
        assert card is not None
        return VerifierStage(
            _RecordedKinds(self._kinds, card.max_crops_per_pass),
            rules,
            self._rectifier,
            action_points=line.settings.action_points,
            max_wait_ms=line.settings.view.max_wait_ms,
        )

    def _line(self, thresholds: Mapping[str, float]) -> Line:
        if self._model.card.verifier is not None:
            profile = at_verdict_thresholds(self._profile, thresholds)
        else:
            choice = self._profile.model
            merged = choice.model_copy(update={"thresholds": {**choice.thresholds, **thresholds}})
            profile = self._profile.model_copy(update={"model": merged})
        return Line(profile, self._model, _NoEngine(self._model), "bench")


def at_verdict_thresholds(profile: LineProfile, thresholds: Mapping[str, float]) -> LineProfile:
    """The same line with other thresholds of its verdicts, by class."""
    changed = {
        CLASSES[name].value: getattr(profile.hazards, CLASSES[name].value).model_copy(
            update={"threshold": threshold}
        )
        for name, threshold in thresholds.items()
    }
    return profile.model_copy(update={"hazards": profile.hazards.model_copy(update=changed)})


class _RecordedKinds:
    """The verifier of a replayed line: it looks up what was recorded."""

    def __init__(self, kinds: Mapping[int, NDArray[np.float32]], most: int) -> None:
        """kinds: by `id` of the detection."""
        self._kinds, self.most = kinds, most

    def probabilities(
        self,
        frame: Frame,  # noqa: ARG002
        objects: Sequence[tuple[Track, Box]],
    ) -> NDArray[np.float32]:
        return np.stack([self._kinds[id(track.last)] for track, _ in objects])

    def crop(self, row: int) -> None:
        """Only the kinds were recorded."""


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
