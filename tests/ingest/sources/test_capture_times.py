from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.capture_times import LONGEST_TRANSIT_S, Arrival, CaptureTimes
from detector.vocabulary import StampSource

PERIODS_S = st.sampled_from([1 / 5, 1 / 15, 1 / 30])
WAY_S = 0.01
"""An image's shortest way."""
SETTLED_S = 3.0


def dated(
    jitter: list[float],
    period_s: float,
    *,
    rate: float = 1.0,
    behind_s: float | None = None,
) -> list[tuple[float, float, StampSource]]:
    """True capture, its date, and what from, of images whose way takes WAY_S and the jitter.

    rate: of the media clock. behind_s: of the sender's time of day; None: it tells none.
    """
    times = CaptureTimes()
    found = []
    begun_s = 0.0
    for place, late in enumerate(jitter):
        taken_s = 100.0 + place * period_s
        begun_s = max(begun_s + 1e-4, taken_s + WAY_S + late)
        sent_s = None if behind_s is None else taken_s - behind_s
        captured_s = times.captured_s(Arrival(begun_s, 5000 + taken_s * rate, sent_s))
        assert captured_s <= begun_s
        found.append((taken_s, captured_s, times.source))
    return found


def in_a_network(seed: int) -> list[float]:
    """Delays of images; each fourth has none."""
    late = np.random.default_rng(seed).uniform(0, 0.05, 120)
    late[::4] = 0
    return [float(each) for each in late]


JITTER = st.integers(0, 1000).map(in_a_network)


@given(PERIODS_S, JITTER)
def test_the_media_clock_removes_the_networks_jitter(period_s: float, jitter: list[float]) -> None:
    for taken_s, captured_s, source in dated(jitter, period_s):
        if taken_s >= 100 + SETTLED_S:
            assert source is StampSource.MEDIA_CLOCK
            assert captured_s == pytest.approx(taken_s + WAY_S, abs=1e-6)


@given(PERIODS_S, JITTER)
def test_the_senders_clock_also_removes_the_shortest_way(
    period_s: float, jitter: list[float]
) -> None:
    for taken_s, captured_s, source in dated(jitter, period_s, behind_s=0.0):
        if taken_s >= 100 + SETTLED_S:
            assert source is StampSource.SENDER_CLOCK
            assert captured_s == pytest.approx(taken_s, abs=1e-6)


@given(JITTER, st.sampled_from([-1e9, -3600, -0.1, LONGEST_TRANSIT_S, 7200, 1e9]))
def test_a_senders_clock_that_is_wrong_is_not_used(jitter: list[float], behind_s: float) -> None:
    for taken_s, captured_s, source in dated(jitter, 0.1, behind_s=behind_s):
        if taken_s >= 100 + SETTLED_S:
            assert source is StampSource.MEDIA_CLOCK
            assert captured_s == pytest.approx(taken_s + WAY_S, abs=1e-6)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 3.0])
def test_a_media_clock_of_a_wrong_rate_is_not_used(rate: float) -> None:
    for taken_s, captured_s, source in dated([0.0] * 100, 0.1, rate=rate):
        if taken_s >= 100 + SETTLED_S:
            assert source is StampSource.ARRIVAL
            assert captured_s == pytest.approx(taken_s + WAY_S)


@given(
    st.lists(
        st.tuples(
            st.floats(1e-4, 3), st.none() | st.floats(-1e6, 1e6), st.none() | st.floats(-1e6, 1e6)
        ),
        max_size=60,
    )
)
def test_dates_advance_and_are_never_after_the_arrival(
    images: list[tuple[float, float | None, float | None]],
) -> None:
    times = CaptureTimes()
    begun_s = last_s = 0.0
    for waited_s, taken_s, sent_s in images:
        begun_s += waited_s
        captured_s = times.captured_s(Arrival(begun_s, taken_s, sent_s))
        assert last_s < captured_s <= begun_s
        last_s = captured_s


def test_the_intervals_are_stretched_and_not_reversed_when_the_senders_clock_is_first_used() -> (
    None
):
    times, stamps = CaptureTimes(), []
    for place in range(100):
        taken_s = place / 30
        sent_s = taken_s if place >= 75 else None
        stamps.append(times.captured_s(Arrival(taken_s + 0.2, taken_s, sent_s)))
    intervals = [after - before for before, after in pairwise(stamps)]
    assert min(intervals) == pytest.approx(0.5 / 30)
    assert max(intervals[85:]) == pytest.approx(1 / 30)
    assert stamps[-1] == pytest.approx(99 / 30)


def test_a_media_clock_that_stood_still_in_a_pause_does_not_make_later_images_old() -> None:
    times = CaptureTimes()
    for place in range(50):
        times.captured_s(Arrival(place / 10, place / 10))
    after_s = [
        times.captured_s(Arrival(9 + place / 10, 5 + place / 10), restart=place == 0)
        for place in range(5)
    ]
    assert after_s == pytest.approx([9 + place / 10 for place in range(5)])
