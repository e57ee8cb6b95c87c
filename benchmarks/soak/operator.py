"""A subscriber on the detector's machine: times every inference pass, and answers alarms."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from benchmarks.background_thread import BackgroundThread
from detector import client
from detector.wire.messages import Alert, Hazard, Inference, LineState, Outcome, Revision

ANSWER_S = 5.0
"""Time that the operator takes for an answer."""
NAME = "soak"


class Operator(BackgroundThread):
    """A thread that listens to a line and answers its alarms; a context manager."""

    def __init__(self, ends: tuple[str, str], states: Path) -> None:
        super().__init__()
        self._ends, self._states = ends, states
        self._latencies_ms: list[float] = []
        self._lock = threading.Lock()
        self.vision = ""
        self.raised = self.answered = 0

    def take_latencies_ms(self) -> list[float]:
        """From capture to here, of each inference pass since the last call."""
        with self._lock:
            taken, self._latencies_ms = self._latencies_ms, []
        return taken

    def _run(self) -> None:
        waiting: deque[tuple[float, Alert]] = deque()
        with (
            client.Line(*self._ends) as line,
            self._states.open("a", encoding="utf-8", buffering=1) as states,
        ):
            before: Any = None
            while not self._over.is_set():
                item = line.receive(0.2)
                if isinstance(item, client.Received):
                    before = self._hear(item, waiting, states, before)
                while waiting and waiting[0][0] <= time.monotonic():
                    self._answer(line, waiting.popleft()[1])

    def _hear(
        self,
        item: client.Received,
        waiting: deque[tuple[float, Alert]],
        states: Any,
        before: Any,
    ) -> Any:
        payload = item.payload
        if isinstance(payload, Inference) and payload.inferred and item.latency_ms is not None:
            with self._lock:
                self._latencies_ms.append(round(item.latency_ms, 1))
        elif isinstance(payload, Alert) and payload.kind is Revision.RAISED:
            self.raised += 1
            waiting.append((time.monotonic() + ANSWER_S, payload))
        elif isinstance(payload, LineState):
            now = payload.vision, payload.reason, payload.journal, payload.belt_state
            if now != before:
                self.vision = payload.vision
                states.write(f"{json.dumps([item.t_received_mono_ns, *now])}\n")
            return now
        return before

    def _answer(self, line: client.Line, alert: Alert) -> None:
        try:
            line.acknowledge(alert, NAME)
            if alert.hazard is Hazard.GAS:
                line.report_outcome(alert, Outcome.REMOVED, NAME)
        except TimeoutError:
            return  # the detector is down
        self.answered += 1
