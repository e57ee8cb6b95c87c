"""A line at work: camera in, wire out, until somebody says stop."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from detector.belt.encoder import BeltReport
from detector.belt.plane import CalibrationError
from detector.belt.plausibility import Finding
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import PendingAnswer
from detector.hazards.alarms.alarm_book import AnswerRefusedError
from detector.ingest import CameraBlind, CameraProcess, CameraState, Frame
from detector.line_setup import Line
from detector.pipeline import Pipeline, Seen
from detector.runtime.deadlines import Patience
from detector.runtime.inference_lock import HEEDS_NOBODY
from detector.runtime.vision_state import Sight
from detector.vision.catalogue import ModelError
from detector.vision.engine import EngineError
from detector.vision.exposure import UnlitError
from detector.wire.messages import (
    Alert,
    CoverageState,
    DetectedObject,
    FrameDetections,
    Hazard,
    Inference,
    LineState,
    Metrics,
    Revision,
    Shelving,
)
from detector.wire.requests import Acknowledge, BeltFromPlc, ReportOutcome

STATE_PERIOD_NS = 1_000_000_000
METRICS_PERIOD_NS = 5_000_000_000
UNSEEN = (
    "the recording was over before a first look at it: free the machine, or take it through "
    "`vigitri replay`"
)
NOBODY_LOOKED = (CameraBlind, EngineError, CalibrationError, ModelError, UnlitError)


class LineAtWork:
    """Feeds one line's pipeline from its camera and publishes what comes of it."""

    def __init__(
        self,
        line: Line,
        camera: CameraProcess,
        publisher: Publisher,
        post: Outbox,
        *,
        tell: Callable[[str], None],
        turns: AbstractContextManager[bool] = HEEDS_NOBODY,
    ) -> None:
        """`tell`: called with one line for a person whenever sight is lost or comes back.
        `turns`: this line's among those of the machine, see `Pipeline`.
        """
        self._profile, self._camera = line.settings, camera
        self._publisher, self._post, self._tell = publisher, post, tell
        self._pipeline = Pipeline(line, turns)
        self._publish_detections = line.settings.wire.detections
        self._sight = Sight(
            time.monotonic_ns(), lambda news: tell(f"line {line.settings.line}: {news}")
        )
        view = line.settings.view
        self._patience = Patience(
            line.settings.camera.fps, view.max_wait_ms / 1e3 if view.strips else 0.0
        )
        self._state_told_ns = self._metrics_told_ns = 0
        self._listeners = 0
        self._journal_told = post.journal.state
        self._were_shelved: set[Hazard] = set()
        self._pending: list[PendingAnswer] = []

    def run(self, stop: threading.Event, *, until_end: bool) -> None:
        """Watch until `stop`, or with `until_end` until the recording is over.

        Raises `CameraBlind` if with `until_end` there is no recording to begin with, or it was over
        before a first look.
        """
        last_words = "the detector failed"
        # All that is loaded by now stays: to go through it once more takes 25 ms of a look's 50.
        gc.freeze()
        self._tell_state(_now())
        self._carry_over()
        try:
            while not stop.is_set():
                try:
                    frame = self._camera.read_latest(self._patience.left_s())
                    self._patience.met(frame)
                    self._hear()
                    seen = self._pipeline.see(frame)
                except NOBODY_LOOKED as error:
                    camera = error.state if isinstance(error, CameraBlind) else None
                    if until_end and camera is CameraState.ENDED:
                        if not self._pipeline.inferences:
                            health = self._camera.health
                            if health.frames_grabbed == health.unreadable:
                                raise  # no picture in it, for which no machine is too slow
                            raise CameraBlind(CameraState.ENDED, UNSEEN) from error
                        break
                    if until_end and camera is CameraState.UNREACHABLE:
                        raise
                    self._blind(str(error), camera)
                else:
                    self._dealt_with(frame, seen)
                self._answer_operators()
                self._keep_told()
            last_words = "the detector was stopped" if stop.is_set() else "the recording has ended"
        finally:
            self._sight.ends(last_words)
            self._tell_state(_now())

    def _dealt_with(self, frame: Frame, seen: Seen) -> None:
        """A frame taken all the way: no belt waits longer for its look than it may."""
        if seen.looked:
            self._publish_alerts(seen.alerts)
            self._publisher.beat(
                inferences=self._pipeline.inferences,
                frame_index=frame.index,
                t_capture_utc_ns=frame.t_utc_ns,
                t_capture_mono_ns=frame.t_mono_ns,
            )
        patience = self._patience
        patience.dealt_with(time.monotonic_ns(), looked=seen.looked)
        if self._publisher.wanted("inference"):
            said = Inference(
                line=self._profile.line,
                inferences=self._pipeline.inferences,
                frame_index=frame.index,
                next_within_ms=round(patience.next_frame_s * 1e3, 1),
                looked=seen.looked,
                look_age_ms=round(patience.look_age_s * 1e3, 1),
                look_within_ms=round(patience.next_look_s * 1e3, 1),
            )
            self._publish_of(frame, said)
        if not seen.looked:
            return
        if self._publish_detections and self._publisher.wanted("detections"):
            self._publish_of(frame, self._detections(frame, seen))
        now_ns = time.monotonic_ns()
        is_news = self._sight.looked(
            now_ns,
            late_ns=now_ns - frame.t_mono_ns,
            most_ns=round(patience.whole_s * 1e9),
            unseen_mm=self._pipeline.unseen_mm,
            belt=self._pipeline.belt_finding,
        )
        if is_news:
            self._tell_state((frame.t_mono_ns, frame.t_utc_ns))

    def _blind(self, reason: str, camera: CameraState | None) -> None:
        """No look at the belt. While the camera starts that is no alarm, but no clear belt."""
        now = _now()
        self._patience.begin(now[0])
        starting = self._sight.starts(now[0], camera)
        if starting:
            self._pipeline.unseen(*now)
        else:
            self._publish_alerts(self._pipeline.blind(reason, *now))
        if self._sight.lost(reason, starting=starting):
            self._tell_state(now)

    def _carry_over(self) -> None:
        """What was open when the detector ended stays open, under the ids that it had."""
        alerts = self._pipeline.book.carry_over(self._post.carried_over, *_now())
        self._publish_alerts(alerts)
        if alerts:
            self._tell(f"line {self._profile.line}: {len(alerts)} alerts carried over")

    def _publish_alerts(self, alerts: list[Alert]) -> None:
        self._post.send(alerts)
        for alert in alerts:
            if alert.kind is Revision.RAISED:
                self._tell(f"line {alert.line}: raised {alert.hazard} {alert.event_id}")

    def _hear(self) -> None:
        """Take in what has come; before each frame, so that it is met by the newest of the belt."""
        self._pending += self._post.poll()
        while self._post.belt_reports:
            said, came_ns = self._post.belt_reports.popleft()
            self._pipeline.line.reported.hear(belt_report(said, came_ns))

    def _answer_operators(self) -> None:
        self._hear()
        pending_answers, self._pending = self._pending, []
        for pending in pending_answers:
            try:
                alerts = self._carried_out(pending)
            except AnswerRefusedError as error:
                self._post.reply(pending, ok=False, reason=str(error))
            else:
                self._post.reply(pending, ok=True, reason=None)
                self._publish_alerts(alerts)

    def _carried_out(self, pending: PendingAnswer) -> list[Alert]:
        book, belt, answer = self._pipeline.book, self._pipeline.belt, pending.answer
        if not isinstance(answer, Acknowledge | ReportOutcome):
            alerts = book.shelve(answer.hazard, answer.minutes, belt, answer.operator)
            self._tell(
                f"line {self._profile.line}: {answer.operator} has shelved {answer.hazard} "
                f"for {answer.minutes} min"
            )
            return alerts
        event = book.known_as(answer.boot_id, answer.event_id)
        if isinstance(answer, Acknowledge):
            return book.acknowledge(event, belt)
        return book.close(event, answer.outcome, belt)

    def _keep_told(self) -> None:
        """What is told from time to time, and to whoever has come since."""
        now = _now()
        joined = self._publisher.joined
        if joined != self._listeners:
            self._listeners = joined
            self._post.send_open_again(self._pipeline.book.open_alerts())
            self._tell_state(now)
        elif (
            self._post.journal.state != self._journal_told
            or now[0] - self._state_told_ns >= STATE_PERIOD_NS
        ):
            self._tell_state(now)
        if now[0] - self._metrics_told_ns >= METRICS_PERIOD_NS:
            self._metrics_told_ns = now[0]
            period_s, stages = self._pipeline.clock.report()
            health = self._camera.health
            self._publish_now(
                Metrics(
                    line=self._profile.line,
                    period_s=round(period_s, 3),
                    frames_seen=self._pipeline.inferences,
                    frames_overwritten=health.frames_overwritten,
                    stages=stages,
                ),
                now,
            )
            self._post.publish_delivery_state()

    def _tell_state(self, now: tuple[int, int]) -> None:
        self._state_told_ns = time.monotonic_ns()
        belt, coverage, health = self._pipeline.belt, self._pipeline.coverage, self._camera.health
        known = self._pipeline.line.facts.mm_basis != "none" and belt.position_mm is not None
        moves = known and belt.speed_mm_s is not None
        share = coverage.in_window
        sight = self._sight
        # Nobody sees the belt: what was last found of it is no state of now.
        found = self._pipeline.belt_finding if known and sight.sees else Finding()
        journal = self._post.journal
        self._journal_told = journal.state
        self._post.state = state = LineState(
            line=self._profile.line,
            vision=sight.vision,
            reason=sight.reason,
            coverage_state=CoverageState(coverage.state),
            coverage=None if share is None else round(share, 3),
            belt_speed_mm_s=round(belt.speed_mm_s or 0.0, 1) if moves else None,
            speed_basis=belt.speed_basis,
            belt_position_mm=round(belt.position_mm or 0.0, 1) if known else None,
            late=sight.sees and sight.late,
            belt_state=found.state,
            belt_reason=found.reason,
            encoder_mm_s=_speed(found.encoder_mm_s, known),
            picture_mm_s=_speed(found.picture_mm_s, known),
            setting_mm_s=_speed(found.setting_mm_s, known),
            encoder_wraps_at=self._profile.belt.encoder_wraps_at,
            mm_basis=self._pipeline.line.facts.mm_basis,
            active_alerts=self._pipeline.book.active,
            frames_seen=self._pipeline.inferences,
            frames_overwritten=health.frames_overwritten,
            camera_restarts=health.restarts,
            shelved=self._shelved(),
            journal=journal.state,
            journal_reason=journal.reason,
        )
        self._publish_now(state, now)

    def _shelved(self) -> tuple[Shelving, ...]:
        """What is shelved now; that it has ended is told too."""
        shelved = self._pipeline.book.shelved(self._pipeline.belt)
        for hazard in self._were_shelved - {each.hazard for each in shelved}:
            self._tell(f"line {self._profile.line}: {hazard} is no longer shelved")
        self._were_shelved = {each.hazard for each in shelved}
        return shelved

    def _publish_of(self, frame: Frame, payload: Inference | FrameDetections) -> None:
        self._publisher.publish(
            payload, t_capture_utc_ns=frame.t_utc_ns, t_capture_mono_ns=frame.t_mono_ns
        )

    def _publish_now(self, payload: LineState | Metrics, now: tuple[int, int]) -> None:
        self._publisher.publish(payload, t_capture_mono_ns=now[0], t_capture_utc_ns=now[1])

    def _detections(self, frame: Frame, seen: Seen) -> FrameDetections:
        classes = self._pipeline.line.facts.classes
        return FrameDetections(
            line=self._profile.line,
            frame_index=frame.index,
            detections=tuple(
                DetectedObject(
                    class_name=classes[sighting.class_index].name,
                    score=round(sighting.score, 4),
                    box_px=sighting.box_px,
                )
                for sighting in seen.sightings
            ),
        )


def belt_report(said: BeltFromPlc, came_ns: int) -> BeltReport:
    """What was said of the belt, and came at that moment, in this host's time."""
    read_ns = came_ns - round(said.age_ms * 1e6)
    if said.t_mono_ns is not None and said.t_mono_ns <= came_ns:
        read_ns = said.t_mono_ns  # of this host's clock, and so without the time it lay here
    runs = {"runs": True, "stands": False}.get(said.run)
    return BeltReport(read_ns, runs, said.encoder_counts, said.source)


def _speed(speed_mm_s: float | None, known: bool) -> float | None:
    return round(speed_mm_s, 1) if known and speed_mm_s is not None else None


def _now() -> tuple[int, int]:
    """CLOCK_MONOTONIC and UTC, ns."""
    return time.monotonic_ns(), time.time_ns()
