from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import Frame
from detector.runtime.deadlines import MAX_S, MIN_REMAINING_S, MIN_S, REPORT_SHARE, Deadlines
from tests.fake_line import Clock


def frame(index: int, t_s: float) -> Frame:
    t_ns = round(t_s * 1e9)
    return Frame(np.zeros((2, 2, 3), np.uint8), index, t_ns, t_ns, "belt")


def test_the_profiles_frame_rate_applies_from_the_start() -> None:
    assert Deadlines(10).frame_timeout_s == pytest.approx(0.3)


def test_without_a_frame_rate_the_first_frames_get_the_maximum() -> None:
    assert Deadlines(None).frame_timeout_s == MAX_S


@given(fps=st.floats(3, 25), skipped=st.integers(1, 4))
def test_the_frame_rate_is_learned_from_timestamps_even_if_frames_are_skipped(
    fps: float, skipped: int
) -> None:
    deadlines = Deadlines(None)
    for number in range(10):
        deadlines.frame_received(frame(number * skipped, number * skipped / fps))
    assert deadlines.frame_timeout_s == pytest.approx(max(MIN_S, 3 / fps), rel=1e-6)


def test_a_hiccup_and_a_restart_do_not_lengthen_the_timeout() -> None:
    deadlines = Deadlines(None)
    for number in range(20):
        deadlines.frame_received(frame(number, number / 10))
    deadlines.frame_received(frame(20, 9.0))
    deadlines.frame_received(frame(0, 9.1))  # a new capture process counts from 0
    assert deadlines.frame_timeout_s == pytest.approx(0.3)


@pytest.mark.parametrize(("fps", "timeout_s"), [(1000, MIN_S), (0.1, MAX_S)])
def test_the_timeout_has_a_minimum_and_a_maximum(fps: float, timeout_s: float) -> None:
    assert Deadlines(fps).frame_timeout_s == timeout_s


def test_the_timeout_counts_from_the_capture_of_the_last_frame(clock: Clock) -> None:
    deadlines = Deadlines(2)
    now_s = clock.now_ns / 1e9
    deadlines.frame_received(frame(0, now_s))
    assert deadlines.remaining_s() == pytest.approx(1.5 * (1 - REPORT_SHARE))
    deadlines.frame_received(frame(1, now_s - 1.0))
    assert deadlines.remaining_s() == pytest.approx(1.5 * (1 - REPORT_SHARE) - 1.0)
    deadlines.frame_received(frame(2, now_s - 60))
    assert deadlines.remaining_s() == MIN_REMAINING_S
    deadlines.restart(clock.now_ns)
    assert deadlines.remaining_s() == pytest.approx(1.5 * (1 - REPORT_SHARE))


@pytest.mark.parametrize(("delay_s", "counted_s"), [(0.08, 0.08), (0.1, 0.1), (0.4, 0.1)])
def test_a_delay_of_every_frame_is_allowed_for_up_to_one_period(
    clock: Clock, delay_s: float, counted_s: float
) -> None:
    deadlines = Deadlines(10)
    for number in range(5):
        busy_s = 0.2 * (number == 3)  # the detector took it late, which is no delay of the camera
        deadlines.frame_received(frame(number, clock.now_ns / 1e9 - delay_s - busy_s))
    left_s = 0.3 * (1 - REPORT_SHARE) - delay_s + counted_s
    assert deadlines.remaining_s() == pytest.approx(max(MIN_REMAINING_S, left_s))


def test_the_timeout_counts_from_the_last_sight_if_a_frame_repeats_it(clock: Clock) -> None:
    deadlines = Deadlines(10)
    for number in range(5):  # each comes one period late, as from H.264
        deadlines.frame_received(frame(number, clock.now_ns / 1e9 - 0.1))
        clock.now_ns += 100_000_000
    deadlines.frame_repeated(clock.now_ns - 250_000_000)
    assert deadlines.remaining_s() == pytest.approx(0.3 * (1 - REPORT_SHARE) - 0.25)
    deadlines.frame_received(frame(5, clock.now_ns / 1e9 - 0.1))
    assert deadlines.remaining_s() == pytest.approx(0.3 * (1 - REPORT_SHARE))


def test_the_next_frame_is_due_after_three_periods_or_later_if_passes_take_longer() -> None:
    deadlines = Deadlines(fps=30)
    assert deadlines.next_pass_s == deadlines.next_frame_s == 0.1
    for n in range(1, 10):
        deadlines.frame_received(frame(n, n * 0.06))
        deadlines.frame_processed((n + 1) * 60_000_000, inferred=True)
    assert deadlines.next_pass_s == deadlines.next_frame_s == 0.1
    for n in range(1, 20):
        deadlines.frame_received(frame(9 + n, 0.54 + n * 0.2))
        deadlines.frame_processed(540_000_000 + (n + 1) * 200_000_000, inferred=True)
    assert deadlines.next_pass_s == pytest.approx(0.3)
    assert deadlines.next_frame_s == pytest.approx(0.3)


def test_frames_without_a_pass_do_not_delay_the_next_deadline() -> None:
    deadlines = Deadlines(fps=30, wait_s=0.2)
    for n in range(40):  # a pass of 60 ms on every tenth frame
        deadlines.frame_received(frame(n, n * 0.04))
        inferred = n % 10 == 0
        deadlines.frame_processed(
            n * 40_000_000 + (60_000_000 if inferred else 5_000_000), inferred=inferred
        )
    assert deadlines.next_frame_s == pytest.approx(0.1)
    assert deadlines.next_pass_s == pytest.approx(0.6)
    assert deadlines.pass_age_s == pytest.approx(0.305)


@given(period_ms=st.integers(10, 50), pass_ms=st.integers(1, 500))
def test_the_deadline_of_the_next_frame_is_after_its_arrival(period_ms: int, pass_ms: int) -> None:
    deadlines = Deadlines(1000 / period_ms)
    deadlines.frame_received(frame(0, 0.0))
    deadlines.frame_processed(0, inferred=False)
    deadlines.frame_received(frame(1, period_ms / 1e3))
    deadlines.frame_processed((period_ms + pass_ms) * 1_000_000, inferred=True)
    comes_s = (period_ms + pass_ms) / 1e3
    assert deadlines.next_frame_s > comes_s - 1e-9


def test_the_next_pass_is_due_after_the_time_that_new_belt_may_wait() -> None:
    assert Deadlines(10, wait_s=0.2).next_pass_s == pytest.approx(0.5)
    assert Deadlines(10).next_pass_s == pytest.approx(0.3)
