"""Builds the requests that a program sends to a line."""

from __future__ import annotations

import time

from detector.client.link import same_host
from detector.wire.messages import Alert, Outcome
from detector.wire.requests import Acknowledge, BeltFromPlc, ReportOutcome


def acknowledgement(alert: Alert, operator: str) -> Acknowledge:
    return Acknowledge(boot_id=alert.boot_id, event_id=alert.event_id, operator=operator)


def outcome_report(alert: Alert, outcome: Outcome, operator: str) -> ReportOutcome:
    return ReportOutcome(
        boot_id=alert.boot_id, event_id=alert.event_id, outcome=outcome, operator=operator
    )


def belt_report(
    source: str, counts: int | None, runs: bool | None, requests: str | None
) -> BeltFromPlc:
    """A report of the belt now. `counts`: modulo belt.encoder_wraps_at, default 2^32."""
    now_ns = time.monotonic_ns()
    return BeltFromPlc(
        source=source,
        run="unknown" if runs is None else "run" if runs else "stop",
        encoder_counts=counts,
        t_mono_ns=now_ns if same_host(requests) else None,
        age_ms=0,
    )
