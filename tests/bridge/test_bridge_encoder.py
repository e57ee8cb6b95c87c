"""Encoder counts from the PLC over Modbus, bridge and ROUTER to the detector and register 59."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Self

import pytest

from benchmarks.bridge_process import BridgeProcess
from benchmarks.line_process import LineProcess
from detector import client
from detector.belt.encoder import ReportedBelt
from detector.bridge.register_words import BeltWord, RunSignal, VisionWord
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.live import belt_report
from detector.wire.messages import LineState
from tests.bridge.plc_client import Plc
from tests.small_line import (
    FPS,
    PATIENCE_S,
    Listener,
    belt_image,
    listening,
    wait_for,
    write_model,
    write_profile,
    write_video,
)

ANY_PORT = "tcp://127.0.0.1:*"
COUNTS_PER_MM = 10
WRAPS_AT = 2**32


class DetectorEnd:
    """The detector's ROUTER with a belt that follows its belt reports."""

    def __init__(self, outbox: Outbox, endpoints: tuple[str, str]) -> None:
        self._outbox, self.endpoints = outbox, endpoints
        self.belt = ReportedBelt(WRAPS_AT)
        self.t_ns = 0
        self.counts: int | None = None
        self.sources: set[str] = set()

    def has_received(self, counts: int) -> bool:
        """Whether these counts have been received."""
        self._outbox.poll()
        while self._outbox.belt_reports:
            report = belt_report(*self._outbox.belt_reports.popleft())
            self.belt.add(report)
            self.t_ns, self.counts = report.t_ns, report.counts
            self.sources.add(report.source)
        return self.counts == counts


@pytest.fixture
def detector() -> Iterator[DetectorEnd]:
    with (
        Journal(None) as journal,
        Publisher(ANY_PORT, line="belt-1", boot_id="b") as publisher,
        RequestServer(ANY_PORT) as router,
    ):
        endpoints = publisher.endpoint, router.endpoint
        yield DetectorEnd(Outbox(publisher, router, journal), endpoints)


STEPS = [900, 1500, -4000, 30_000, 0, -7]
"""Counts from one reading to the next, over the wrap of 32 bits and back."""


def test_counts_written_by_a_plc_are_followed_forward_backward_and_over_the_wrap(
    detector: DetectorEnd,
) -> None:
    with (
        BridgeProcess([detector.endpoints], start_s=PATIENCE_S) as bridge,
        closing(Plc(bridge)) as plc,
    ):
        counts, beat, followed = WRAPS_AT - 2000, 0, []

        def arrives() -> bool:
            nonlocal beat
            beat += 1
            plc.write(plc_heartbeat=beat & 0xFFFF, encoder=counts % WRAPS_AT)
            return detector.has_received(counts % WRAPS_AT)

        wait_for(arrives)
        for step in [0, *STEPS]:
            counts += step
            before_ns = detector.t_ns
            wait_for(lambda before_ns=before_ns: arrives() and detector.t_ns > before_ns)
            followed.append(detector.belt.counts_at(detector.t_ns))
    steps = [after - before for before, after in pairwise(followed)]
    assert steps == STEPS
    assert detector.sources == {"PLC, unit 1"}


Writer = Callable[[int, bool], None]
"""Writes counts and the run signal."""


@contextmanager
def by_modbus(line: LineProcess) -> Iterator[Writer]:
    with (
        BridgeProcess([(line.publish, line.requests)], start_s=PATIENCE_S) as bridge,
        closing(Plc(bridge)) as plc,
    ):
        beats = iter(range(1, 1_000_000_000))

        def write(counts: int, runs: bool) -> None:
            run = RunSignal.RUN if runs else RunSignal.STOP
            plc.write(plc_heartbeat=next(beats) & 0xFFFF, belt_run=run, encoder=counts)

        yield write


@contextmanager
def by_zeromq(line: LineProcess) -> Iterator[Writer]:
    with client.Line(None, line.requests) as reported:

        def write(counts: int, runs: bool) -> None:
            assert reported.report_belt("wheel 1", counts, runs, PATIENCE_S).ok

        yield write


class Wheel(threading.Thread):
    """An encoder on the belt, read every 20 ms by a thread that ends with the context."""

    def __init__(self, writing: AbstractContextManager[Writer], counts: int) -> None:
        super().__init__()
        self._writing, self._counts, self._goal = writing, counts, counts
        self._over, self.dead = threading.Event(), threading.Event()
        self._there = threading.Event()

    def turn(self, mm: float) -> None:
        """Turn by this belt travel at 400 mm/s and wait until done."""
        self._there.clear()
        self._goal += round(mm * COUNTS_PER_MM)
        assert self._there.wait(PATIENCE_S)

    def run(self) -> None:
        with self._writing as write:
            last_s = time.monotonic()
            while not self._over.wait(0.02):
                now_s = time.monotonic()
                most = round((now_s - last_s) * 400 * COUNTS_PER_MM)
                last_s = now_s
                left = self._goal - self._counts
                self._counts += max(-most, min(most, left))
                if not self.dead.is_set():
                    write(self._counts % WRAPS_AT, left != 0)
                if left == 0:
                    self._there.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line with an encoder, and a belt whose image shows no motion."""
    folder = tmp_path_factory.mktemp("line")
    model = write_model(folder / "white-and-red")
    clip = write_video(folder / "belt.avi", [belt_image()] * 10)
    made = write_profile(folder / "line.toml", clip, model, camera=f"fps = {FPS}\nloop = true")
    keys = f"encoder_counts_per_mm = {COUNTS_PER_MM}\n[view]"
    made.write_text(made.read_text(encoding="utf-8").replace("[view]", keys), encoding="utf-8")
    return made


def position_when_stopped(listener: Listener) -> float:
    """The belt position once two successive states agree."""
    positions: list[float | None] = [None]

    def settled(state: LineState) -> bool:
        positions.append(state.belt_position_mm)
        by_encoder = state.belt_state == "stopped" and state.speed_basis == "encoder"
        return by_encoder and positions[-1] == positions[-2]

    listener.until(settled, LineState)
    assert positions[-1] is not None
    return positions[-1]


@pytest.mark.parametrize("transport", [by_modbus, by_zeromq])
def test_the_belt_position_follows_an_encoder_over_its_wrap_and_back_until_it_is_lost(
    profile: Path, transport: Callable[[LineProcess], AbstractContextManager[Writer]]
) -> None:
    with (
        LineProcess(profile, start_s=PATIENCE_S) as line,
        Wheel(transport(line), WRAPS_AT - 1000) as wheel,
        listening(line.publish, "state/") as listener,
    ):
        at_mm = position_when_stopped(listener)

        def follows(travel_mm: float) -> bool:
            """False: on a busy machine counts came too late, and the encoder was lost meanwhile."""
            nonlocal at_mm
            before_mm = at_mm
            wheel.turn(travel_mm)
            at_mm = position_when_stopped(listener)
            return at_mm - before_mm == pytest.approx(travel_mm, abs=1.0)

        wait_for(lambda: follows(250))
        wait_for(lambda: follows(-400))
        assert any(state.belt_state == "reverses" for state in listener.all(LineState))
        wheel.dead.set()

        def lost(state: LineState) -> bool:
            return (state.belt_state, state.speed_basis) == ("encoder_lost", "profile")

        listener.until(lost, LineState)


def test_register_59_shows_the_state_of_the_plcs_encoder(profile: Path) -> None:
    with (
        LineProcess(profile, start_s=PATIENCE_S) as line,
        BridgeProcess([(line.publish, line.requests)], start_s=PATIENCE_S) as bridge,
        closing(Plc(bridge)) as plc,
    ):
        begun_s, beats = time.monotonic(), iter(range(1, 1_000_000_000))

        def reads(word: BeltWord, speed_mm_s: float | None, *, doubtful: bool = False) -> None:
            """`speed_mm_s`: speed of the encoder's counts; None: none are written."""

            def arrives(read: tuple[dict[str, int], object]) -> bool:
                if speed_mm_s is not None:
                    counts = round((time.monotonic() - begun_s) * speed_mm_s * COUNTS_PER_MM)
                    plc.write(
                        plc_heartbeat=next(beats) & 0xFFFF,
                        belt_run=RunSignal.RUN,
                        encoder=(counts - 2000) % WRAPS_AT,
                    )
                degraded = read[0]["state"] == VisionWord.DEGRADED
                return read[0]["belt_state"] == word and (degraded or not doubtful)

            plc.until(arrives)

        reads(BeltWord.ENCODER_LOST, None, doubtful=True)
        reads(BeltWord.RUNS, 400)
        reads(BeltWord.STOPPED_ORDERED_TO_RUN, 0)
        reads(BeltWord.REVERSES, -400, doubtful=True)
        reads(BeltWord.ENCODER_LOST, None, doubtful=True)


def test_a_counter_beyond_the_wrap_count_of_the_profile_is_logged(
    profile: Path,
) -> None:
    text = profile.read_text(encoding="utf-8")
    short = profile.with_name("short.toml")
    short.write_text(text.replace("[view]", "encoder_wraps_at = 65536\n[view]"), encoding="utf-8")
    with (
        LineProcess(short, start_s=PATIENCE_S) as line,
        BridgeProcess([(line.publish, line.requests)], start_s=PATIENCE_S) as bridge,
        closing(Plc(bridge)) as plc,
    ):
        plc.write(plc_heartbeat=1, encoder=70_000)
        (logged,) = wait_for(lambda: [each for each in bridge.stderr_lines if "70000" in each])
    assert "belt.encoder_wraps_at = 65536 in the line's profile: set it to" in logged
