"""How long each stage of a frame takes, measured without allocation."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detector.runtime.latency import Histogram
from detector.wire.messages import StageTimes

_KEPT = 4096
"""Frames kept between two reports: over two minutes at 30 fps."""


class StageTimer:
    """Durations per stage, in a ring of the last frames."""

    def __init__(
        self, stages: tuple[str, ...], clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.stages = stages
        self._clock_ns = clock_ns
        self._column = {stage: number for number, stage in enumerate(stages)}
        self._laps_ms = np.zeros((_KEPT, len(stages)), dtype=np.float32)
        self._histograms = [Histogram() for _ in stages]
        self._frames = self._row = 0
        self._started_ns = self._last_ns = clock_ns()

    def start(self) -> Callable[[str], None]:
        """Start a frame. Returns `lap`, to be called with a stage's name when that stage ends."""
        self._last_ns = self._clock_ns()
        self._row = self._frames % _KEPT
        self._laps_ms[self._row] = 0
        self._frames += 1
        return self._lap

    def _lap(self, stage: str) -> None:
        now_ns = self._clock_ns()
        self._laps_ms[self._row, self._column[stage]] = (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns

    def report(self) -> tuple[float, tuple[StageTimes, ...]]:
        """Seconds since the last report, and each stage's times over those frames; resets both."""
        laps_ms = self._kept_ms()
        times: list[StageTimes] = []
        for (stage, column), histogram in zip(self._column.items(), self._histograms, strict=True):
            if len(laps_ms):
                histogram.add(laps_ms[:, column])
                times.append(histogram.times(stage, laps_ms[:, column]))
        now_ns = self._clock_ns()
        period_s = (now_ns - self._started_ns) / 1e9
        self._frames, self._started_ns = 0, now_ns
        return period_s, tuple(times)

    def laps_ms(self, stage: str) -> NDArray[np.float32]:
        """That stage's times since the last report, `(frames,)`: of the last 4096 frames."""
        return self._kept_ms()[:, self._column[stage]].copy()

    def _kept_ms(self) -> NDArray[np.float32]:
        return self._laps_ms[: min(self._frames, _KEPT)]
