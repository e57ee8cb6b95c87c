from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.belt.plausibility import Finding
from detector.counter import SWAPPED
from detector.ingest import CameraState
from detector.runtime.vision_state import (
    HOLD_MAX_NS,
    HOLD_NS,
    LATE_HOLD_NS,
    REASON_NS,
    RECENT_NS,
    START_NS,
    VisionMonitor,
)
from detector.wire.messages import VisionState

MS = 1_000_000
SLIPS = Finding("slips", "encoder 400 mm/s, image 300")


class MonitoredLine:
    """A vision monitor, and its clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.monitor = VisionMonitor(0)

    def run_pass(
        self,
        after_ms: float,
        latency_ms: float = 0,
        unseen_mm: float = 0,
        belt: Finding | None = None,
    ) -> bool:
        """A pass ends `after_ms` after the last event, `latency_ms` after its frame's capture; up
        to 300 ms are in time."""
        self.now_ns += round(after_ms * MS)
        return self.monitor.pass_completed(
            self.now_ns,
            latency_ns=round(latency_ms * MS),
            max_ns=300 * MS,
            unseen_mm=unseen_mm,
            belt=belt or Finding(),
        )

    def fail(self, reason: str, *, starting: bool = False) -> bool:
        """No frame came."""
        return self.monitor.pass_failed(self.now_ns, reason, starting=starting)


@pytest.fixture
def line() -> MonitoredLine:
    return MonitoredLine()


def test_the_belt_is_not_watched_before_the_first_pass(line: MonitoredLine) -> None:
    assert (line.monitor.vision, line.monitor.is_watching) == (VisionState.STARTING, False)
    assert line.monitor.reason == "no frame yet"


def test_each_change_is_returned_and_logged_once(
    line: MonitoredLine, caplog: pytest.LogCaptureFixture
) -> None:
    assert [line.run_pass(100), line.run_pass(100), line.run_pass(100, latency_ms=301)] == [
        True,
        False,
        True,
    ]
    assert [line.fail("no frame") for _ in range(2)] == [True, False]
    assert [line.run_pass(2000), line.run_pass(100)] == [True, False]
    assert [(each.levelname, each.message.partition(":")[0]) for each in caplog.records] == [
        ("INFO", "watching"),
        (
            "WARNING",
            "the inference pass ended 301 ms after the frame's capture, later than 300 ms",
        ),
        ("ERROR", "unavailable"),
        ("INFO", "watching"),
    ]


def test_another_reason_for_lost_vision_is_published_but_not_logged_again(
    line: MonitoredLine, caplog: pytest.LogCaptureFixture
) -> None:
    assert line.fail("frozen")
    line.now_ns += REASON_NS
    assert line.fail("no frame")
    assert (line.monitor.reason, caplog.messages) == ("no frame", ["unavailable: frozen"])


def test_reasons_that_alternate_are_reported_once_a_second(line: MonitoredLine) -> None:
    line.run_pass(100)
    assert line.fail("no frame")
    reported = 0
    for _ in range(40):  # 4 s, and the last reason is the one that is published anyway
        reported += line.run_pass(50) + line.fail("no frame for a while")
        line.now_ns += 50 * MS
    assert 3 <= reported <= 4
    assert line.monitor.reason == "no frame for a while"


def test_a_camera_may_be_starting_only_for_a_limited_time(line: MonitoredLine) -> None:
    assert line.monitor.is_starting(START_NS - 1, CameraState.STARTING)
    assert not line.monitor.is_starting(START_NS, CameraState.STARTING)
    assert not line.monitor.is_starting(0, CameraState.STALLED)


def test_a_doubtful_belt_state_degrades_vision_once_the_line_has_started(
    line: MonitoredLine,
) -> None:
    line.run_pass(100, belt=SLIPS)
    assert (line.monitor.vision, line.monitor.reason) == (VisionState.READY, None)
    line.run_pass(START_NS / MS, belt=SLIPS)
    assert (line.monitor.vision, line.monitor.late) == (VisionState.DEGRADED, False)
    assert line.monitor.reason == SLIPS.reason


def test_all_reasons_are_stated_together(line: MonitoredLine) -> None:
    line.run_pass(START_NS / MS + 1, unseen_mm=80, belt=SLIPS)
    assert line.monitor.reason is not None
    assert line.monitor.reason.startswith(f"{SLIPS.reason}; the belt outruns the inference passes")
    assert "by 80 mm" in line.monitor.reason


def test_while_vision_stays_degraded_the_reason_is_the_late_pass(line: MonitoredLine) -> None:
    line.run_pass(START_NS / MS + 1, latency_ms=400)
    line.run_pass(100, latency_ms=20, belt=SLIPS)
    assert line.monitor.reason is not None
    assert line.monitor.reason.startswith(f"{SLIPS.reason}; the inference pass ended 400 ms after")


PASSES = st.tuples(
    st.floats(1, 1500), st.sampled_from([0.0, 300.0, 301.0]), st.sampled_from([0, 5])
)


@given(st.lists(PASSES | st.booleans(), max_size=40))
def test_vision_is_ready_only_after_a_pass_and_a_second_without_a_late_one(
    events: list[tuple[float, float, float] | bool],
) -> None:
    line, late_ns, failed_ns = MonitoredLine(), -LATE_HOLD_NS - 1, -HOLD_MAX_NS
    for event in events:
        if isinstance(event, bool):
            line.fail("no frame", starting=event)
            failed_ns = line.now_ns
            assert not line.monitor.is_watching
            continue
        after_ms, latency_ms, unseen_mm = event
        was_held = line.monitor.is_held(line.now_ns + round(after_ms * MS))
        line.run_pass(after_ms, latency_ms, unseen_mm)
        assert line.monitor.is_watching is not was_held
        if was_held:
            assert line.now_ns - failed_ns < HOLD_MAX_NS
            continue
        if latency_ms > 300 or unseen_mm:
            late_ns = line.now_ns
        in_time = line.now_ns - late_ns > LATE_HOLD_NS
        assert line.monitor.vision is (VisionState.READY if in_time else VisionState.DEGRADED)
        assert line.monitor.late is not in_time
    line.monitor.stopped("stopped")
    assert (line.monitor.is_watching, line.monitor.reason) == (False, "stopped")


def test_a_lost_encoder_that_is_found_to_be_read_wrongly_changes_the_reason(
    line: MonitoredLine,
) -> None:
    line.run_pass(START_NS / MS + 1, belt=Finding("encoder_lost", "no readings"))
    known = Finding("encoder_lost", str(SWAPPED), counter_fault=SWAPPED)
    assert line.run_pass(100, belt=known)
    assert line.monitor.reason == str(SWAPPED)
    assert not line.run_pass(100, belt=known)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200))
def test_a_camera_that_fails_again_and_again_returns_seldom(good_ms: list[int]) -> None:
    """Whatever the pattern of good and failed frames: at most three returns in any 1.5 s, and seven
    in any 20 s."""
    line, returns = MonitoredLine(), []
    line.run_pass(1)
    for lasts_ms in good_ms:
        line.fail("no frame")
        for _ in range(4):
            was = line.monitor.is_watching
            line.run_pass(lasts_ms)
            if line.monitor.is_watching and not was:
                returns.append(line.now_ns)
    for most, within_ms in ((3, 1_500), (7, RECENT_NS // MS)):
        pairs = zip(returns, returns[most:], strict=False)
        assert all(later - earlier > within_ms * MS for earlier, later in pairs)


def test_a_frame_that_comes_too_late_does_not_end_the_hold(line: MonitoredLine) -> None:
    line.run_pass(1)
    line.fail("no frame")
    line.now_ns += HOLD_NS
    line.monitor.frame_came_too_late(line.now_ns)
    line.run_pass(HOLD_NS / MS - 1)
    assert not line.monitor.is_watching
    line.run_pass(1)
    line.monitor.frame_came_too_late(line.now_ns)
    assert line.monitor.is_watching


def test_a_camera_that_fails_every_ten_seconds_returns_at_once_each_time(
    line: MonitoredLine,
) -> None:
    for _ in range(6):
        line.run_pass(RECENT_NS / MS / 2)
        line.fail("no frame")
        line.run_pass(HOLD_NS / MS - 1)
        assert not line.monitor.is_watching
        line.run_pass(1)
        assert line.monitor.is_watching
