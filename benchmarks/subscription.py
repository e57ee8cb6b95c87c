"""Everything that a subscriber on the same host receives from a line until it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.line_process import LineProcess
from detector import client
from detector.client import Received
from detector.wire.messages import Alert, FrameDetections, LineState, Metrics


@dataclass
class RunMessages:
    """All messages of one run."""

    alerts: list[Alert] = field(default_factory=list)
    alert_latencies_ms: list[float] = field(default_factory=list)
    detections: dict[int, FrameDetections] = field(default_factory=dict)
    """By frame index."""
    latencies_ms: list[float] = field(default_factory=list)
    """Capture to subscriber, for every frame that went through the model."""
    states: list[LineState] = field(default_factory=list)
    states_ns: list[int] = field(default_factory=list)
    """When each state was received, CLOCK_MONOTONIC."""
    metrics: list[Metrics] = field(default_factory=list)
    missed: int = 0
    """Messages that this subscriber did not receive."""


def listen(
    line: LineProcess, on_alert: Callable[[Alert, Received], None] = lambda *_: None
) -> RunMessages:
    """Subscribe to everything and receive until the line's process has ended."""
    received = RunMessages()
    with client.Line(line.publish) as subscriber:
        while True:
            item = subscriber.receive(0.25)
            if item is None:
                if not line.running:
                    break
            elif isinstance(item, Received):
                _add(received, item, on_alert)
        received.missed = subscriber.missed
    return received


def _add(
    received: RunMessages, item: Received, on_alert: Callable[[Alert, Received], None]
) -> None:
    payload, latency_ms = item.payload, item.latency_ms
    if isinstance(payload, Alert):
        received.alerts.append(payload)
        if latency_ms is not None:
            received.alert_latencies_ms.append(latency_ms)
        on_alert(payload, item)
    elif isinstance(payload, FrameDetections):
        received.detections[payload.frame_index] = payload
        if latency_ms is not None:
            received.latencies_ms.append(latency_ms)
    elif isinstance(payload, LineState):
        received.states.append(payload)
        received.states_ns.append(item.t_received_mono_ns)
    elif isinstance(payload, Metrics):
        received.metrics.append(payload)
