"""A line's loop in this process, with a scripted clock, camera and wire."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from detector.delivery.journal import Journal
from detector.delivery.request_server import PendingAnswer
from detector.ingest import CameraBlind, CameraHealth, CameraState, Frame
from detector.line_setup import Line
from detector.live import LineRunner
from detector.profile.line import LineProfile
from detector.service_manager import ServiceManager
from detector.wire.messages import (
    Alert,
    LineState,
    Message,
    Revision,
)
from detector.wire.requests import BeltFromPlc
from tests.fakes import FakeEngine, detections, folder_of
from tests.small_line import belt_image

Step = Frame | CameraBlind | Callable[[], None]


BEGUN_NS = 10_000_000_000_000
"""CLOCK_MONOTONIC at the start."""
SINCE_1970_NS = 1_772_785_200_000_000_000
"""UTC minus CLOCK_MONOTONIC."""


class Clock:
    """This host's clocks, which only a test advances: the speed of the machine has no effect."""

    def __init__(self) -> None:
        self.now_ns = BEGUN_NS

    def monotonic_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        return self.now_ns + SINCE_1970_NS

    def advance(self, ms: float) -> None:
        self.now_ns += round(ms * 1e6)


def frame(index: int, shown: Any = None, *, at_ms: float | None = None) -> Frame:
    """Grabbed `at_ms` after the start (default: at 10 fps); `shown`: its image."""
    image = belt_image() if shown is None else shown
    t_ns = BEGUN_NS + round((index * 100 if at_ms is None else at_ms) * 1e6)
    return Frame(image, index, t_ns, t_ns + SINCE_1970_NS, "fake")


class FakeCamera:
    """Delivers frames or errors in order, each frame as soon as it is grabbed; then stops the
    line."""

    shift_px: float | None = None

    def __init__(self, steps: Sequence[Step], stop: threading.Event, clock: Clock) -> None:
        self.timeouts_s: list[float] = []
        """Those of all reads."""
        self._steps, self._stop, self._clock = list(steps), stop, clock
        self.health = CameraHealth(CameraState.LIVE, "", 1, 0, 0, 0)

    def read_latest(self, timeout_s: float) -> Frame:
        assert timeout_s > 0
        self.timeouts_s.append(timeout_s)
        step = self._steps.pop(0)
        while not isinstance(step, Frame | CameraBlind):
            step()
            step = self._steps.pop(0)
        if not self._steps:
            self._stop.set()
        if isinstance(step, CameraBlind):
            raise step
        self._clock.now_ns = max(self._clock.now_ns, step.t_mono_ns)
        return step


class FakeWire:
    """Publisher and outbox in one: records all messages, returns scripted requests."""

    endpoint, boot_id, joined = "fake", "boot", 0

    def __init__(self) -> None:
        self.journal = Journal(None)
        self.carried_over: list[Alert] = []
        self.state: LineState | None = None
        self.sent: list[Message] = []
        self.beats: list[int] = []
        self.asked: list[PendingAnswer] = []
        self.belt_reports: deque[tuple[BeltFromPlc, int]] = deque()
        self.replies: list[tuple[bool, str | None]] = []

    def publish(self, payload: Message, **_: Any) -> None:
        self.sent.append(payload)

    def send(self, alerts: list[Alert]) -> None:
        self.sent += alerts

    send_open_again = send

    def publish_delivery_state(self) -> None:
        pass

    def beat(self, *, inferences: int, **_: Any) -> bool:
        self.beats.append(inferences)
        return True

    def is_subscribed(self, kind: str) -> bool:
        return kind == "inference"

    def poll(self) -> list[PendingAnswer]:
        asked, self.asked = self.asked, []
        return asked

    def reply(self, pending: PendingAnswer, ok: bool, reason: str | None) -> None:  # noqa: ARG002
        self.replies.append((ok, reason))

    def alerts(self, kind: Revision | None = None) -> list[Alert]:
        return [
            each
            for each in self.sent
            if isinstance(each, Alert) and (kind is None or each.kind is kind)
        ]

    def states(self) -> list[LineState]:
        return [each for each in self.sent if isinstance(each, LineState)]


PROFILE = LineProfile.model_validate(
    {
        "line": "belt-1",
        "camera": {"source": "-", "fps": 10},
        "belt": {
            "polygon_px": [[0, 0], [319, 0], [319, 239], [0, 239]],
            "travel": "right",
            "px_per_mm": 0.5,
            "speed_mm_s": 160,
        },
        "view": {"mm_per_px": 2},
    }
)


@pytest.fixture
def wire() -> FakeWire:
    return FakeWire()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic_ns", made.monotonic_ns)
    monkeypatch.setattr(time, "time_ns", made.time_ns)
    return made


@pytest.fixture
def work(
    wire: FakeWire, clock: Clock, caplog: pytest.LogCaptureFixture
) -> Callable[..., list[str]]:
    """Runs a line over the steps of its camera; returns the lines that it logged."""

    def run(
        steps: Sequence[Step],
        detect: Callable[[Any], Any] = lambda _: detections(),
        *,
        until_end: bool = False,
        profile: LineProfile = PROFILE,
        service_manager: ServiceManager | None = None,
        timeouts_s: list[float] | None = None,
    ) -> list[str]:
        stop = threading.Event()
        engine = FakeEngine(detect)
        line = Line(profile, folder_of(engine.card), engine, "boot")
        camera: Any = FakeCamera(steps, stop, clock)
        outbox: Any = wire
        runner = LineRunner(line, camera, outbox, outbox, service_manager=service_manager)
        runner.run(stop, until_end=until_end)
        if timeouts_s is not None:
            timeouts_s += camera.timeouts_s
        return caplog.messages

    return run


def blind(state: CameraState, reason: str = "out") -> CameraBlind:
    return CameraBlind(state, reason)
