"""Detect a jam: stationary material on a running belt (bourrage), with hysteresis over running
time."""

from __future__ import annotations

from collections import deque

from detector.profile.belt_load import Jam
from detector.wire.messages import Cue

MAX_GAP_NS = 500_000_000
"""Longer gaps between evaluations count as this much running time."""


class JamMonitor:
    """Averages the share of the belt with stationary material. While it can't be measured (the belt
    is stopped, or creeps), running time does not advance and the state does not change."""

    def __init__(self, limits: Jam) -> None:
        self._limits = limits
        self._window_ns = round(limits.watch_s * 1e9)
        self._shares: deque[tuple[int, float]] = deque()
        """Running time in ns, and the share."""
        self._running_ns = 0
        self._last_ns: int | None = None
        self._sum = 0.0
        self._state: bool | None = None

    @property
    def suspected(self) -> bool:
        """The share of stationary material is too high to clear a jam."""
        return bool(self._state) or self._mean() >= self._limits.release_at

    def update(self, stationary: float | None, t_ns: int) -> bool | None:
        """Whether there is a jam; None: unknown. `stationary`: share of the belt with stationary
        material, 0 to 1; None: not measurable. `t_ns`: CLOCK_MONOTONIC."""
        since_ns = 0 if self._last_ns is None else t_ns - self._last_ns
        self._last_ns = t_ns
        if stationary is None:
            return self._state
        self._running_ns += min(max(since_ns, 0), MAX_GAP_NS)
        self._shares.append((self._running_ns, stationary))
        self._sum += stationary
        # The rest spans the window, or one evaluation more.
        while len(self._shares) > 1 and self._running_ns - self._shares[1][0] >= self._window_ns:
            self._sum -= self._shares.popleft()[1]
        if self._running_ns - self._shares[0][0] >= self._window_ns:
            if self._mean() >= self._limits.raise_at:
                self._state = True
            elif self._mean() < self._limits.release_at or self._state is None:
                self._state = False
        return self._state

    def cue(self) -> Cue:
        """The mean share of stationary material over the window."""
        return Cue(
            name="stationary_material",
            share=round(min(1.0, max(0.0, self._mean())), 3),
            raised_at=self._limits.raise_at,
            cleared_below=self._limits.release_at,
            over_mm=None,
            over_s=self._limits.watch_s,
        )

    def _mean(self) -> float:
        return self._sum / len(self._shares) if self._shares else 0.0
