"""A camera's own clock, compared with CLOCK_MONOTONIC."""

from __future__ import annotations

import time
from collections.abc import Callable

LATCH_EVERY_NS = 10_000_000_000
"""Two quartz clocks drift apart by up to 0.1 ms a second: 1 ms between two comparisons."""
LATCH_WITHIN_NS = 20_000_000
"""A comparison whose answer took longer is too imprecise, and is made again."""
LATCH_TRIES = 5
FUTURE_NS = 20_000_000
"""An image may be this much younger than its arrival by the comparison's error, and no more."""


class DeviceClock:
    """Converts a camera's timestamps to CLOCK_MONOTONIC, as long as they prove to be times."""

    def __init__(self, latch: Callable[[], int], now_ns: Callable[[], int]) -> None:
        """Args:
        latch: Has the camera note its time, and returns it (ns, any origin).
        now_ns: CLOCK_MONOTONIC.
        """
        self._latch = latch
        self._now_ns = now_ns
        self._offset_ns = 0
        self._next_ns = 0
        self.is_real = False
        """The camera's time has advanced as ours between two comparisons."""

    def start(self, pause_s: float = 0.01) -> bool:
        """Compare twice. False if the camera's clock does not run, or not at our rate."""
        first = self._compare()
        time.sleep(pause_s)
        second = self._compare()
        if first is None or second is None:
            return False
        (theirs, ours, error), (theirs_2, ours_2, error_2) = first, second
        apart = abs((theirs_2 - theirs) - (ours_2 - ours))
        self.is_real = theirs_2 > theirs and apart <= error + error_2 + (ours_2 - ours) // 1000
        return self.is_real

    def captured_ns(self, device_ns: int, arrived_ns: int, oldest_ns: int) -> int | None:
        """When an image was captured, CLOCK_MONOTONIC (ns).

        Args:
            device_ns: The camera's timestamp of the image.
            arrived_ns: When it arrived.
            oldest_ns: Greatest age that an arriving image can have.

        Returns:
            None if the timestamp contradicts the arrival: then it is none of this clock.
        """
        if not self.is_real:
            return None
        if arrived_ns >= self._next_ns:
            self._compare()
        captured_ns = device_ns + self._offset_ns
        if not -FUTURE_NS <= arrived_ns - captured_ns <= oldest_ns:
            return None
        return min(captured_ns, arrived_ns)

    def _compare(self) -> tuple[int, int, int] | None:
        """The camera's time, ours and the greatest error (ns); None: no precise answer."""
        for _ in range(LATCH_TRIES):
            before_ns = self._now_ns()
            theirs = self._latch()
            after_ns = self._now_ns()
            if after_ns - before_ns <= LATCH_WITHIN_NS:
                ours, error = (before_ns + after_ns) // 2, (after_ns - before_ns + 1) // 2
                self._offset_ns = ours - theirs
                self._next_ns = after_ns + LATCH_EVERY_NS
                return theirs, ours, error
        self._next_ns = self._now_ns() + LATCH_EVERY_NS
        return None
