"""A line as the bridge hears it: messages made by hand, stamped with this host's clock."""

from __future__ import annotations

import time
from typing import Any

import pytest

from detector.bridge.line_watch import LineWatch
from detector.bridge.plc_link import PlcLink
from detector.bridge.register_map import decode
from detector.bridge.registers import LineRegisters
from detector.client import Gap, Received
from detector.client.events import How
from detector.wire import samples
from detector.wire.messages import Alert, LineState, Message

MS = 1_000_000
SEQ = 1000


class HeardLine:
    """Messages into a `LineWatch`, words out of it; `now_ns` goes on when the test says so."""

    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns()
        self.lacks_alerts = False
        self.watch = LineWatch(None, self.now_ns, SEQ, lacks_alerts=lambda: self.lacks_alerts)
        self.plc = PlcLink("PLC", self.watch.event)
        self.registers = LineRegisters(self.watch, self.plc)
        self.boot_id = "boot-1"
        self.their_clock_ns: int | None = None
        """On another host: what its clock is ahead of ours."""
        self.revisions: dict[str, int] = {}

    def say(
        self,
        payload: Message,
        *,
        age_ms: float = 20.0,
        queued_ms: float = 0.0,
        how: How = "published",
    ) -> None:
        """Sent now, `age_ms` after capture, and taken out of the socket `queued_ms` later."""
        ahead_ns = self.their_clock_ns or 0
        header = samples.HEADER.model_copy(
            update={
                "boot_id": self.boot_id,
                "t_capture_mono_ns": self.now_ns - round(age_ms * MS) + ahead_ns,
                "age_ms": age_ms,
            }
        )
        if isinstance(payload, Alert):
            t_ns = payload.t_capture_mono_ns + ahead_ns
            payload = payload.model_copy(update={"t_capture_mono_ns": t_ns})
        came_ns, here = self.now_ns + round(queued_ms * MS), self.their_clock_ns is None
        self.watch.update(Received("topic", header, payload, came_ns, how, here))

    def look(self, **kwargs: Any) -> None:
        self._dealt_with(kwargs, looked=True)

    def no_look(self, look_age_ms: float, **kwargs: Any) -> None:
        """A frame that needed none; the last look was over so long before it."""
        self._dealt_with(kwargs, looked=False, look_age_ms=look_age_ms)

    def _dealt_with(self, kwargs: dict[str, Any], **said: Any) -> None:
        frame = samples.INFERENCE.model_copy(update={"inferences": 1, "frame_index": 1, **said})
        self.say(frame, **kwargs)

    def beat(self) -> None:
        self.say(samples.HEARTBEAT)

    def state(self, active: int = 0, **changes: Any) -> None:
        self.say(samples.STATE.model_copy(update={"active_alerts": active, **changes}))

    def alert(
        self,
        event_id: str = "a1",
        sample: Alert = samples.ALERT,
        *,
        heard: bool = True,
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
        if heard:
            self.say(alert)
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
def line() -> HeardLine:
    return HeardLine()


@pytest.fixture
def watched(line: HeardLine) -> HeardLine:
    """A line that is watched, and all of it known."""
    line.look()
    line.state()
    assert isinstance(line.watch.state, LineState)
    return line
