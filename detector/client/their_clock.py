"""The clock of a detector on another host, as its messages tell it."""

from __future__ import annotations

from collections import deque

from detector.wire.messages import Header

KEPT = 200
"""Messages reckoned with, some ten seconds of them: in these two clocks drift by less than 1 ms."""


class TheirClock:
    """Their CLOCK_MONOTONIC in terms of ours: the message that was under way shortest tells by how
    much they differ. All the others came later than they could, and tell of the past."""

    def __init__(self) -> None:
        self._behind_ns: deque[int] = deque(maxlen=KEPT)
        """How much less than ours it is, and the message's time under way."""

    @property
    def known(self) -> bool:
        return bool(self._behind_ns)

    def hear(self, header: Header, came_ns: int) -> None:
        """Of a message that came straight after it was sent."""
        if header.stamp_source == "grab" and header.age_ms is not None:
            sent_ns = header.t_capture_mono_ns + round(header.age_ms * 1e6)
            self._behind_ns.append(came_ns - sent_ns)

    def forget(self) -> None:
        """Their host may have been started anew."""
        self._behind_ns.clear()

    def ours_ns(self, theirs_ns: int) -> int:
        """A moment of theirs on our clock; it must be known."""
        return theirs_ns + min(self._behind_ns)
