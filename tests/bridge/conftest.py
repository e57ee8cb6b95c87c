"""A simulated line for the bridge: its messages, with timestamps of this host's clock."""

from __future__ import annotations

import time
from typing import Any

import pytest

from detector.bridge.line_watch import LineWatch
from detector.bridge.plc_link import EncoderScale, PlcLink
from detector.bridge.register_map import decode
from detector.bridge.registers import LineRegisters
from detector.client import Gap, Received
from detector.client.events import How
from detector.wire import samples
from detector.wire.messages import Alert, LineState, Message

MS = 1_000_000
SEQ = 1000


class SimulatedLine:
    """Feeds messages to a `LineWatch` and reads its words; the test advances `now_ns`."""

    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns()
        self.lacks_alerts = False
        self.watch = LineWatch(
            None,
            self.now_ns,
            SEQ,
            is_open=lambda alert: self._came_in[alert.event_id] == self.boot_id,
            lacks_alerts=lambda: self.lacks_alerts,
        )
        self._came_in: dict[str, str] = {}
        """The start of the detector that sent an alert last; the client knows what is open now."""
        self.plc = PlcLink(
            "PLC",
            self.watch.event,
            lambda: EncoderScale(self.watch.encoder_wraps_at, self.watch.encoder_counts_per_mm),
        )
        self.registers = LineRegisters(self.watch, self.plc)
        self.boot_id = "boot-1"
        self.remote_clock_ns: int | None = None
        """For a line on another host: its clock minus ours."""
        self.revisions: dict[str, int] = {}

    def send(
        self,
        payload: Message,
        *,
        age_ms: float = 20.0,
        queued_ms: float = 0.0,
        how: How = "published",
    ) -> None:
        """Send a message now, `age_ms` after capture; it is received `queued_ms` later."""
        ahead_ns = self.remote_clock_ns or 0
        header = samples.HEADER.model_copy(
            update={
                "boot_id": self.boot_id,
                "t_capture_mono_ns": self.now_ns - round(age_ms * MS) + ahead_ns,
                "age_ms": age_ms,
            }
        )
        if isinstance(payload, Alert):
            self._came_in[payload.event_id] = self.boot_id
            t_ns = payload.t_capture_mono_ns + ahead_ns
            payload = payload.model_copy(update={"t_capture_mono_ns": t_ns})
        received_ns, here = self.now_ns + round(queued_ms * MS), self.remote_clock_ns is None
        self.watch.update(Received("topic", header, payload, received_ns, how, here))

    def inference(self, **kwargs: Any) -> None:
        self._frame(kwargs, inferred=True)

    def skipped_frame(self, pass_age_ms: float, **kwargs: Any) -> None:
        """A frame without an inference pass, `pass_age_ms` after the end of the last one."""
        self._frame(kwargs, inferred=False, pass_age_ms=pass_age_ms)

    def _frame(self, kwargs: dict[str, Any], **changes: Any) -> None:
        frame = samples.INFERENCE.model_copy(update={"inferences": 1, "frame_index": 1, **changes})
        self.send(frame, **kwargs)

    def beat(self) -> None:
        self.send(samples.HEARTBEAT)

    def state(self, active: int = 0, **changes: Any) -> None:
        self.send(samples.STATE.model_copy(update={"active_alerts": active, **changes}))

    def alert(
        self,
        event_id: str = "a1",
        sample: Alert = samples.ALERT,
        *,
        received: bool = True,
        **changes: Any,
    ) -> Alert:
        revision = self.revisions[event_id] = self.revisions.get(event_id, 0) + 1
        alert = sample.model_copy(
            update={
                "boot_id": self.boot_id,
                "event_id": event_id,
                "revision": revision,
                "t_capture_mono_ns": self.now_ns,
                **changes,
            }
        )
        if received:
            self.send(alert)
        return alert

    def gap(self) -> None:
        self.watch.update(Gap(None, 1, self.boot_id))

    def later(self, ms: float) -> None:
        self.now_ns += round(ms * MS)

    def words(self) -> list[int]:
        return self.registers.words(self.now_ns)

    @property
    def read(self) -> dict[str, int]:
        return decode(self.words())[0]

    @property
    def records(self) -> list[dict[str, int]]:
        return decode(self.words())[1]

    @property
    def hazards(self) -> tuple[int, int, int]:
        read = self.read
        return read["gas"], read["battery"], read["jam"]


@pytest.fixture
def line() -> SimulatedLine:
    return SimulatedLine()


@pytest.fixture
def watched(line: SimulatedLine) -> SimulatedLine:
    """A line that is watched, with all alarms known."""
    line.inference()
    line.state()
    assert isinstance(line.watch.state, LineState)
    return line
