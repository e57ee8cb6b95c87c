"""Position and speed of the belt over time: never backwards, and consistent with its inverse."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.line.conditions import SpeedChange
from twin.line.drive import Drive

speeds = st.floats(1, 3000) | st.just(0.0)
steps = st.tuples(st.floats(0, 20), speeds, st.floats(0, 5))


def drive(first: float, given_steps: list[tuple[float, float, float]]) -> Drive:
    changes, ready_s = [], 0.0
    for wait_s, speed, over_s in given_steps:
        changes.append(SpeedChange(at_s=ready_s + wait_s, speed_mm_s=speed, over_s=over_s))
        ready_s += wait_s + over_s
    return Drive(first, changes)


@given(
    first=speeds, changes=st.lists(steps, max_size=6), times=st.lists(st.floats(0, 200), min_size=2)
)
def test_a_belt_never_runs_backwards(
    first: float, changes: list[tuple[float, float, float]], times: list[float]
) -> None:
    belt = drive(first, changes)
    places = [belt.position_at(t) for t in sorted(times)]
    assert all(b >= a - 1e-6 for a, b in pairwise(places))
    assert all(belt.speed_at(t) >= -1e-9 for t in times)


@given(first=speeds, changes=st.lists(steps, max_size=6), t_s=st.floats(0, 200))
def test_time_at_inverts_position_at(
    first: float, changes: list[tuple[float, float, float]], t_s: float
) -> None:
    belt = drive(first, changes)
    place = belt.position_at(t_s)
    reached = belt.time_at(place)
    # A position beyond the final stop by a rounding error is never reached.
    if reached is not None:
        assert reached <= t_s + 1e-3
        assert belt.position_at(reached) == pytest.approx(place, abs=1e-3)


def test_a_belt_that_stops_for_good_never_reaches_further_positions() -> None:
    belt = Drive(400, [SpeedChange(at_s=2, speed_mm_s=0, over_s=1)])
    assert belt.position_at(10) == 1000
    assert belt.time_at(1000.1) is None
    assert belt.time_at(-1) is None
    assert belt.time_at(900) == pytest.approx(2 + (400 - 80000**0.5) / 400)
    assert not belt.steady
    assert Drive(400).steady


def test_the_run_signal_reports_the_order_and_not_the_motion() -> None:
    belt = Drive(
        400,
        [
            SpeedChange(at_s=2, speed_mm_s=0),
            SpeedChange(at_s=5, speed_mm_s=400),
            SpeedChange(at_s=8, speed_mm_s=0, ordered=True),
        ],
    )
    assert [belt.run_signal_at(t) for t in (0, 2, 5, 9)] == [True, False, True, True]
    assert belt.speed_at(9) == 0
