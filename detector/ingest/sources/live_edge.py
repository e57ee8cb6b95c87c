"""Distinguishes live images from those that had queued up in transit."""

from __future__ import annotations

import math

PACE = 0.8
"""An image was queued if it arrived within this share of the interval between its capture and the
previous one's. If raised, fewer old images pass; above 1 no camera would ever be live."""
FASTER = 0.5
"""An image that took less time from its capture to here than all live ones so far, by this share of
the interval, shows that they were late. With less, jitter would show it."""
PAUSE_S = 0.25
PAUSE_PERIODS = 4
"""A gap longer than both is a pause: images after it may be as old as the pause. TCP retransmission
takes about 0.2 s."""
BELIEVED_AFTER_S = 2.0
"""Images that have arrived too fast for this long are live, and their timestamps are wrong: no
camera queues that many."""
FASTEST_PERIOD_S = 0.01
"""Assumed period of images without timestamps; no camera is expected to exceed 100 a second."""
LONGEST_PERIOD_S = 10.0
"""A larger step in the images' timestamps is a clock change, and is ignored."""


class LiveEdge:
    """Finds the first live image after a connection or a pause.

    Then a camera, its server or the network delivers a backlog at once: images that are seconds
    old, which a timestamp of arrival would date as now. They arrive faster than they were captured.
    The first image that arrives at the rate of capture is live.
    """

    def __init__(self) -> None:
        self._arrived_s = -math.inf
        self._taken_s: float | None = None
        self._usual_s = 0.0
        """Interval between the last two live images."""
        self._behind_since_s: float | None = None
        """Arrival of the first image of the backlog; None: the last image was live."""
        self._shortest_s = -math.inf
        """Shortest arrival minus capture of the live images so far."""

    def is_live(self, arrived_s: float, taken_s: float | None, busy_s: float = 0.0) -> bool:
        """Whether the image that has just arrived is live.

        arrived_s: its arrival (s, a monotonic clock). taken_s: its timestamp (s, any origin; None:
        it has none). busy_s: of the time since the last image, that in which none was waited for.
        """
        waited_s = arrived_s - self._arrived_s
        passed_s = self._between(taken_s)
        self._arrived_s, self._taken_s = arrived_s, taken_s
        lag_s = math.inf if taken_s is None else arrived_s - taken_s
        if self._behind_since_s is not None:
            believed = arrived_s - self._behind_since_s >= BELIEVED_AFTER_S
            if waited_s - busy_s < PACE * max(0.0, passed_s - busy_s) and not believed:
                return False
            self._behind_since_s = None
            self._shortest_s = -math.inf if believed else lag_s
        elif waited_s - passed_s > max(PAUSE_S, PAUSE_PERIODS * self._usual_s) or (
            # The last image was not live after all: a busy machine gave it that appearance.
            self._shortest_s - lag_s > FASTER * passed_s
        ):
            self._behind_since_s = arrived_s
            return False
        self._shortest_s = min(self._shortest_s, lag_s)
        self._usual_s = waited_s
        return True

    def _between(self, taken_s: float | None) -> float:
        """Seconds between the capture of the last image and of this one."""
        if taken_s is None or self._taken_s is None:
            return FASTEST_PERIOD_S
        passed_s = taken_s - self._taken_s
        if 0 < passed_s <= LONGEST_PERIOD_S:
            return passed_s
        self._shortest_s = -math.inf  # of another clock
        return FASTEST_PERIOD_S
