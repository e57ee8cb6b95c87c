"""The path of one frame, from the image to the alerts.

    Frame --> BeltView --> Detections --> Tracks --> Verifier --> AlarmBook --> alerts
      |                                              ^               ^
      +---- the camera's own pixels: crops ----------+               |
      +---- SmallViews --> BeltMotion, OverloadMonitor --------------+

The model sees the belt in full detail, but only strips of it, and only when an inference pass is
due. With a verifier it only proposes: a second network decides on crops of each tracked object. The
belt's motion and its coverage are measured on every frame, from a few pixels.

`detector.live` feeds the pipeline from a camera and publishes the results; `detector.replay` feeds
it every frame of a recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from detector.belt.motion import Shift
from detector.belt.now import BeltNow
from detector.belt.plausibility import DOUBTFUL, Finding
from detector.belt.unexpected_stop import UnexpectedStop
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.overload.monitor import UNKNOWN, describe_cues
from detector.hazards.tracking.detection import Detection, place_on_belt
from detector.hazards.tracking.predicted_box import predicted_box
from detector.hazards.tracking.tracker import Track
from detector.ingest.frame import Frame
from detector.line_setup import Line, LineParts
from detector.runtime.inference_lock import NO_LOCK
from detector.runtime.stage_timer import StageTimer
from detector.vision.belt_view import Rectifier, Strip
from detector.vision.condition.faults import ImageFault
from detector.vision.crops import Box
from detector.vision.detections import NOTHING, Detections
from detector.wire.messages import Alert, Hazard

STAGES = ("belt motion", "overload", "belt view", "model", "tracks", "verifier", "alarms")


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The result of one frame."""

    shift: Shift
    """The belt's motion since the last frame."""
    strip: Strip | None = None
    """The strip of its inference pass. None: no pass was due or possible; only the belt's motion
    and its coverage were measured."""
    boxes: Detections = NOTHING
    """The model's detections, in pixels of the strip, before the operating thresholds."""
    detections: Sequence[Detection] = ()
    """All detections that are tracked: at or above the operating thresholds, or those for proposals
    to the verifier."""
    alerts: Sequence[Alert] = ()
    tracks: Sequence[Track] = ()
    """The confirmed tracks in view, and those that have just left it."""

    @property
    def inferred(self) -> bool:
        """The frame had an inference pass."""
        return self.strip is not None


class Pipeline:
    """One line's processing, in one thread."""

    def __init__(
        self,
        line: Line,
        inference_lock: AbstractContextManager[bool] = NO_LOCK,
        *,
        score_floor: float = 1.0,
        stage_timer: StageTimer | None = None,
    ) -> None:
        """`inference_lock`: entered for each inference pass; False while another line runs one.
        `score_floor`: `FrameResult.boxes` go down to this score, where the thresholds are higher.
        """
        self.line = line
        self._inference_lock = inference_lock
        self.book = AlarmBook(line.facts)
        self.stage_timer = stage_timer or StageTimer(STAGES)
        self._min_score = min(score_floor, float(line.thresholds.min()))
        self.coverage = UNKNOWN
        self.belt = BeltNow(0, 0, None, None, None, "none")
        self.inferences = 0
        self.camera_shift_px: float | None = None
        """How far the camera has moved, see `CameraProcess.shift_px`."""
        self._unexpected_stop = UnexpectedStop()
        self._left: list[Track] = []
        """Tracks that have left the view since the alarms were last updated: a pass in which the
        verifier fails does not update them."""
        self._parts: LineParts | None = None

    def prepare(self, frame: Frame) -> bool:
        """Make the parts for images of this size, at a line's first frame: an engine may need a
        second for it. Returns whether it was done now. Raises as `process` does."""
        if self._parts is not None:
            return False
        self.line.reported.anchor(frame.index, frame.t_mono_ns, frame.position_ns)
        self._parts = self.line.parts_for(frame.size_px)
        return True

    def process(self, frame: Frame, *, still_blind: bool = False) -> FrameResult:
        """Process one frame, with an inference pass where one is due. `still_blind`: vision was
        lost so recently that `vision_unavailable` stays active, whatever this frame shows.

        Raises `EngineError`, `CalibrationError`, `ModelError` or `BlindImageError`: then this frame
        was not evaluated, and `vision_lost` must be called.
        """
        self.prepare(frame)
        parts = self._parts
        assert parts is not None
        lap = self.stage_timer.start()

        shift = self._measure_motion(frame, parts)
        needed_mm = parts.tracker.needs_pass_to_mm(stopped=self.belt.is_stopped)
        strip = parts.plan.next_strip(shift, frame.t_mono_ns, needed_mm)
        lap("belt motion")

        self.coverage = parts.overload.update(
            parts.small.for_coverage,
            shift,
            frame.t_mono_ns,
            frame.image,
            busy=strip is not None or parts.motion.is_checking,
            position_lost=parts.motion.finding.state in DOUBTFUL,
        )
        lap("overload")
        if strip is None:
            return FrameResult(shift)

        with self._inference_lock as acquired:
            if not acquired:
                return FrameResult(shift)
            view = parts.rectifier.rectify(frame, strip)
            lap("belt view")
            boxes = parts.tiling.detect(self.line.engine, view.image, self._min_score)
            lap("model")

            confident = boxes.above(self.line.thresholds)
            detections = place_on_belt(confident, view, strip, parts.rectifier)
            tracks = self._update_tracks(frame, parts, strip, detections)
            lap("tracks")

            if parts.verifier is not None:
                parts.verifier.update(frame, parts.tracker.tracks, self.belt)
            lap("verifier")
        parts.plan.record_pass(strip, frame.t_mono_ns)
        self.inferences += 1

        left, self._left = self._left, []
        alerts = self._update_alarms(frame, parts, tracks, left)
        if not still_blind:
            alerts += self.book.line_state(Hazard.VISION_UNAVAILABLE, False, None, self.belt)
        lap("alarms")
        return FrameResult(shift, strip, boxes, detections, alerts, tracks + left)

    def _measure_motion(self, frame: Frame, parts: LineParts) -> Shift:
        """How far the belt has moved since the last frame; moves the tracks with it."""
        parts.small.update(frame)
        shift = parts.motion.advance(parts.small.for_motion, frame.t_mono_ns)
        self.belt = self.belt.after(
            shift,
            parts.motion,
            t_utc_ns=frame.t_utc_ns,
            t_mono_ns=frame.t_mono_ns,
            frame_index=frame.index,
        )
        parts.tracker.predict(shift)
        parts.condition.shift_px = self.camera_shift_px
        parts.condition.update(
            frame, parts.motion, parts.small.for_motion, self.belt.position_mm or 0.0
        )
        return shift

    def _update_tracks(
        self, frame: Frame, parts: LineParts, strip: Strip, detections: list[Detection]
    ) -> list[Track]:
        """The confirmed tracks in view."""
        covered_mm = strip.upstream_mm, strip.downstream_mm
        tracks, left = parts.tracker.update(detections, covered_mm, frame.index, frame.t_utc_ns)
        self._left += left
        return tracks

    def _update_alarms(
        self, frame: Frame, parts: LineParts, tracks: list[Track], left: list[Track]
    ) -> list[Alert]:
        """All that has changed: objects, coverage and jam, an unexpected stop."""
        alerts = self.book.update(tracks, left, self.belt)
        for hazard, active, cues in parts.overload.line_states(self.coverage):
            detail = describe_cues(cues) if active else None
            alerts += self.book.line_state(hazard, active, detail, self.belt, cues)
        ordered_to_run = self.line.reported.runs(frame.t_mono_ns)
        stopped = self._unexpected_stop.update(ordered_to_run, self.belt)
        if stopped is not None:
            detail = self._unexpected_stop.cue() if stopped else None
            alerts += self.book.line_state(Hazard.BELT_STOPPED, stopped, detail, self.belt)
        return alerts

    @property
    def tracks(self) -> Sequence[Track]:
        """All tracks, confirmed or not, as of the last frame."""
        return () if self._parts is None else self._parts.tracker.tracks

    @property
    def rectifier(self) -> Rectifier | None:
        """The belt in the camera's image; None before the first frame."""
        return None if self._parts is None else self._parts.rectifier

    def box_in(self, frame: Frame, track: Track) -> Box | None:
        """A track's object in the frame that was processed last, image coordinates, px; None: its
        position is unknown."""
        if track.last_frame == frame.index:
            return track.last.box_px
        if self._parts is None or not track.placed:
            return None
        return predicted_box(track, self._parts.rectifier)[0]

    @property
    def unseen_mm(self) -> float:
        """Belt that passed between the last inference passes unseen, see `StripPlan.unseen_mm`."""
        return 0.0 if self._parts is None else self._parts.plan.unseen_mm

    @property
    def belt_finding(self) -> Finding:
        """The belt's state, by all its sources of motion."""
        return Finding() if self._parts is None else self._parts.motion.finding

    @property
    def image_faults(self) -> tuple[ImageFault, ...]:
        """What degrades the images of the camera now."""
        return () if self._parts is None else self._parts.condition.faults

    @property
    def old_since_ns(self) -> int | None:
        """When the belt was last seen (ns, CLOCK_MONOTONIC), if the last image certainly repeats an
        earlier one; see `FrozenBelt.old_since_ns`."""
        return None if self._parts is None else self._parts.condition.old_since_ns

    def vision_lost(self, reason: str, t_mono_ns: int, t_utc_ns: int) -> list[Alert]:
        """Raise `vision_unavailable` with its reason. Coverage is unknown from then on."""
        self.advance_clock(t_mono_ns, t_utc_ns)
        self.coverage = UNKNOWN
        if self._parts is not None:
            self._parts.plan.reset()
        return self.book.line_state(Hazard.VISION_UNAVAILABLE, True, reason, self.belt)

    def advance_clock(self, t_mono_ns: int, t_utc_ns: int) -> None:
        """Advance the clock without a frame, so that operator answers get the current time."""
        self.belt = self.belt.without_frame(t_mono_ns, t_utc_ns)
