"""Run one line: frames from the camera, results to the wire, until it is stopped."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Sequence
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
from detector.pipeline import FrameResult, Pipeline
from detector.runtime.deadlines import Deadlines
from detector.runtime.inference_lock import NO_LOCK
from detector.runtime.vision_state import VisionMonitor
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

logger = logging.getLogger(__name__)

STATE_PERIOD_NS = 1_000_000_000
METRICS_PERIOD_NS = 5_000_000_000
NO_PASS_IN_TIME = (
    "the recording ended before the first inference pass: free the machine, or use `vigitri replay`"
)
VISION_ERRORS = (CameraBlind, EngineError, CalibrationError, ModelError, UnlitError)


class LineRunner:
    """Feeds one line's pipeline from its camera and publishes the results."""

    def __init__(
        self,
        line: Line,
        camera: CameraProcess,
        publisher: Publisher,
        post: Outbox,
        *,
        inference_lock: AbstractContextManager[bool] = NO_LOCK,
    ) -> None:
        """`inference_lock`: see `Pipeline`."""
        self._profile, self._camera = line.settings, camera
        self._publisher, self._post = publisher, post
        self._pipeline = Pipeline(line, inference_lock)
        self._publish_detections = line.settings.wire.detections
        self._vision = VisionMonitor(time.monotonic_ns())
        view = line.settings.view
        self._deadlines = Deadlines(
            line.settings.camera.fps, view.max_wait_ms / 1e3 if view.strips else 0.0
        )
        self._state_published_ns = self._metrics_published_ns = 0
        self._subscribers = 0
        self._journal_published = post.journal.state
        self._were_shelved: set[Hazard] = set()
        self._pending: list[PendingAnswer] = []

    def run(self, stop: threading.Event, *, until_end: bool) -> None:
        """Run until `stop`, or with `until_end` until the recording ends.

        With `until_end`, raises `CameraBlind` if there is no recording, or if it ended before the
        first inference pass.
        """
        reason = "the detector failed"
        # All that is loaded by now stays: collecting it again takes 25 ms of a pass's 50.
        gc.freeze()
        self._publish_state(_now())
        self._restore_alerts()
        try:
            while not stop.is_set():
                try:
                    frame = self._camera.read_latest(self._deadlines.remaining_s())
                    self._deadlines.frame_received(frame)
                    self._receive_requests()
                    result = self._pipeline.process(frame)
                except VISION_ERRORS as error:
                    camera = error.state if isinstance(error, CameraBlind) else None
                    if until_end and camera is CameraState.ENDED:
                        if not self._pipeline.inferences:
                            health = self._camera.health
                            if health.frames_grabbed == health.unreadable:
                                raise  # it has no readable image, however fast the machine is
                            raise CameraBlind(CameraState.ENDED, NO_PASS_IN_TIME) from error
                        break
                    if until_end and camera is CameraState.UNREACHABLE:
                        raise
                    self._vision_lost(str(error), camera)
                else:
                    self._publish_result(frame, result)
                self._answer_operators()
                self._publish_periodically()
            reason = "the detector was stopped" if stop.is_set() else "the recording has ended"
        finally:
            self._vision.stopped(reason)
            self._publish_state(_now())

    def _publish_result(self, frame: Frame, result: FrameResult) -> None:
        """Alerts and heartbeat come first: nothing else delays them."""
        if result.inferred:
            self._publish_alerts(result.alerts)
            self._publisher.beat(
                inferences=self._pipeline.inferences,
                frame_index=frame.index,
                t_capture_utc_ns=frame.t_utc_ns,
                t_capture_mono_ns=frame.t_mono_ns,
            )
        deadlines = self._deadlines
        deadlines.frame_processed(time.monotonic_ns(), inferred=result.inferred)
        if self._publisher.wanted("inference"):
            inference = Inference(
                line=self._profile.line,
                inferences=self._pipeline.inferences,
                frame_index=frame.index,
                next_within_ms=round(deadlines.next_frame_s * 1e3, 1),
                looked=result.inferred,
                look_age_ms=round(deadlines.pass_age_s * 1e3, 1),
                look_within_ms=round(deadlines.next_pass_s * 1e3, 1),
            )
            self._publish_for(frame, inference)
        if not result.inferred:
            return
        if self._publish_detections and self._publisher.wanted("detections"):
            self._publish_for(frame, self._frame_detections(frame, result))
        now_ns = time.monotonic_ns()
        changed = self._vision.pass_completed(
            now_ns,
            latency_ns=now_ns - frame.t_mono_ns,
            max_ns=round(deadlines.frame_timeout_s * 1e9),
            unseen_mm=self._pipeline.unseen_mm,
            belt=self._pipeline.belt_finding,
        )
        if changed:
            self._publish_state((frame.t_mono_ns, frame.t_utc_ns))

    def _vision_lost(self, reason: str, camera: CameraState | None) -> None:
        """Raise the alarm, unless the camera is starting; the belt is not clear either way."""
        now = _now()
        self._deadlines.restart(now[0])
        starting = self._vision.is_starting(now[0], camera)
        if starting:
            self._pipeline.advance_clock(*now)
        else:
            self._publish_alerts(self._pipeline.vision_lost(reason, *now))
        if self._vision.pass_failed(reason, starting=starting):
            self._publish_state(now)

    def _restore_alerts(self) -> None:
        """Alerts that were open when the detector ended stay open, under their old ids."""
        alerts = self._pipeline.book.restore(self._post.carried_over, *_now())
        self._publish_alerts(alerts)
        if alerts:
            logger.info("%d alerts carried over", len(alerts))

    def _publish_alerts(self, alerts: Sequence[Alert]) -> None:
        self._post.send(alerts)
        for alert in alerts:
            if alert.kind is Revision.RAISED:
                logger.info("raised %s %s", alert.hazard, alert.event_id)

    def _receive_requests(self) -> None:
        """Receive pending requests. Called before each frame so that it uses the latest encoder
        reading."""
        self._pending += self._post.poll()
        while self._post.belt_reports:
            message, came_ns = self._post.belt_reports.popleft()
            self._pipeline.line.reported.add(belt_report(message, came_ns))

    def _answer_operators(self) -> None:
        self._receive_requests()
        pending_answers, self._pending = self._pending, []
        for pending in pending_answers:
            try:
                alerts = self._apply(pending)
            except AnswerRefusedError as error:
                self._post.reply(pending, ok=False, reason=str(error))
            else:
                self._post.reply(pending, ok=True, reason=None)
                self._publish_alerts(alerts)

    def _apply(self, pending: PendingAnswer) -> list[Alert]:
        book, belt, answer = self._pipeline.book, self._pipeline.belt, pending.answer
        if not isinstance(answer, Acknowledge | ReportOutcome):
            alerts = book.shelve(answer.hazard, answer.minutes, belt, answer.operator)
            logger.info(
                "%s has shelved %s for %d min", answer.operator, answer.hazard, answer.minutes
            )
            return alerts
        event = book.known_as(answer.boot_id, answer.event_id)
        if isinstance(answer, Acknowledge):
            return book.acknowledge(event, belt)
        return book.close(event, answer.outcome, belt)

    def _publish_periodically(self) -> None:
        """State, metrics and delivery state when due; state and open alerts for new subscribers."""
        now = _now()
        joined = self._publisher.joined
        if joined != self._subscribers:
            self._subscribers = joined
            self._post.send_open_again(self._pipeline.book.open_alerts())
            self._publish_state(now)
        elif (
            self._post.journal.state != self._journal_published
            or now[0] - self._state_published_ns >= STATE_PERIOD_NS
        ):
            self._publish_state(now)
        if now[0] - self._metrics_published_ns >= METRICS_PERIOD_NS:
            self._metrics_published_ns = now[0]
            period_s, stages = self._pipeline.stage_timer.report()
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

    def _publish_state(self, now: tuple[int, int]) -> None:
        self._state_published_ns = time.monotonic_ns()
        belt, coverage, health = self._pipeline.belt, self._pipeline.coverage, self._camera.health
        known = self._pipeline.line.facts.mm_basis != "none" and belt.position_mm is not None
        moves = known and belt.speed_mm_s is not None
        share = coverage.in_window
        vision = self._vision
        # While the belt is not watched, its last known state is not its state now.
        found = self._pipeline.belt_finding if known and vision.is_watching else Finding()
        journal = self._post.journal
        self._journal_published = journal.state
        self._post.state = state = LineState(
            line=self._profile.line,
            vision=vision.vision,
            reason=vision.reason,
            coverage_state=CoverageState(coverage.state),
            coverage=None if share is None else round(share, 3),
            belt_speed_mm_s=round(belt.speed_mm_s or 0.0, 1) if moves else None,
            speed_basis=belt.speed_basis,
            belt_position_mm=round(belt.position_mm or 0.0, 1) if known else None,
            late=vision.is_watching and vision.late,
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
        """The active shelvings; logs those that have ended."""
        shelved = self._pipeline.book.shelved(self._pipeline.belt)
        for hazard in self._were_shelved - {each.hazard for each in shelved}:
            logger.info("%s is no longer shelved", hazard)
        self._were_shelved = {each.hazard for each in shelved}
        return shelved

    def _publish_for(self, frame: Frame, payload: Inference | FrameDetections) -> None:
        self._publisher.publish(
            payload, t_capture_utc_ns=frame.t_utc_ns, t_capture_mono_ns=frame.t_mono_ns
        )

    def _publish_now(self, payload: LineState | Metrics, now: tuple[int, int]) -> None:
        self._publisher.publish(payload, t_capture_mono_ns=now[0], t_capture_utc_ns=now[1])

    def _frame_detections(self, frame: Frame, result: FrameResult) -> FrameDetections:
        classes = self._pipeline.line.facts.classes
        return FrameDetections(
            line=self._profile.line,
            frame_index=frame.index,
            detections=tuple(
                DetectedObject(
                    class_name=classes[detection.class_index].name,
                    score=round(detection.score, 4),
                    box_px=detection.box_px,
                )
                for detection in result.detections
            ),
        )


def belt_report(message: BeltFromPlc, came_ns: int) -> BeltReport:
    """A PLC's report that was received at `came_ns`, with the time of its reading on this host's
    CLOCK_MONOTONIC."""
    read_ns = came_ns - round(message.age_ms * 1e6)
    if message.t_mono_ns is not None and message.t_mono_ns <= came_ns:
        read_ns = message.t_mono_ns  # this host's clock: excludes the time spent in the queue
    runs = {"runs": True, "stands": False}.get(message.run)
    return BeltReport(read_ns, runs, message.encoder_counts, message.source)


def _speed(speed_mm_s: float | None, known: bool) -> float | None:
    return round(speed_mm_s, 1) if known and speed_mm_s is not None else None


def _now() -> tuple[int, int]:
    """CLOCK_MONOTONIC and UTC, ns."""
    return time.monotonic_ns(), time.time_ns()
