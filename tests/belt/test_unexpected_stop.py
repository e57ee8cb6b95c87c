"""A belt that is stopped against its order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.belt.now import BeltNow
from detector.belt.unexpected_stop import AFTER_NS, UnexpectedStop
from detector.vocabulary import SpeedBasis

FRAME_NS = 50_000_000
FRAMES = AFTER_NS // FRAME_NS


def belt(frame: int, speed_mm_s: float | None = 0.0, basis: SpeedBasis = "encoder") -> BeltNow:
    return BeltNow(0, frame * FRAME_NS, frame, 0.0, speed_mm_s, basis)


def test_an_unexpected_stop_is_raised_after_two_seconds_and_ends_when_the_belt_moves() -> None:
    watch = UnexpectedStop()
    raised = [watch.update(True, belt(frame)) for frame in range(FRAMES + 1)]
    assert raised == [False] * FRAMES + [True]
    assert watch.cue() == "ordered to run, stopped for 2 s"
    assert watch.update(True, belt(FRAMES + 1, 400.0)) is False


def test_a_belt_stopped_by_order_raises_nothing() -> None:
    watch = UnexpectedStop()
    assert {watch.update(False, belt(frame)) for frame in range(3 * FRAMES)} == {False}


def test_a_stop_order_restarts_the_time() -> None:
    watch = UnexpectedStop()
    for frame in range(FRAMES - 1):
        watch.update(True, belt(frame))
    watch.update(False, belt(FRAMES - 1))
    assert {watch.update(True, belt(frame)) for frame in range(FRAMES, 2 * FRAMES)} == {False}


def test_without_an_order_or_a_measured_speed_the_state_is_unknown() -> None:
    for order, now in (
        (None, belt(1)),
        (True, belt(1, 0.0, "profile")),
        (True, belt(1, None, "none")),
    ):
        watch = UnexpectedStop()
        assert {watch.update(order, now) for _ in range(3)} == {None}


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans()), max_size=150))
def test_an_unexpected_stop_is_raised_while_order_and_belt_disagree_for_long_enough(
    frames: list[tuple[bool | None, bool]],
) -> None:
    watch = UnexpectedStop()
    disagreed = 0
    for frame, (ordered, stopped) in enumerate(frames):
        disagreed = disagreed + 1 if ordered is True and stopped else 0
        raised = watch.update(ordered, belt(frame, 0.0 if stopped else 400.0))
        assert (raised is True) == (disagreed > FRAMES)
