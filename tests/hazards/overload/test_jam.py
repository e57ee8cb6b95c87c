"""Material that hangs: the watch over what stands, and its hysteresis."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hazards.overload.jam import JamWatch
from detector.profile.belt_load import Jam

LOOK_NS = 50_000_000
LIMITS = Jam(raise_at=0.4, release_at=0.15, watch_s=1.0)
WATCHED = 21
"""Looks that span a second."""


def after(watch: JamWatch, shares: Sequence[float | None], from_look: int = 0) -> list[bool | None]:
    return [watch.watch(s, (from_look + n) * LOOK_NS) for n, s in enumerate(shares)]


def test_until_it_has_watched_long_enough_nothing_is_clear() -> None:
    states = after(JamWatch(LIMITS), [0.0] * WATCHED)
    assert states == [None] * (WATCHED - 1) + [False]


def test_a_jam_is_raised_over_its_time_and_holds_until_little_stands() -> None:
    watch = JamWatch(LIMITS)
    after(watch, [0.0] * WATCHED)
    states = after(watch, [0.8] * WATCHED, WATCHED)
    assert 8 <= states.index(True) <= 12
    assert set(after(watch, [0.25] * 40, 2 * WATCHED)) == {True}
    assert after(watch, [0.0] * WATCHED, 40 + 2 * WATCHED)[-1] is False


def test_what_stands_for_a_moment_is_no_jam() -> None:
    watch = JamWatch(LIMITS)
    after(watch, [0.0] * WATCHED)
    assert True not in after(watch, [1.0] * 7 + [0.0] * 40, WATCHED)


def test_while_nothing_can_be_told_the_state_and_its_time_stand_still() -> None:
    watch = JamWatch(LIMITS)
    after(watch, [0.9] * WATCHED)
    assert set(after(watch, [None] * 500, WATCHED)) == {True}
    fresh = JamWatch(LIMITS)
    after(fresh, [0.9] * 5)
    assert set(after(fresh, [None] * 500, 5)) == {None}


def test_the_cue_says_how_much_stands_and_from_where_on_it_speaks() -> None:
    watch = JamWatch(LIMITS)
    after(watch, [0.5] * WATCHED)
    cue = watch.cue()
    assert cue.name == "standing_material"
    assert cue.share == pytest.approx(0.5)
    assert (cue.raised_at, cue.cleared_below, cue.over_s) == (0.4, 0.15, 1.0)


SHARES = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=120)


@given(SHARES)
def test_a_jam_is_raised_only_where_enough_stood_and_never_ends_while_it_does(
    shares: list[float | None],
) -> None:
    watch = JamWatch(LIMITS)
    before: bool | None = None
    for n, share in enumerate(shares):
        state = watch.watch(share, n * LOOK_NS)
        stands = watch.cue().share
        if state and not before:
            assert stands >= LIMITS.raise_at - 1e-3
        if before and state is False:
            assert stands <= LIMITS.release_at + 1e-3
        assert 0 <= stands <= 1
        before = state


@given(st.lists(st.floats(0, LIMITS.raise_at - 0.01), min_size=1, max_size=120))
def test_less_than_the_limit_never_raises(shares: list[float]) -> None:
    assert True not in after(JamWatch(LIMITS), shares)
