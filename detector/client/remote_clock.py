"""Estimates the clock of a detector on another host from its messages."""

from __future__ import annotations

from collections import deque

from detector.wire.messages import Header

KEPT = 200
"""Messages used, some ten seconds of them: two clocks drift by less than 1 ms in that time."""


class RemoteClock:
    """Converts the detector's CLOCK_MONOTONIC to this host's.

    The message with the shortest transport time gives the offset; all others were delayed.
    """

    def __init__(self) -> None:
        self._behind_ns: deque[int] = deque(maxlen=KEPT)
        """Offset to our clock plus transport time, per message."""

    @property
    def known(self) -> bool:
        return bool(self._behind_ns)

    def add(self, header: Header, received_ns: int) -> None:
        """Add a published message, received at `received_ns` of our clock."""
        sent_ns = header.t_capture_mono_ns + round(header.age_ms * 1e6)
        self._behind_ns.append(received_ns - sent_ns)

    def forget(self) -> None:
        """Drop all messages: the detector's host may have rebooted."""
        self._behind_ns.clear()

    def local_ns(self, remote_ns: int) -> int:
        """Convert a time of their clock to ours; requires `known`."""
        return remote_ns + min(self._behind_ns)
