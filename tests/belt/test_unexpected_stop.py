"""A belt that stands although it is ordered to run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.belt.motion import Basis
from detector.belt.now import BeltNow
from detector.belt.unexpected_stop import AFTER_NS, UnexpectedStop

LOOK_NS = 50_000_000
LOOKS = AFTER_NS // LOOK_NS


def belt(look: int, speed_mm_s: float | None = 0.0, basis: Basis = "encoder") -> BeltNow:
    return BeltNow(0, look * LOOK_NS, look, 0.0, speed_mm_s, basis)


def test_it_is_told_after_two_seconds_and_ends_when_the_belt_moves() -> None:
    watch = UnexpectedStop()
    told = [watch.update(True, belt(look)) for look in range(LOOKS + 1)]
    assert told == [False] * LOOKS + [True]
    assert watch.cue() == "ordered to run, stands for 2 s"
    assert watch.update(True, belt(LOOKS + 1, 400.0)) is False


def test_a_belt_that_stands_by_order_alarms_nobody() -> None:
    watch = UnexpectedStop()
    assert {watch.update(False, belt(look)) for look in range(3 * LOOKS)} == {False}


def test_a_stop_by_order_begins_the_time_anew() -> None:
    watch = UnexpectedStop()
    for look in range(LOOKS - 1):
        watch.update(True, belt(look))
    watch.update(False, belt(LOOKS - 1))
    assert {watch.update(True, belt(look)) for look in range(LOOKS, 2 * LOOKS)} == {False}


def test_without_an_order_or_a_measured_speed_nothing_is_known() -> None:
    for order, now in (
        (None, belt(1)),
        (True, belt(1, 0.0, "profile")),
        (True, belt(1, None, "none")),
    ):
        watch = UnexpectedStop()
        assert {watch.update(order, now) for _ in range(3)} == {None}


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans()), max_size=150))
def test_it_is_told_exactly_where_order_and_belt_have_disagreed_for_long_enough(
    looks: list[tuple[bool | None, bool]],
) -> None:
    watch = UnexpectedStop()
    disagreed = 0
    for look, (ordered, stands) in enumerate(looks):
        disagreed = disagreed + 1 if ordered is True and stands else 0
        told = watch.update(ordered, belt(look, 0.0 if stands else 400.0))
        assert (told is True) == (disagreed > LOOKS)
