"""Run one line: frames from the camera, results to the wire, until it is stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

from detector.belt.encoder import BeltReport
from detector.belt.plane import CalibrationError
from detector.delivery.evidence import EvidenceSender
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import PendingAnswer
from detector.evidence import LineEvidence
from detector.hazards.alarms.alarm_book import AnswerRefusedError
from detector.ingest import CameraBlind, CameraProcess, CameraState, Frame
from detector.line_setup import Line
from detector.pipeline import FrameResult, Pipeline
from detector.runtime.deadlines import Deadlines
from detector.runtime.inference_lock import NO_LOCK
from detector.runtime.latency import Pace
from detector.runtime.memory import settle_memory
from detector.runtime.vision_state import VisionMonitor
from detector.service_manager import ServiceManager
from detector.state_report import StateReport
from detector.vision.catalogue import ModelError
from detector.vision.condition.faults import BlindImageError
from detector.vision.engine import EngineError
from detector.wire.messages import (
    Alert,
    DetectedObject,
    FrameDetections,
    Inference,
    Revision,
)
from detector.wire.requests import AnswerRequest, BeltFromPlc, Shelve

logger = logging.getLogger(__name__)

NO_PASS_IN_TIME = (
    "the recording ended before the first inference pass: free the machine, or use `vigitri replay`"
)
VISION_ERRORS = (CameraBlind, EngineError, CalibrationError, ModelError, BlindImageError)


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
        evidence: EvidenceSender | None = None,
        service_manager: ServiceManager | None = None,
    ) -> None:
        """`inference_lock`: see `Pipeline`. `evidence`: sends images; None: none are sent.
        `service_manager`: is notified that the line is ready, and alive, also while it is blind."""
        self._line, self._camera = line, camera
        self._publisher, self._post = publisher, post
        self._pipeline = Pipeline(line, inference_lock)
        self._book = self._pipeline.book
        self._vision = VisionMonitor(time.monotonic_ns())
        self._pace = Pace()
        self._evidence = None if evidence is None else LineEvidence(self._pipeline, evidence)
        self._report = StateReport(
            self._pipeline,
            self._vision,
            camera,
            publisher,
            post,
            pace=self._pace,
            evidence=evidence,
        )
        view = line.settings.view
        self._deadlines = Deadlines(
            line.settings.camera.fps, view.max_wait_ms / 1e3 if view.strips else 0.0
        )
        self._pending: list[PendingAnswer] = []
        self._service_manager = service_manager or ServiceManager()

    def run(self, stop: threading.Event, *, until_end: bool) -> None:
        """Run until `stop`, or with `until_end` until the recording ends.

        With `until_end`, raises `CameraBlind` if there is no recording, or if it ended before the
        first inference pass.
        """
        reason = "the detector failed"
        settle_memory()
        self._publish_state(_now())
        self._restore_alerts()
        self._service_manager.ready()
        try:
            while not stop.is_set():
                self._service_manager.alive()
                try:
                    frame = self._camera.read_latest(self._deadlines.remaining_s())
                    self._pipeline.camera_shift_px = self._camera.shift_px
                    self._deadlines.frame_received(frame)
                    self._receive_requests()
                    if self._evidence is not None:
                        self._evidence.before_frame()
                    if self._deadlines.is_overdue:
                        self._vision.frame_came_too_late(time.monotonic_ns())
                    if self._pipeline.prepare(frame):
                        settle_memory()
                        if self._is_overtaken(until_end=until_end):
                            continue
                    held = self._vision.is_held(time.monotonic_ns())
                    result = self._pipeline.process(frame, still_blind=held)
                except VISION_ERRORS as error:
                    if until_end and self._is_over(error):
                        break
                    self._vision_lost(error)
                else:
                    self._publish_result(frame, result, held=held)
                    if self._evidence is not None:
                        self._evidence.after_frame(frame, result)
                self._answer_operators()
                self._report.publish_due(_now())
            reason = "the detector was stopped" if stop.is_set() else "the recording has ended"
        finally:
            self._service_manager.stopping()
            self._vision.stopped(reason)
            self._publish_state(_now())

    def _is_overtaken(self, *, until_end: bool) -> bool:
        """Whether newer frames have come while the line was prepared. A recording may have ended
        by now, so that its first frame is the only one."""
        return self._deadlines.is_overdue and not until_end

    def _is_over(self, error: Exception) -> bool:
        """Whether the recording has ended; raises `CameraBlind` as `run` does."""
        camera = error.state if isinstance(error, CameraBlind) else None
        if camera is CameraState.UNREACHABLE:
            raise error
        if camera is CameraState.ENDED and not self._pipeline.inferences:
            health = self._camera.health
            if health.frames_grabbed == health.unreadable:
                raise error  # it has no readable image, however fast the machine is
            raise CameraBlind(CameraState.ENDED, NO_PASS_IN_TIME) from error
        return camera is CameraState.ENDED

    def _publish_result(self, frame: Frame, result: FrameResult, *, held: bool) -> None:
        """Alerts and heartbeat come first: nothing else delays them. `held`: vision is still
        unavailable, so there is no heartbeat."""
        if result.inferred:
            self._publish_alerts(result.alerts)
            if not held:
                self._publisher.beat(
                    inferences=self._pipeline.inferences,
                    frame_index=frame.index,
                    t_capture_utc_ns=frame.t_utc_ns,
                    t_capture_mono_ns=frame.t_mono_ns,
                )
        deadlines = self._deadlines
        if (last_seen_ns := self._pipeline.old_since_ns) is not None:
            deadlines.frame_repeated(last_seen_ns)
        published_ns = time.monotonic_ns()
        self._pace.frame_processed(published_ns, frame.t_mono_ns, inferred=result.inferred)
        deadlines.frame_processed(published_ns, inferred=result.inferred)
        if self._publisher.is_subscribed("inference"):
            inference = Inference(
                line=self._line.settings.line,
                inferences=self._pipeline.inferences,
                frame_index=frame.index,
                next_within_ms=round(deadlines.next_frame_s * 1e3, 1),
                inferred=result.inferred,
                pass_age_ms=round(deadlines.pass_age_s * 1e3, 1),
                pass_within_ms=round(deadlines.next_pass_s * 1e3, 1),
            )
            self._publish_for(frame, inference)
        if not result.inferred:
            return
        if self._line.settings.wire.detections and self._publisher.is_subscribed("detections"):
            self._publish_for(frame, self._frame_detections(frame, result))
        now_ns = time.monotonic_ns()
        changed = self._vision.pass_completed(
            now_ns,
            latency_ns=now_ns - frame.t_mono_ns,
            max_ns=round(deadlines.frame_timeout_s * 1e9),
            unseen_mm=self._pipeline.unseen_mm,
            belt=self._pipeline.belt_finding,
            image_faults=self._pipeline.image_faults,
        )
        if changed:
            self._publish_state((frame.t_mono_ns, frame.t_utc_ns))

    def _publish_state(self, now: tuple[int, int]) -> None:
        self._report.publish_state(now)
        vision, reason = self._vision.vision, self._vision.reason
        self._service_manager.status(f"vision {vision}" + (f": {reason}" if reason else ""))

    def _vision_lost(self, error: Exception) -> None:
        """Raise the alarm, unless the camera is starting; the belt is not clear either way."""
        reason, now = str(error), _now()
        camera = error.state if isinstance(error, CameraBlind) else None
        self._deadlines.restart(now[0])
        starting = self._vision.is_starting(now[0], camera)
        if starting:
            self._pipeline.advance_clock(*now)
        else:
            self._publish_alerts(self._pipeline.vision_lost(reason, *now))
        if self._vision.pass_failed(now[0], reason, starting=starting):
            self._publish_state(now)

    def _restore_alerts(self) -> None:
        """Alerts that were open when the detector ended stay open, under their old ids."""
        alerts = self._book.restore(self._post.carried_over, *_now())
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
            self._line.reported.add(belt_report(message, came_ns))

    def _answer_operators(self) -> None:
        self._receive_requests()
        pending_answers, self._pending = self._pending, []
        for pending in pending_answers:
            try:
                alerts = self._book.answer(pending.answer, self._pipeline.belt)
            except AnswerRefusedError as error:
                self._post.reply(pending, ok=False, reason=str(error))
            else:
                self._log_shelved(pending.answer)
                self._post.reply(pending, ok=True, reason=None)
                self._publish_alerts(alerts)

    def _log_shelved(self, answer: AnswerRequest) -> None:
        if isinstance(answer, Shelve):
            logger.info(
                "%s has shelved %s for %d min", answer.operator, answer.hazard, answer.minutes
            )

    def _publish_for(self, frame: Frame, payload: Inference | FrameDetections) -> None:
        self._publisher.publish(
            payload, t_capture_utc_ns=frame.t_utc_ns, t_capture_mono_ns=frame.t_mono_ns
        )

    def _frame_detections(self, frame: Frame, result: FrameResult) -> FrameDetections:
        classes = self._line.facts.classes
        return FrameDetections(
            line=self._line.settings.line,
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
    runs = {"run": True, "stop": False}.get(message.run)
    return BeltReport(read_ns, runs, message.encoder_counts, message.source)


def _now() -> tuple[int, int]:
    """CLOCK_MONOTONIC and UTC, ns."""
    return time.monotonic_ns(), time.time_ns()
