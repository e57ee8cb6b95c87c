from __future__ import annotations

import select

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from detector.ingest.capture.latest_frame import FrameWriter, LatestFrame, StampedImage

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


class HandOver(RuleBasedStateMachine):
    """Writer and reader in any order, with writers that die at any point, compared with a model."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = LatestFrame()
        self.writer = FrameWriter(self.latest.new_writer())
        self.published = self.overwritten = self.dropped = 0
        self.waiting: int | None = None
        self.held: StampedImage | None = None

    @rule(size=sizes)
    def publish(self, size: tuple[int, int]) -> None:
        self.writer.buffer(*size)[:] = self.published % 251
        overwrote = self.writer.publish(self.published, self.published * 3, self.published * 5)
        assert overwrote == (self.waiting is not None)
        self.overwritten += overwrote
        self.waiting = self.published
        self.published += 1

    @rule()
    def pop(self) -> None:
        stamped = self.latest.pop()
        assert (stamped and stamped.index) == self.waiting
        if stamped is not None:
            assert stamped.t_mono_ns == stamped.index * 3
            assert stamped.t_utc_ns == stamped.index * 5
        self.held, self.waiting = stamped, None

    @rule(size=sizes)
    def die_while_writing(self, size: tuple[int, int]) -> None:
        self.writer.buffer(*size)[:] = 255
        self.replace()

    @precondition(lambda self: self.waiting is not None)
    @rule()
    def die_between_taking_back_and_writing(self) -> None:
        assert self.latest.pop() is not None  # the token is gone, as the writer's own read
        self.latest.popped -= 1
        self.held = None
        self.replace()

    def replace(self) -> None:
        self.dropped += self.waiting is not None
        self.waiting = None
        self.writer = FrameWriter(self.latest.new_writer())

    @invariant()
    def every_image_is_accounted_for(self) -> None:
        waiting = self.waiting is not None
        accounted = self.latest.popped + self.overwritten + self.dropped + waiting
        assert self.published == accounted

    @invariant()
    def the_image_in_use_does_not_change(self) -> None:
        if self.held is not None:
            assert np.all(self.held.image == self.held.index % 251)

    @invariant()
    def the_reader_can_wait_for_an_image(self) -> None:
        waiting = select.poll()
        waiting.register(self.latest, select.POLLIN)
        assert bool(waiting.poll(0)) == (self.waiting is not None)

    def teardown(self) -> None:
        self.latest.close()


TestHandOver = HandOver.TestCase
TestHandOver.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_an_image_is_read_only_and_outlives_its_buffers() -> None:
    latest = LatestFrame()
    writer = FrameWriter(latest.new_writer())
    writer.buffer(4, 6)[:] = 9
    writer.publish(0, 0, 0)
    stamped = latest.pop()
    assert stamped is not None
    latest.close()
    assert stamped.image.shape == (4, 6, 3)
    assert np.all(stamped.image == 9)
    with pytest.raises(ValueError, match="read-only"):
        stamped.image[0] = 1


def test_images_are_not_copied_and_memory_is_reused() -> None:
    latest = LatestFrame()
    writer = FrameWriter(latest.new_writer())
    addresses = set()
    for index in range(30):
        writer.buffer(4, 6)[:] = index
        writer.publish(index, 0, 0)
        stamped = latest.pop()
        assert stamped is not None
        addresses.add(stamped.image.ctypes.data)
    assert len(addresses) <= 3
    latest.close()
