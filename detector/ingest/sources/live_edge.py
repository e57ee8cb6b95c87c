"""Tells pictures that a camera takes now from those that had queued up on the way."""

from __future__ import annotations

import math

PACE = 0.5
"""A picture that came within this share of the time between its taking and the last one's was
waiting already. Raised, fewer old pictures pass; above 1 no camera would ever be live."""
PAUSE_S = 0.25
PAUSE_PERIODS = 4
"""Longer than both is a pause: what comes after it may be as old as the pause. Packets that are
sent again over TCP take some 0.2 s."""
BELIEVED_AFTER_S = 2.0
"""Pictures that kept coming too fast for so long come at their true rate, and it is their times
that are wrong: no camera keeps so many."""
FASTEST_PERIOD_S = 0.01
"""Between pictures that carry no time: faster cameras than 100 a second are not looked for."""
LONGEST_PERIOD_S = 10.0
"""A longer step in the pictures' own times is a clock that was set, and says nothing."""


class LiveEdge:
    """After a connection is made and after a pause, a camera, its server or the network gives at
    once what had gathered: pictures of seconds ago, which an arrival's stamp would date as now.
    They come faster than they were taken. The first one that keeps its pace is live.
    """

    def __init__(self) -> None:
        self._came_s = -math.inf
        self._taken_s: float | None = None
        self._usual_s = 0.0
        """Between the last two live pictures."""
        self._behind_since_s: float | None = None
        """When pictures of the past began to come; None: the last one was live."""

    def is_live(self, came_s: float, taken_s: float | None) -> bool:
        """Whether the picture that came just now is of now.

        came_s: when it came (s, a monotonic clock). taken_s: the time that it carries (s, from
        wherever; None: it carries none).
        """
        waited_s = came_s - self._came_s
        passed_s = self._between(taken_s)
        self._came_s, self._taken_s = came_s, taken_s
        if self._behind_since_s is not None:
            believed = came_s - self._behind_since_s >= BELIEVED_AFTER_S
            if waited_s < PACE * passed_s and not believed:
                return False
            self._behind_since_s = None
        elif waited_s - passed_s > max(PAUSE_S, PAUSE_PERIODS * self._usual_s):
            self._behind_since_s = came_s
            return False
        self._usual_s = waited_s
        return True

    def _between(self, taken_s: float | None) -> float:
        """Seconds from when the last picture was taken to when this one was."""
        if taken_s is None or self._taken_s is None:
            return FASTEST_PERIOD_S
        passed_s = taken_s - self._taken_s
        return passed_s if 0 < passed_s <= LONGEST_PERIOD_S else FASTEST_PERIOD_S
