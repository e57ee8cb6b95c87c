from __future__ import annotations

import select

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from detector.ingest.capture.latest_frame import FrameWriter, LatestFrame, Picture

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


class HandOver(RuleBasedStateMachine):
    """Writer and reader in any order, with writers that die at any point, against a model."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = LatestFrame()
        self.writer = FrameWriter(self.latest.new_writer())
        self.published = self.overwritten = self.dropped = 0
        self.waiting: int | None = None
        self.held: Picture | None = None

    @rule(size=sizes)
    def publish(self, size: tuple[int, int]) -> None:
        self.writer.room(*size)[:] = self.published % 251
        overwrote = self.writer.publish(self.published, self.published * 3, self.published * 5)
        assert overwrote == (self.waiting is not None)
        self.overwritten += overwrote
        self.waiting = self.published
        self.published += 1

    @rule()
    def take(self) -> None:
        picture = self.latest.take()
        assert (picture and picture.index) == self.waiting
        if picture is not None:
            assert (picture.t_mono_ns, picture.t_utc_ns) == (picture.index * 3, picture.index * 5)
        self.held, self.waiting = picture, None

    @rule(size=sizes)
    def die_while_writing(self, size: tuple[int, int]) -> None:
        self.writer.room(*size)[:] = 255
        self.replace()

    @precondition(lambda self: self.waiting is not None)
    @rule()
    def die_between_taking_back_and_writing(self) -> None:
        assert self.latest.take() is not None  # the token is gone, as the writer's own read
        self.latest.taken -= 1
        self.held = None
        self.replace()

    def replace(self) -> None:
        self.dropped += self.waiting is not None
        self.waiting = None
        self.writer = FrameWriter(self.latest.new_writer())

    @invariant()
    def every_picture_is_accounted_for(self) -> None:
        waiting = self.waiting is not None
        accounted = self.latest.taken + self.overwritten + self.dropped + waiting
        assert self.published == accounted

    @invariant()
    def the_picture_looked_at_does_not_change(self) -> None:
        if self.held is not None:
            assert np.all(self.held.image == self.held.index % 251)

    @invariant()
    def the_reader_can_sleep_until_there_is_one(self) -> None:
        waiting = select.poll()
        waiting.register(self.latest, select.POLLIN)
        assert bool(waiting.poll(0)) == (self.waiting is not None)

    def teardown(self) -> None:
        self.latest.close()


TestHandOver = HandOver.TestCase
TestHandOver.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_picture_is_read_only_and_outlives_the_hand_over() -> None:
    latest = LatestFrame()
    writer = FrameWriter(latest.new_writer())
    writer.room(4, 6)[:] = 9
    writer.publish(0, 0, 0)
    picture = latest.take()
    assert picture is not None
    latest.close()
    assert picture.image.shape == (4, 6, 3)
    assert np.all(picture.image == 9)
    with pytest.raises(ValueError, match="read-only"):
        picture.image[0] = 1


def test_no_picture_is_copied_on_its_way_and_no_memory_is_made_anew() -> None:
    latest = LatestFrame()
    writer = FrameWriter(latest.new_writer())
    places = set()
    for index in range(30):
        writer.room(4, 6)[:] = index
        writer.publish(index, 0, 0)
        picture = latest.take()
        assert picture is not None
        places.add(picture.image.ctypes.data)
    assert len(places) <= 3
    latest.close()
