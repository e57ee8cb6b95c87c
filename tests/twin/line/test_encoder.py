"""Encoder recordings: jitter, slip and wrap stay within their limits."""

from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.line.conditions import EncoderWheel, SpeedChange
from twin.line.drive import Drive
from twin.line.encoder import counts_at, samples

wheels = st.builds(
    EncoderWheel,
    counts_per_mm=st.floats(0.5, 50),
    rate_hz=st.floats(5, 500),
    jitter_us=st.floats(0, 10_000),
    slip=st.floats(0, 0.5),
)


@settings(max_examples=40)
@given(wheel=wheels, seed=st.integers(0, 99))
def test_timestamps_increase_and_counts_never_decrease_on_a_stop_and_go_belt(
    wheel: EncoderWheel, seed: int
) -> None:
    drive = Drive(500, [SpeedChange(at_s=1, speed_mm_s=0), SpeedChange(at_s=3, speed_mm_s=900)])
    recorded = list(islice(samples(wheel, drive, 5, seed), 3000))
    assert all(b["t_mono_ns"] > a["t_mono_ns"] for a, b in pairwise(recorded))
    assert all(b["counts"] >= a["counts"] for a, b in pairwise(recorded))
    assert recorded == list(islice(samples(wheel, drive, 5, seed), 3000))


@given(wheel=wheels, position_mm=st.floats(0, 1e6))
def test_a_wheel_loses_at_most_its_slip(wheel: EncoderWheel, position_mm: float) -> None:
    counted_mm = counts_at(wheel, position_mm) / wheel.counts_per_mm
    one = 1 / wheel.counts_per_mm
    # It alternately slips and grips: within one period it may be ahead of or behind the mean.
    assert counted_mm <= position_mm + 1e-6
    assert counted_mm >= position_mm * (1 - wheel.slip) - wheel.slip * 500 - one - 1e-6


@given(start=st.integers(0, 2**32 - 1), position_mm=st.floats(0, 5e6))
def test_count_differences_are_correct_across_a_wrap(start: int, position_mm: float) -> None:
    wheel = EncoderWheel(start=start, slip=0)
    moved = (counts_at(wheel, position_mm) - counts_at(wheel, 0)) % 2**32
    assert moved == int(position_mm * wheel.counts_per_mm)


def test_a_start_beyond_the_wrap_is_rejected() -> None:
    with pytest.raises(ValueError, match="start \\(5000\\) must be below wraps_at \\(4096\\)"):
        EncoderWheel(start=5000, wraps_at=4096)
