"""A line with passes over strips: heartbeats, deadlines, a belt that outruns the passes."""

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


def test_the_heartbeat_advances_with_passes_and_not_with_frames_between_them(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(number, at_ms=number * 40) for number in range(26)])  # a second at 25 fps
    assert wire.beats == list(range(1, len(wire.beats) + 1))
    assert 7 <= len(wire.beats) <= 9  # three to begin with, then five a second


def test_each_frame_publishes_its_deadlines_and_the_age_of_the_last_pass(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(number, at_ms=number * 40) for number in range(26)])
    messages = [each for each in wire.sent if isinstance(each, Inference)]
    assert [each.frame_index for each in messages] == list(range(26))
    assert [each.inferences for each in messages if each.inferred] == wire.beats
    assert all(each.pass_age_ms == 0 for each in messages if each.inferred)
    assert {each.next_within_ms for each in messages} == {300.0}  # three periods of its 10 fps
    assert {each.pass_within_ms for each in messages} == {500.0}
    for before, after in pairwise(messages):
        if not after.inferred:
            assert after.pass_age_ms == before.pass_age_ms + 40


def test_a_frame_whose_pass_failed_publishes_no_inference_message(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def fail(_: Any) -> Any:
        raise EngineError("out of memory")

    work([frame(0), frame(1)], fail)
    assert not any(isinstance(each, Inference) for each in wire.sent)


def test_a_belt_that_outruns_the_passes_degrades_vision_with_the_reason(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    times_ms = [0, 40, 80, 120, 2500, 5000, *range(5040, 7000, 40)]  # 380 mm from pass to pass
    log = work([frame(number, at_ms=ms) for number, ms in enumerate(times_ms)])
    assert [vision for vision, _ in groupby(state.vision for state in wire.states()[1:-1])] == [
        VisionState.READY,
        VisionState.DEGRADED,
        VisionState.READY,
    ]
    assert "the belt outruns the inference passes" in log[1]
