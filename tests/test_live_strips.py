"""A line that looks at the belt that is new: beats, watch and belt that outruns its looks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise
from typing import Any

from detector.vision.engine import EngineError
from detector.wire.messages import (
    Inference,
    VisionState,
)
from tests.fake_line import FakeWire, frame


def test_the_heart_beats_by_looks_and_by_no_frame_between_them(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(number, at_ms=number * 40) for number in range(26)])  # a second at 25 fps
    assert wire.beats == list(range(1, len(wire.beats) + 1))
    assert 7 <= len(wire.beats) <= 9  # three to begin with, then five a second


def test_each_frame_tells_that_the_line_is_watched_and_how_long_ago_the_last_look_was(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(number, at_ms=number * 40) for number in range(26)])
    told = [each for each in wire.sent if isinstance(each, Inference)]
    assert [each.frame_index for each in told] == list(range(26))
    assert [each.inferences for each in told if each.looked] == wire.beats
    assert all(each.look_age_ms == 0 for each in told if each.looked)
    assert {each.next_within_ms for each in told} == {300.0}  # three periods of its 10 fps
    assert {each.look_within_ms for each in told} == {500.0}
    for before, after in pairwise(told):
        if not after.looked:
            assert after.look_age_ms == before.look_age_ms + 40


def test_a_frame_that_nobody_could_look_at_tells_of_no_watch(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def look(_: Any) -> Any:
        raise EngineError("out of memory")

    work([frame(0), frame(1)], look)
    assert not any(isinstance(each, Inference) for each in wire.sent)


def test_a_belt_that_outruns_its_looks_is_degraded_sight_and_says_so(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    times_ms = [0, 40, 80, 120, 2500, 5000, *range(5040, 7000, 40)]  # 380 mm from look to look
    told = work([frame(number, at_ms=ms) for number, ms in enumerate(times_ms)])
    assert [vision for vision, _ in groupby(state.vision for state in wire.states()[1:-1])] == [
        VisionState.READY,
        VisionState.DEGRADED,
        VisionState.READY,
    ]
    assert "the belt runs faster than it is looked at" in told[1]
