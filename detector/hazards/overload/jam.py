"""Whether material hangs on a belt that runs (bourrage), with hysteresis over running time."""

from __future__ import annotations

from collections import deque

from detector.profile.belt_load import Jam
from detector.wire.messages import Cue

LOOKS_APART_MOST_NS = 500_000_000
"""Longer gaps between looks count as this much running time."""


class JamWatch:
    """Takes in how much of the belt carries standing material. Where that can't be told (the belt
    stands, or creeps) time stands still, and so does the state."""

    def __init__(self, limits: Jam) -> None:
        self._limits = limits
        self._over_ns = round(limits.watch_s * 1e9)
        self._told: deque[tuple[int, float]] = deque()
        """Running time, and the share."""
        self._running_ns = 0
        self._last_ns: int | None = None
        self._sum = 0.0
        self._state: bool | None = None

    @property
    def suspected(self) -> bool:
        """More stands than would clear a jam."""
        return bool(self._state) or self._mean() >= self._limits.release_at

    def watch(self, standing: float | None, t_ns: int) -> bool | None:
        """Whether there is a jam. `standing`: share of the belt, 0 to 1; None: can't be told."""
        since_ns = 0 if self._last_ns is None else t_ns - self._last_ns
        self._last_ns = t_ns
        if standing is None:
            return self._state
        self._running_ns += min(max(since_ns, 0), LOOKS_APART_MOST_NS)
        self._told.append((self._running_ns, standing))
        self._sum += standing
        # What is left spans the time watched, or a look more.
        while len(self._told) > 1 and self._running_ns - self._told[1][0] >= self._over_ns:
            self._sum -= self._told.popleft()[1]
        if self._running_ns - self._told[0][0] >= self._over_ns:
            if self._mean() >= self._limits.raise_at:
                self._state = True
            elif self._mean() < self._limits.release_at or self._state is None:
                self._state = False
        return self._state

    def cue(self) -> Cue:
        """How much stands, over the time watched."""
        return Cue(
            name="standing_material",
            share=round(min(1.0, max(0.0, self._mean())), 3),
            raised_at=self._limits.raise_at,
            cleared_below=self._limits.release_at,
            over_mm=None,
            over_s=self._limits.watch_s,
        )

    def _mean(self) -> float:
        return self._sum / len(self._told) if self._told else 0.0
