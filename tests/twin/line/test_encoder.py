"""The counter of the belt's travel: what a reader of it has to cope with, and no more."""

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
def test_stamps_rise_and_counts_never_fall_on_a_belt_that_stops_and_goes(
    wheel: EncoderWheel, seed: int
) -> None:
    drive = Drive(500, [SpeedChange(at_s=1, speed_mm_s=0), SpeedChange(at_s=3, speed_mm_s=900)])
    told = list(islice(samples(wheel, drive, 5, seed), 3000))
    assert all(b["t_mono_ns"] > a["t_mono_ns"] for a, b in pairwise(told))
    assert all(b["counts"] >= a["counts"] for a, b in pairwise(told))
    assert told == list(islice(samples(wheel, drive, 5, seed), 3000))


@given(wheel=wheels, position_mm=st.floats(0, 1e6))
def test_a_wheel_loses_no_more_than_its_slip(wheel: EncoderWheel, position_mm: float) -> None:
    counted_mm = counts_at(wheel, position_mm) / wheel.counts_per_mm
    one = 1 / wheel.counts_per_mm
    # It slips and grips by turns: within one turn it may be ahead or behind of the mean.
    assert counted_mm <= position_mm + 1e-6
    assert counted_mm >= position_mm * (1 - wheel.slip) - wheel.slip * 500 - one - 1e-6


@given(start=st.integers(0, 2**32 - 1), position_mm=st.floats(0, 5e6))
def test_a_counter_wraps_and_its_differences_stay_true(start: int, position_mm: float) -> None:
    wheel = EncoderWheel(start=start, slip=0)
    moved = (counts_at(wheel, position_mm) - counts_at(wheel, 0)) % 2**32
    assert moved == int(position_mm * wheel.counts_per_mm)


def test_a_start_beyond_the_wrap_is_refused() -> None:
    with pytest.raises(ValueError, match="start \\(5000\\) must lie below wraps_at \\(4096\\)"):
        EncoderWheel(start=5000, wraps_at=4096)
