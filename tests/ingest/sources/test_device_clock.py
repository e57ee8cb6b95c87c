from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.device_clock import FUTURE_NS, LATCH_EVERY_NS, DeviceClock

OLDEST_NS = 2_000_000_000


class Camera:
    """A clock of another origin and rate, read over a network that takes time."""

    def __init__(self, origin_ns: int, drift_ppm: float, waits_ns: tuple[int, int]) -> None:
        self.now_ns = 5_000_000_000
        self._origin_ns, self._rate = origin_ns, 1 + drift_ppm / 1e6
        self._waits_ns = waits_ns

    def time_ns(self, at_ns: int) -> int:
        return self._origin_ns + round(at_ns * self._rate)

    def latch(self) -> int:
        there, back = self._waits_ns
        self.now_ns += there
        noted_ns = self.time_ns(self.now_ns)
        self.now_ns += back
        return noted_ns

    def clock(self) -> DeviceClock:
        return DeviceClock(self.latch, lambda: self.now_ns)


@given(
    origin_ns=st.integers(0, 2**62),
    drift_ppm=st.floats(-100, 100),
    waits_ns=st.tuples(st.integers(1_000, 5_000_000), st.integers(1_000, 5_000_000)),
    ages_ns=st.lists(st.integers(20_000_000, 1_900_000_000), min_size=1, max_size=20),
)
def test_an_image_is_dated_within_the_comparison_s_error(
    origin_ns: int, drift_ppm: float, waits_ns: tuple[int, int], ages_ns: list[int]
) -> None:
    camera = Camera(origin_ns, drift_ppm, waits_ns)
    clock = camera.clock()
    assert clock.start(pause_s=0)
    for age_ns in ages_ns:
        camera.now_ns += 3_000_000_000
        arrived_ns = camera.now_ns
        dated_ns = clock.captured_ns(camera.time_ns(arrived_ns - age_ns), arrived_ns, OLDEST_NS)
        assert dated_ns is not None
        drifted_ns = LATCH_EVERY_NS * 1.4 * 1e-4
        assert abs(dated_ns - (arrived_ns - age_ns)) <= sum(waits_ns) / 2 + drifted_ns


def test_a_clock_that_stands_or_is_slow_to_answer_is_no_clock() -> None:
    standing = DeviceClock(lambda: 7, iter(range(0, 10**9, 1_000_000)).__next__)
    assert not standing.start(pause_s=0)
    slow = Camera(0, 0, (30_000_000, 30_000_000))
    assert not slow.clock().start(pause_s=0)


def test_a_stamp_that_contradicts_the_arrival_is_not_used() -> None:
    camera = Camera(10**15, 0, (1_000, 1_000))
    clock = camera.clock()
    assert clock.start(pause_s=0)
    now_ns = camera.now_ns
    for age_ns in (-2 * FUTURE_NS, OLDEST_NS + FUTURE_NS):
        assert clock.captured_ns(camera.time_ns(now_ns - age_ns), now_ns, OLDEST_NS) is None
    assert clock.captured_ns(0, now_ns, OLDEST_NS) is None, "cameras without a clock stamp 0"
