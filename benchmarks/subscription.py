"""What a subscriber on the same host hears of a line until it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.line_process import LineProcess
from detector import client
from detector.client import Received
from detector.wire.messages import Alert, FrameDetections, LineState, Metrics


@dataclass
class Heard:
    """Everything of one run."""

    alerts: list[Alert] = field(default_factory=list)
    alert_latencies_ms: list[float] = field(default_factory=list)
    detections: dict[int, FrameDetections] = field(default_factory=dict)
    """By frame index."""
    latencies_ms: list[float] = field(default_factory=list)
    """Capture to subscriber, of every frame that the model looked at."""
    states: list[LineState] = field(default_factory=list)
    metrics: list[Metrics] = field(default_factory=list)
    missed: int = 0
    """Messages that this subscriber never got."""


def listen(
    line: LineProcess, on_alert: Callable[[Alert, Received], None] = lambda *_: None
) -> Heard:
    """Subscribe to everything and listen until the line's process has ended."""
    heard = Heard()
    with client.Line(line.publish) as subscriber:
        while True:
            item = subscriber.receive(0.25)
            if item is None:
                if not line.running:
                    break
            elif isinstance(item, Received):
                _take(heard, item, on_alert)
        heard.missed = subscriber.missed
    return heard


def _take(heard: Heard, item: Received, on_alert: Callable[[Alert, Received], None]) -> None:
    payload, latency_ms = item.payload, item.latency_ms
    if isinstance(payload, Alert):
        heard.alerts.append(payload)
        if latency_ms is not None:
            heard.alert_latencies_ms.append(latency_ms)
        on_alert(payload, item)
    elif isinstance(payload, FrameDetections):
        heard.detections[payload.frame_index] = payload
        if latency_ms is not None:
            heard.latencies_ms.append(latency_ms)
    elif isinstance(payload, LineState):
        heard.states.append(payload)
    elif isinstance(payload, Metrics):
        heard.metrics.append(payload)
