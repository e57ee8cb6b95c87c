"""Steps of the clock that stamps the frames."""

from __future__ import annotations

STEP_NS = 100_000_000
"""A clock that is kept by NTP or PTP is slewed by less than 0.5 ms a second."""
REPORTED_NS = 10_000_000_000
"""How long a step is reported."""


class ClockStep:
    """Compares UTC with CLOCK_MONOTONIC from frame to frame."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._until_ns = 0
        self.step_s = 0.0
        """The last step, s; forward is positive."""

    def update(self, t_mono_ns: int, t_utc_ns: int) -> bool:
        """Update with a frame's stamps; whether a step is being reported."""
        offset_ns = t_utc_ns - t_mono_ns
        if self._offset_ns is not None and abs(offset_ns - self._offset_ns) > STEP_NS:
            self.step_s = (offset_ns - self._offset_ns) / 1e9
            self._until_ns = t_mono_ns + REPORTED_NS
        self._offset_ns = offset_ns
        return t_mono_ns < self._until_ns
