"""What the page shows of one line besides its alarms."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from detector.client import Received
from detector.station.store.records import Notice
from detector.vocabulary import AlarmState, Hazard, VisionState
from detector.wire.messages import Alert, Heartbeat, LineState, Message, Metrics


class LineStatus:
    """Follows a line's messages, but for its alerts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.vision, self.reason = VisionState.UNKNOWN, "no message from the detector yet"
        self.state: LineState | None = None
        self.metrics: Metrics | None = None
        self.facts: dict[str, Any] | None = None
        self.boot_id: str | None = None
        self.acknowledged_by: dict[str, Any] | None = None
        """Who answered last, at this station."""
        self._state_utc_ns = 0
        self._heartbeat: Received | None = None
        self._received_ns: int | None = None

    def update(self, item: Received) -> None:
        """Process a message."""
        self._received_ns = item.t_received_mono_ns
        payload: Message = item.payload
        if isinstance(payload, Heartbeat):
            self._heartbeat = item
        elif isinstance(payload, LineState) and item.how == "published":
            self.state, self._state_utc_ns = payload, item.header.t_capture_utc_ns
        elif isinstance(payload, Metrics):
            self.metrics = payload
        elif item.topic.startswith("facts/"):
            self.facts = payload.model_dump(mode="json")

    def restarted(self, boot_id: str) -> None:
        """The detector has restarted."""
        self.boot_id = boot_id
        self.state = self._heartbeat = None

    def content(
        self, open_alerts: list[Alert], notices: list[Notice], *, with_facts: bool = True
    ) -> dict[str, Any]:
        """The event `line`. `notices`: of the station."""
        now_ns = time.monotonic_ns()
        state = self.state
        texts = [each.text for each in notices]
        return {
            "line": self.name,
            "boot_id": self.boot_id,
            "vision": self.vision.value,
            "reason": self.reason or None,
            "stale_ms": _ms_since(self._received_ns, now_ns),
            "camera_age_ms": self._camera_age_ms(now_ns),
            "fps": None if state is None else state.frames_per_s,
            "latency_p99_ms": None if state is None else state.latency_p99_ms,
            "latency_budget_ms": None if state is None else state.latency_budget_ms,
            "drops": None if state is None else state.frames_overwritten,
            "belt_speed_mm_s": None if state is None else state.belt_speed_mm_s,
            "belt_position_mm": None if state is None else state.belt_position_mm,
            "belt_t_utc_ns": self._state_utc_ns or None,
            "belt_state": None if state is None else state.belt_state,
            "belt_reason": None if state is None else state.belt_reason,
            "coverage": None if state is None else state.coverage,
            "coverage_state": None if state is None else state.coverage_state.value,
            "jam": any(_is_jam(alert) for alert in open_alerts),
            "open_alarms": len(open_alerts),
            "acknowledged_by": self.acknowledged_by,
            "shelved": []
            if state is None
            else [each.model_dump(mode="json") for each in state.shelved],
            "notice": "; ".join(filter(None, (*texts, self._notice()))) or None,
            "notices": [asdict(each) for each in notices],
            "facts": self.facts if with_facts else None,
        }

    def _camera_age_ms(self, now_ns: int) -> float | None:
        return None if self._heartbeat is None else round(self._heartbeat.age_ns(now_ns) / 1e6)

    def _notice(self) -> str | None:
        """What the people at the line should know, in one line; null: nothing."""
        if self.state is not None and self.state.journal in {"late", "failed"}:
            return f"the detector's journal: {self.state.journal_reason or self.state.journal}"
        return None


def _ms_since(then_ns: int | None, now_ns: int) -> float | None:
    return None if then_ns is None else round((now_ns - then_ns) / 1e6)


def _is_jam(alert: Alert) -> bool:
    return alert.hazard is Hazard.JAM and alert.state is not AlarmState.NORMAL
