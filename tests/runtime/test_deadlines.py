from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import Frame
from detector.runtime.deadlines import MIN_REMAINING_S, MIN_S, MAX_S, Deadlines
from tests.fake_line import Clock


def frame(index: int, t_s: float) -> Frame:
    t_ns = round(t_s * 1e9)
    return Frame(np.zeros((2, 2, 3), np.uint8), index, t_ns, t_ns, "grab", "belt")


def test_the_profiles_rate_counts_from_the_first_picture_on() -> None:
    assert Deadlines(10).whole_s == pytest.approx(0.3)


def test_without_a_rate_the_first_pictures_are_given_time() -> None:
    assert Deadlines(None).whole_s == MAX_S


@given(fps=st.floats(3, 25), skipped=st.integers(1, 4))
def test_a_cameras_own_rate_is_learned_from_its_stamps_whatever_was_skipped(
    fps: float, skipped: int
) -> None:
    patience = Deadlines(None)
    for number in range(10):
        patience.met(frame(number * skipped, number * skipped / fps))
    assert patience.whole_s == pytest.approx(max(MIN_S, 3 / fps), rel=1e-6)


def test_a_hiccup_and_a_restart_do_not_make_it_longer() -> None:
    patience = Deadlines(None)
    for number in range(20):
        patience.met(frame(number, number / 10))
    patience.met(frame(20, 9.0))
    patience.met(frame(0, 9.1))  # a capture process that counts anew
    assert patience.whole_s == pytest.approx(0.3)


@pytest.mark.parametrize(("fps", "whole_s"), [(1000, MIN_S), (0.1, MAX_S)])
def test_it_has_a_least_and_a_most(fps: float, whole_s: float) -> None:
    assert Deadlines(fps).whole_s == whole_s


def test_it_counts_from_the_capture_of_the_last_picture(clock: Clock) -> None:
    patience = Deadlines(2)
    now_s = clock.now_ns / 1e9
    patience.met(frame(0, now_s - 1.0))
    assert patience.left_s() == pytest.approx(0.5)
    patience.met(frame(1, now_s - 60))
    assert patience.left_s() == MIN_REMAINING_S
    patience.begin(clock.now_ns)
    assert patience.left_s() == pytest.approx(1.5)


def test_the_next_frame_is_due_after_three_periods_or_later_where_looks_take_longer() -> None:
    patience = Deadlines(fps=30)
    assert patience.next_look_s == patience.next_frame_s == 0.1
    for n in range(1, 10):
        patience.met(frame(n, n * 0.06))
        patience.dealt_with((n + 1) * 60_000_000, looked=True)
    assert patience.next_look_s == patience.next_frame_s == 0.1
    for n in range(1, 20):
        patience.met(frame(9 + n, 0.54 + n * 0.2))
        patience.dealt_with(540_000_000 + (n + 1) * 200_000_000, looked=True)
    assert patience.next_look_s == pytest.approx(0.3)
    assert patience.next_frame_s == pytest.approx(0.3)


def test_frames_between_looks_make_the_next_frame_due_no_later() -> None:
    patience = Deadlines(fps=30, wait_s=0.2)
    for n in range(40):  # a look of 60 ms in every tenth frame
        patience.met(frame(n, n * 0.04))
        looked = n % 10 == 0
        patience.dealt_with(n * 40_000_000 + (60_000_000 if looked else 5_000_000), looked=looked)
    assert patience.next_frame_s == pytest.approx(0.1)
    assert patience.next_look_s == pytest.approx(0.6)
    assert patience.look_age_s == pytest.approx(0.305)


@given(period_ms=st.integers(10, 50), look_ms=st.integers(1, 500))
def test_the_next_frame_is_due_no_sooner_than_it_comes(period_ms: int, look_ms: int) -> None:
    patience = Deadlines(1000 / period_ms)
    patience.met(frame(0, 0.0))
    patience.dealt_with(0, looked=False)
    patience.met(frame(1, period_ms / 1e3))
    patience.dealt_with((period_ms + look_ms) * 1_000_000, looked=True)
    comes_s = (period_ms + look_ms) / 1e3
    assert patience.next_frame_s > comes_s - 1e-9


def test_the_next_look_is_due_after_what_new_belt_may_wait() -> None:
    assert Deadlines(10, wait_s=0.2).next_look_s == pytest.approx(0.5)
    assert Deadlines(10).next_look_s == pytest.approx(0.3)
