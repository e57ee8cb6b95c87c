"""What a line publishes about itself: its state, its metrics and its delivery state."""

from __future__ import annotations

import logging
import time

from detector.belt.plausibility import Finding
from detector.delivery.evidence import EvidenceSender
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.ingest import CameraProcess
from detector.line_facts import line_facts
from detector.pipeline import Pipeline
from detector.runtime.latency import Pace
from detector.runtime.vision_state import VisionMonitor
from detector.wire.messages import CoverageState, Hazard, LineFacts, LineState, Metrics, Shelving

logger = logging.getLogger(__name__)

STATE_PERIOD_NS = 1_000_000_000
METRICS_PERIOD_NS = 5_000_000_000
LATENCY_BUDGET_MS = 50.0
"""From capture to published, p99 [docs/design.md, "Budgets"]."""


class StateReport:
    """Publishes the state when it changes and once a second; metrics and delivery state less
    often."""

    def __init__(
        self,
        pipeline: Pipeline,
        vision: VisionMonitor,
        camera: CameraProcess,
        publisher: Publisher,
        outbox: Outbox,
        *,
        pace: Pace,
        evidence: EvidenceSender | None = None,
    ) -> None:
        line = pipeline.line
        self._settings, self._mm_basis = line.settings, line.facts.mm_basis
        self._pipeline, self._vision, self._camera = pipeline, vision, camera
        self._publisher, self._outbox = publisher, outbox
        self._pace, self._evidence = pace, evidence
        self._state_published_ns = self._metrics_published_ns = self._facts_published_ns = 0
        self._subscribers = 0
        self._journal_published = outbox.journal.state
        self._were_shelved: set[Hazard] = set()

    def publish_due(self, now: tuple[int, int]) -> None:
        """All that is due now, and for a new subscriber also the open alerts."""
        joined = self._publisher.joined
        if joined != self._subscribers:
            self._subscribers = joined
            self._outbox.send_open_again(self._pipeline.book.open_alerts())
            self.publish_state(now)
            self._publish_facts(now)
        elif (
            self._outbox.journal.state != self._journal_published
            or now[0] - self._state_published_ns >= STATE_PERIOD_NS
        ):
            self.publish_state(now)
        if now[0] - self._facts_published_ns >= STATE_PERIOD_NS:
            self._facts_published_ns = now[0]
            if self._publisher.is_subscribed("facts"):
                self._publish_facts(now)
        if now[0] - self._metrics_published_ns >= METRICS_PERIOD_NS:
            self._metrics_published_ns = now[0]
            self._publish_metrics(now)
            self._outbox.publish_delivery_state()

    def publish_state(self, now: tuple[int, int]) -> None:
        """Publish the state as it is; `now`: CLOCK_MONOTONIC and UTC, ns."""
        self._state_published_ns = time.monotonic_ns()
        self._outbox.state = state = self._state()
        self._journal_published = state.journal
        self._publish(state, now)

    def _publish_metrics(self, now: tuple[int, int]) -> None:
        period_s, stages = self._pipeline.stage_timer.report()
        metrics = Metrics(
            line=self._settings.line,
            period_s=round(period_s, 3),
            inferences=self._pipeline.inferences,
            frames_overwritten=self._camera.health.frames_overwritten,
            stages=stages,
            capture_to_published=self._pace.report(),
            frames_unreadable=self._camera.health.unreadable,
            evidence_sent=0 if self._evidence is None else self._evidence.sent,
            evidence_dropped=0 if self._evidence is None else self._evidence.dropped,
        )
        self._publish(metrics, now)

    def _publish_facts(self, now: tuple[int, int]) -> None:
        endpoint = None if self._evidence is None else self._evidence.endpoint
        facts = line_facts(self._pipeline, LATENCY_BUDGET_MS, endpoint)
        self._publish(facts, now)

    def _state(self) -> LineState:
        pipeline, vision = self._pipeline, self._vision
        belt, coverage, health = pipeline.belt, pipeline.coverage, self._camera.health
        known = self._mm_basis != "none" and belt.position_mm is not None
        moves = known and belt.speed_mm_s is not None
        share, now_ns = coverage.in_window, time.monotonic_ns()
        # While the belt is not watched, its last known state is not its state now.
        found = pipeline.belt_finding if known and vision.is_watching else Finding()
        journal = self._outbox.journal
        return LineState(
            line=self._settings.line,
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
            image_mm_s=_speed(found.image_mm_s, known),
            setting_mm_s=_speed(found.setting_mm_s, known),
            encoder_wraps_at=self._settings.belt.encoder_wraps_at,
            mm_basis=self._mm_basis,
            active_alerts=pipeline.book.active,
            inferences=pipeline.inferences,
            frames_overwritten=health.frames_overwritten,
            camera_restarts=health.restarts,
            shelved=self._shelved(),
            journal=journal.state,
            journal_reason=journal.reason,
            camera_age_ms=_tenths(self._pace.camera_age_ms(now_ns)),
            stamp_source=health.stamp_source,
            frames_per_s=_tenths(self._pace.frames_per_s(now_ns)),
            latency_p99_ms=_tenths(self._pace.latency_p99_ms),
            latency_budget_ms=LATENCY_BUDGET_MS,
        )

    def _shelved(self) -> tuple[Shelving, ...]:
        """The active shelvings; logs those that have ended."""
        shelved = self._pipeline.book.shelved(self._pipeline.belt)
        for hazard in self._were_shelved - {each.hazard for each in shelved}:
            logger.info("%s is no longer shelved", hazard)
        self._were_shelved = {each.hazard for each in shelved}
        return shelved

    def _publish(self, payload: LineState | Metrics | LineFacts, now: tuple[int, int]) -> None:
        self._publisher.publish(payload, t_capture_mono_ns=now[0], t_capture_utc_ns=now[1])


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _speed(speed_mm_s: float | None, known: bool) -> float | None:
    return round(speed_mm_s, 1) if known and speed_mm_s is not None else None
