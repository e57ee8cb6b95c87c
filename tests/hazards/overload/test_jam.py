"""A jam: stationary material over a window of running time, with hysteresis."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hazards.overload.jam import JamMonitor
from detector.profile.belt_load import Jam

STEP_NS = 50_000_000
LIMITS = Jam(raise_at=0.4, release_at=0.15, watch_s=1.0)
WINDOW = 21
"""Evaluations that span one second."""


def states_of(
    jam: JamMonitor, shares: Sequence[float | None], from_step: int = 0
) -> list[bool | None]:
    return [jam.update(s, (from_step + n) * STEP_NS) for n, s in enumerate(shares)]


def test_the_state_is_unknown_until_the_window_is_full() -> None:
    states = states_of(JamMonitor(LIMITS), [0.0] * WINDOW)
    assert states == [None] * (WINDOW - 1) + [False]


def test_a_jam_is_raised_over_the_window_and_cleared_below_the_release() -> None:
    jam = JamMonitor(LIMITS)
    states_of(jam, [0.0] * WINDOW)
    states = states_of(jam, [0.8] * WINDOW, WINDOW)
    assert 8 <= states.index(True) <= 12
    assert set(states_of(jam, [0.25] * 40, 2 * WINDOW)) == {True}
    assert states_of(jam, [0.0] * WINDOW, 40 + 2 * WINDOW)[-1] is False


def test_material_that_is_stationary_for_a_moment_is_not_a_jam() -> None:
    jam = JamMonitor(LIMITS)
    states_of(jam, [0.0] * WINDOW)
    assert True not in states_of(jam, [1.0] * 7 + [0.0] * 40, WINDOW)


def test_state_and_running_time_do_not_advance_while_nothing_can_be_measured() -> None:
    jam = JamMonitor(LIMITS)
    states_of(jam, [0.9] * WINDOW)
    assert set(states_of(jam, [None] * 500, WINDOW)) == {True}
    fresh = JamMonitor(LIMITS)
    states_of(fresh, [0.9] * 5)
    assert set(states_of(fresh, [None] * 500, 5)) == {None}


def test_the_cue_gives_the_share_of_stationary_material_and_the_limits() -> None:
    jam = JamMonitor(LIMITS)
    states_of(jam, [0.5] * WINDOW)
    cue = jam.cue()
    assert cue.name == "stationary_material"
    assert cue.share == pytest.approx(0.5)
    assert (cue.raised_at, cue.cleared_below, cue.over_s) == (0.4, 0.15, 1.0)


SHARES = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=120)


@given(SHARES)
def test_a_jam_is_raised_above_its_limit_and_cleared_below_its_release(
    shares: list[float | None],
) -> None:
    jam = JamMonitor(LIMITS)
    before: bool | None = None
    for n, share in enumerate(shares):
        state = jam.update(share, n * STEP_NS)
        stationary = jam.cue().share
        if state and not before:
            assert stationary >= LIMITS.raise_at - 1e-3
        if before and state is False:
            assert stationary <= LIMITS.release_at + 1e-3
        assert 0 <= stationary <= 1
        before = state


@given(st.lists(st.floats(0, LIMITS.raise_at - 0.01), min_size=1, max_size=120))
def test_less_than_the_limit_never_raises_a_jam(shares: list[float]) -> None:
    assert True not in states_of(JamMonitor(LIMITS), shares)
