from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.live_edge import BELIEVED_AFTER_S, LiveEdge

PERIODS_S = st.sampled_from([1 / 5, 1 / 15, 1 / 25, 1 / 30, 1 / 60])


def admitted(edge: LiveEdge, images: Iterable[tuple[float, float | None]]) -> list[bool]:
    return [edge.is_live(arrived_s, taken_s) for arrived_s, taken_s in images]


def paced(start: tuple[float, float], period_s: float, count: int) -> list[tuple[float, float]]:
    """Arrival and capture times of images that arrive at the rate of capture."""
    return [(start[0] + i * period_s, start[1] + i * period_s) for i in range(count)]


def burst(
    start: tuple[float, float], period_s: float, count: int, decode_s: float
) -> list[tuple[float, float]]:
    """Arrival and capture times of queued images: they arrive as fast as they are decoded."""
    return [(start[0] + i * decode_s, start[1] + i * period_s) for i in range(count)]


@given(PERIODS_S, st.integers(2, 60), st.floats(0.001, 0.006))
def test_images_queued_before_the_connection_are_not_live_and_later_ones_are(
    period_s: float, queued: int, decode_s: float
) -> None:
    edge = LiveEdge()
    edge.is_live(0.0, 0.0)  # an earlier image, so that the burst is recognised from its first one
    old = burst((decode_s, period_s), period_s, queued, decode_s)
    assert not any(admitted(edge, old))
    last_arrived_s, last_taken_s = old[-1]
    now = paced((last_arrived_s + period_s, last_taken_s + period_s), period_s, 20)
    assert all(admitted(edge, now))


@given(PERIODS_S, st.lists(st.floats(-0.2, 0.2), min_size=20, max_size=20))
def test_images_with_jitter_are_all_live(period_s: float, jitter: list[float]) -> None:
    edge = LiveEdge()
    edge.is_live(0.0, 0.0)
    images = [
        ((i + 1 + late) * period_s, (i + 1) * period_s) for i, late in enumerate(jitter, start=1)
    ]
    assert all(admitted(edge, images))


@pytest.mark.parametrize("carries_time", [True, False])
def test_after_a_hang_the_images_queued_during_it_are_not_live(carries_time: bool) -> None:
    edge = LiveEdge()
    admitted(edge, paced((0.0, 0.0), 0.04, 25))
    # Nothing arrives for 1.2 s, in which 30 images are captured; then all arrive at once.
    old = burst((2.16, 1.0), 0.04, 30, 0.003)
    now = paced((2.29, 2.2), 0.04, 10)
    times = [(arrived, taken if carries_time else None) for arrived, taken in old + now]
    found = admitted(edge, times)
    assert found == [False] * 30 + [True] * 10


def test_a_camera_that_captured_nothing_for_a_while_is_live_at_once() -> None:
    edge = LiveEdge()
    admitted(edge, paced((0.0, 0.0), 0.04, 25))
    assert all(admitted(edge, paced((3.0, 3.0), 0.04, 5)))


@pytest.mark.parametrize("period_s", [0.02, 0.2, 1.0])
def test_a_camera_without_timestamps_is_live_from_its_second_image(
    period_s: float,
) -> None:
    edge = LiveEdge()
    arrivals = accumulate(repeat(period_s, 20))
    assert admitted(edge, ((each, None) for each in arrivals)) == [False] + [True] * 19


def test_a_camera_that_changes_to_a_slow_rate_loses_one_image() -> None:
    edge = LiveEdge()
    admitted(edge, ((i * 0.04, None) for i in range(25)))
    assert admitted(edge, ((2.0 + i, None) for i in range(6))) == [False] + [True] * 5


def test_a_camera_whose_timestamps_run_too_fast_is_live_after_a_while() -> None:
    edge = LiveEdge()
    found = admitted(edge, ((i * 0.04, i * 0.12) for i in range(100)))
    first = found.index(True)
    assert first * 0.04 == pytest.approx(BELIEVED_AFTER_S, abs=0.05)
    assert all(found[first:])


@pytest.mark.parametrize("jump_s", [-5.0, 3600.0])
def test_a_camera_whose_clock_is_set_stays_live(jump_s: float) -> None:
    edge = LiveEdge()
    admitted(edge, paced((0.0, 0.0), 0.04, 25))
    assert all(admitted(edge, paced((1.0, 1.0 + jump_s), 0.04, 25)))
