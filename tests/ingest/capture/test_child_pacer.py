from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.capture import child

FPS = 100
PERIOD_NS = 10_000_000


class Clock:
    """Replaces the module `time`."""

    now_ns = 1_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def play(work_ns: list[int], stamps_ns: list[int] | None = None) -> tuple[list[int], list[bool]]:
    """When each image is shown (ns after the first), and whether in time.

    `stamps_ns`: a list to which their timestamps are appended.
    """
    clock, shown_ns, in_time = Clock(), [], []
    with patch.object(child, "time", clock):
        pacer = child.Pacer(FPS)
        for work in work_ns:
            clock.now_ns += work
            in_time.append(pacer.wait())
            shown_ns.append(clock.now_ns)
            if stamps_ns is not None:
                stamps_ns.append(pacer.due_ns)
    return [at_ns - shown_ns[0] for at_ns in shown_ns], in_time


@given(work_ns=st.lists(st.integers(0, PERIOD_NS), min_size=1))
def test_a_fast_enough_machine_shows_every_image_when_it_is_due(work_ns: list[int]) -> None:
    shown_ns, in_time = play(work_ns)
    assert shown_ns == [index * PERIOD_NS for index in range(len(work_ns))]
    assert all(in_time)


@given(work_ns=st.lists(st.integers(0, 5 * PERIOD_NS), min_size=1))
def test_no_image_is_early_and_every_delay_is_reported(work_ns: list[int]) -> None:
    shown_ns, in_time = play(work_ns)
    shift_ns = 0
    for index, (at_ns, on_beat) in enumerate(zip(shown_ns, in_time, strict=True)):
        behind_ns = at_ns - index * PERIOD_NS - shift_ns
        assert behind_ns >= 0
        assert on_beat == (behind_ns <= PERIOD_NS)
        if not on_beat:
            shift_ns += behind_ns


@given(work_ns=st.lists(st.integers(0, 5 * PERIOD_NS), min_size=2))
def test_timestamps_are_a_period_apart_even_if_images_are_ready_late(work_ns: list[int]) -> None:
    stamps_ns: list[int] = []
    shown_ns, in_time = play(work_ns, stamps_ns)
    first_ns = stamps_ns[0]
    for index, on_beat in enumerate(in_time[1:], start=1):
        assert stamps_ns[index] - first_ns <= shown_ns[index]
        apart_ns = stamps_ns[index] - stamps_ns[index - 1]
        assert apart_ns == PERIOD_NS if on_beat else apart_ns > PERIOD_NS


@given(
    steps_ns=st.lists(st.integers(PERIOD_NS, 90_000_000_000), min_size=1, max_size=20),
    work_ns=st.integers(0, PERIOD_NS),
    loops=st.integers(1, 2),
)
def test_a_film_is_shown_at_the_times_of_its_own_frames(
    steps_ns: list[int], work_ns: int, loops: int
) -> None:
    """Gaps too; a loop follows one period after the last image."""
    positions_ns = [sum(steps_ns[:count]) for count in range(len(steps_ns) + 1)]
    clock, stamps_ns, left_s = Clock(), [], []
    with patch.object(child, "time", clock):
        pacer = child.Pacer(FPS)
        for _ in range(loops):
            pacer.restart()
            for position_ns in positions_ns:
                clock.now_ns += work_ns if position_ns else 0
                pacer.wait(position_ns, left_s.append)
                stamps_ns.append(pacer.due_ns)
                assert clock.now_ns >= pacer.due_ns
    assert [at_ns - stamps_ns[0] for at_ns in stamps_ns[: len(positions_ns)]] == positions_ns
    if loops == 2:
        assert stamps_ns[len(positions_ns)] - stamps_ns[len(positions_ns) - 1] == PERIOD_NS
    assert all(left <= max([*steps_ns, PERIOD_NS]) / 1e9 for left in left_s)
