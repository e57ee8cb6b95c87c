"""The loop of a line, in this process: a camera and an engine that do what the test says."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest

from calibration.line_profile import LineProfile
from detector import live
from detector.ingest import CameraBlind, CameraHealth, CameraState, Frame
from detector.line_setup import Line
from detector.live import LineAtWork
from detector.vision.engine import EngineError
from detector.wire.desk import PendingAnswer
from detector.wire.journal import Journal
from detector.wire.messages import (
    AlarmState,
    Alert,
    Hazard,
    Inference,
    LineState,
    Message,
    Revision,
    VisionState,
)
from detector.wire.requests import Acknowledge, BeltFromPlc, Shelve
from tests.fakes import FakeEngine, bright_things, detections, folder_of
from tests.small_line import PATIENCE_S, belt_picture, passing

Step = Frame | CameraBlind | Callable[[], None]


def frame(index: int, picture: Any = None) -> Frame:
    image = belt_picture() if picture is None else picture
    return Frame(image, index, time.monotonic_ns(), time.time_ns(), "grab", "fake")


class FakeCamera:
    """Gives frames and reasons for none in order, then has the line stopped."""

    def __init__(self, steps: Sequence[Step], stop: threading.Event) -> None:
        self._steps, self._stop = list(steps), stop
        self.health = CameraHealth(CameraState.LIVE, "", 0, 0, 0, 0)

    def read_latest(self, timeout_s: float) -> Frame:
        assert timeout_s > 0
        step = self._steps.pop(0)
        while not isinstance(step, Frame | CameraBlind):
            step()
            step = self._steps.pop(0)
        if not self._steps:
            self._stop.set()
        if isinstance(step, CameraBlind):
            raise step
        return step


class FakeWire:
    """Publisher and post in one: keeps what is sent, gives what is asked."""

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

    def wanted(self, kind: str) -> bool:
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
def work(wire: FakeWire) -> Callable[..., list[str]]:
    """Runs a line over what its camera gives; returns what it told people."""

    def run(
        steps: Sequence[Step],
        look: Callable[[Any], Any] = lambda _: detections(),
        *,
        until_end: bool = False,
        profile: LineProfile = PROFILE,
    ) -> list[str]:
        stop = threading.Event()
        engine = FakeEngine(look)
        line = Line(profile, folder_of(engine.card), engine, "boot")
        told: list[str] = []
        camera: Any = FakeCamera(steps, stop)
        anything: Any = wire
        LineAtWork(line, camera, anything, anything, tell=told.append).run(
            stop, until_end=until_end
        )
        return told

    return run


def blind(state: CameraState, reason: str = "out") -> CameraBlind:
    return CameraBlind(state, reason)


def test_an_engine_that_fails_is_blindness_and_never_an_empty_belt(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    looks = iter([detections(), EngineError("the engine is out of memory"), detections()])

    def look(_: Any) -> Any:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    told = work([frame(0), frame(1), frame(2)], look)
    assert wire.beats == [1, 2]  # two inferences were completed, not three
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert alert.detail == "the engine is out of memory"
    assert [state.vision for state in wire.states()] == [
        VisionState.STARTING,
        VisionState.READY,
        VisionState.UNAVAILABLE,
        VisionState.READY,
        VisionState.UNAVAILABLE,  # it was stopped
    ]
    assert wire.states()[2].coverage_state == "unknown"
    assert told == [
        "line belt-1: watching",
        "line belt-1: raised vision_unavailable a000001",
        "line belt-1: unavailable: the engine is out of memory",
        "line belt-1: watching",
    ]


def test_a_look_that_ends_too_late_is_degraded_sight_until_looks_are_in_time_again(
    work: Callable[..., list[str]], wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LATE_HELD_NS", 0)
    two_seconds_ago = time.monotonic_ns() - 2_000_000_000
    late = Frame(belt_picture(), 1, two_seconds_ago, time.time_ns(), "grab", "fake")
    told = work([frame(0), late, frame(2)])
    assert [state.vision for state in wire.states()[1:-1]] == [
        VisionState.READY,
        VisionState.DEGRADED,
        VisionState.READY,
    ]
    assert "later than 300 ms" in told[1]  # three periods of 10 fps
    assert [state.late for state in wire.states()[1:-1]] == [False, True, False]


def test_a_picture_of_another_size_is_blindness(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(0), frame(1, np.zeros((100, 100, 3), np.uint8))])
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert wire.beats == [1]


def test_a_camera_that_starts_is_no_alarm_and_no_clear_belt(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([blind(CameraState.STARTING, "being opened")])
    assert wire.alerts() == []
    assert wire.beats == []
    assert {state.vision for state in wire.states()[:-1]} == {VisionState.STARTING}


def test_a_camera_that_starts_for_too_long_is_an_alarm(
    work: Callable[..., list[str]], wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_passes() -> None:
        monkeypatch.setattr(live, "START_NS", 0)

    work([blind(CameraState.STARTING), time_passes, blind(CameraState.STARTING, "being opened")])
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.detail == "starting: being opened"
    assert wire.states()[-2].vision is VisionState.UNAVAILABLE


def test_until_end_leaves_at_the_end_of_the_recording(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(0), blind(CameraState.ENDED), frame(1)], until_end=True)
    assert wire.beats == [1]
    assert wire.alerts() == []
    assert wire.states()[-1].reason == "the recording has ended"


def test_until_end_does_not_wait_for_a_recording_that_is_not_there(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    with pytest.raises(CameraBlind, match="no such file"):
        work([blind(CameraState.UNREACHABLE, "x: no such file")], until_end=True)
    assert wire.states()[-1].vision is VisionState.UNAVAILABLE


def test_a_line_that_breaks_still_says_that_nobody_watches(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def breaks(_: Any) -> Any:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        work([frame(0), frame(1)], breaks)
    last = wire.states()[-1]
    assert (last.vision, last.reason) == (VisionState.UNAVAILABLE, "the detector failed")


def test_whoever_comes_late_is_told_the_open_alerts_again(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def joins() -> None:
        wire.joined = 1

    work([blind(CameraState.STALLED), joins, blind(CameraState.STALLED)])
    first, again = wire.alerts()
    assert first == again  # the same revision


def things_pass() -> list[Step]:
    return [
        Frame(picture, index, index * 200_000_000, index * 200_000_000, "grab", "fake")
        for index, picture in enumerate(passing(12))
    ]


def test_answers_are_carried_out_or_refused_with_a_reason(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def ask(*answers: Any) -> Callable[[], None]:
        return lambda: wire.asked.extend(PendingAnswer(answer, ()) for answer in answers)

    def acknowledge(event_id: str, boot_id: str = "boot") -> Acknowledge:
        return Acknowledge(operator="poste 2", boot_id=boot_id, event_id=event_id)

    # Past the door of the wire, the line itself refuses it too.
    no_sight = Shelve.model_construct(operator="x", hazard=Hazard.VISION_UNAVAILABLE, minutes=1)
    *steps, last = things_pass()
    work(
        [
            *steps,
            ask(
                acknowledge("a000001"),
                acknowledge("a000001", boot_id="yesterday"),
                acknowledge("a999999"),
                no_sight,
                Shelve(operator="x", hazard=Hazard.BATTERY, minutes=1),
            ),
            last,
        ],
        bright_things,
    )
    assert [ok for ok, _ in wire.replies] == [True, False, False, False, True]
    reasons = [str(reason) for ok, reason in wire.replies if not ok]
    for part, reason in zip(
        ["no open alarm", "no open alarm a999999", "never shelved"], reasons, strict=True
    ):
        assert part in reason
    (acknowledged,) = wire.alerts(Revision.ACKNOWLEDGED)
    assert acknowledged.event_id == "a000001"


def test_the_second_signal_ends_a_line_that_hangs() -> None:
    hangs = """
import time
from detector.live import stopped_by_signals
with stopped_by_signals() as stop:
    print("hangs", flush=True)
    while True:
        time.sleep(0.01)
        print(stop.is_set(), flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", hangs], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        while process.stdout.readline() != "True\n":
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == -signal.SIGINT


def plc_says(wire: FakeWire, run: Literal["unknown", "stands", "runs"]) -> Callable[[], None]:
    def say() -> None:
        now_ns = time.monotonic_ns()
        said = BeltFromPlc(source="PLC", run=run, encoder_counts=None, t_mono_ns=now_ns, age_ms=0)
        wire.belt_reports.append((said, now_ns))

    return say


def test_while_the_plc_says_that_the_belt_stands_nobody_is_called(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    gas = passing()[8]
    steps: list[Step] = [plc_says(wire, "stands")]
    for n in range(6):
        steps.append(frame(n, gas))
    work(steps, bright_things)
    (raised,) = {alert.event_id for alert in wire.alerts(Revision.RAISED) if alert.hazard == "gas"}
    states = [alert.state for alert in wire.alerts() if alert.event_id == raised]
    assert set(states) == {AlarmState.SUPPRESSED}
    assert wire.states()[-1].speed_basis == "encoder"
    assert wire.states()[-1].belt_speed_mm_s == 0.0


def test_an_encoder_that_is_lost_is_degraded_sight(
    work: Callable[..., list[str]], wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "START_NS", 0)
    belt = PROFILE.belt.model_copy(update={"encoder_counts_per_mm": 10.0})
    told = work([frame(n) for n in range(4)], profile=PROFILE.model_copy(update={"belt": belt}))
    assert any("encoder is lost" in line for line in told)
    assert VisionState.DEGRADED in {state.vision for state in wire.states()}


def later(index: int, ms: float) -> Frame:
    """A frame as fresh as any, whose stamp lies so long after a fixed moment."""
    return Frame(belt_picture(), index, BEGUN_NS + round(ms * 1e6), time.time_ns(), "grab", "fake")


BEGUN_NS = time.monotonic_ns() + 3_600_000_000_000


def test_the_heart_beats_by_looks_and_by_no_frame_between_them(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([later(number, number * 40) for number in range(26)])  # a second at 25 fps
    assert wire.beats == list(range(1, len(wire.beats) + 1))
    assert 7 <= len(wire.beats) <= 9  # three to begin with, then five a second


def test_each_frame_tells_that_the_line_is_watched_and_how_long_ago_the_last_look_was(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([later(number, number * 40) for number in range(26)])
    told = [each for each in wire.sent if isinstance(each, Inference)]
    assert [each.frame_index for each in told] == list(range(26))
    assert [each.inferences for each in told if each.looked] == wire.beats
    assert all(each.look_age_ms == 0 for each in told if each.looked)
    assert {each.next_within_ms for each in told} == {300.0}  # three periods of its 10 fps
    assert {each.look_within_ms for each in told} == {500.0}
    for before, after in pairwise(told):
        if not after.looked:
            assert after.look_age_ms >= before.look_age_ms


def test_a_frame_that_nobody_could_look_at_tells_of_no_watch(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def look(_: Any) -> Any:
        raise EngineError("out of memory")

    work([frame(0), frame(1)], look)
    assert not any(isinstance(each, Inference) for each in wire.sent)


def test_a_belt_that_outruns_its_looks_is_degraded_sight_and_says_so(
    work: Callable[..., list[str]], wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LATE_HELD_NS", 0)
    times_ms = [0, 40, 80, 120, 2500, 5000, *range(5040, 5900, 40)]  # 380 mm from look to look
    told = work([later(number, ms) for number, ms in enumerate(times_ms)])
    assert [state.vision for state in wire.states()[1:-1]] == [
        VisionState.READY,
        VisionState.DEGRADED,
        VisionState.READY,
    ]
    assert "the belt runs faster than it is looked at" in told[1]
