"""Latencies of a running line: their histogram since the start, and the last ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.wire.messages import LATENCY_BOUNDS_MS, StageTimes

_KEPT = 1024
"""Latencies and frames kept: those of over half a minute at 30 frames/s."""
RATE_WINDOW_NS = 2_000_000_000


class Histogram:
    """Durations by upper bound, as Prometheus counts them."""

    def __init__(self) -> None:
        self._bounds = np.array(LATENCY_BOUNDS_MS)
        self._counts = np.zeros(len(self._bounds) + 1, dtype=np.int64)
        self._sum_ms = 0.0

    def add(self, durations_ms: NDArray[np.float32]) -> None:
        """Add durations; 0 is a stage that did not run."""
        ran = durations_ms[durations_ms > 0]
        # Bucket n holds what is at most bound n and more than the one before.
        places = np.searchsorted(self._bounds, ran, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum_ms += float(ran.sum(dtype=np.float64))

    def times(self, stage: str, durations_ms: NDArray[np.float32]) -> StageTimes:
        """The stage's message: the percentiles of these durations, and the histogram."""
        upto = np.cumsum(self._counts).tolist()
        p50, p95, p99 = (_rounded(each) for each in np.percentile(durations_ms, (50, 95, 99)))
        return StageTimes(
            stage=stage,
            count=len(durations_ms),
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            max_ms=_rounded(durations_ms.max()),
            buckets=tuple(upto),
            total=upto[-1],
            sum_ms=_rounded(self._sum_ms),
        )


class Pace:
    """How fast frames are processed, and how long after their capture alerts are published."""

    def __init__(self) -> None:
        self._histogram = Histogram()
        self._latencies_ms = np.zeros(_KEPT, dtype=np.float32)
        self._passes = self._reported = 0
        self._frames_ns = np.zeros(_KEPT, dtype=np.int64)
        self._frames = 0
        self._began_ns: int | None = None
        self._captured_ns: int | None = None

    def frame_processed(self, now_ns: int, captured_ns: int, *, inferred: bool) -> None:
        """A frame's results were published now. `inferred`: it had an inference pass."""
        self._captured_ns = captured_ns
        if self._began_ns is None:
            self._began_ns = now_ns
        self._frames_ns[self._frames % _KEPT] = now_ns
        self._frames += 1
        if inferred:
            self._latencies_ms[self._passes % _KEPT] = (now_ns - captured_ns) / 1e6
            self._passes += 1

    def camera_age_ms(self, now_ns: int) -> float | None:
        """Time since the last frame's capture; None: no frame yet."""
        return None if self._captured_ns is None else (now_ns - self._captured_ns) / 1e6

    def frames_per_s(self, now_ns: int) -> float | None:
        """Over the last two seconds, or since the first frame; None: too early."""
        if self._began_ns is None or now_ns - self._began_ns < RATE_WINDOW_NS // 4:
            return None
        window_ns = min(RATE_WINDOW_NS, now_ns - self._began_ns)
        ended_ns = self._frames_ns[: min(self._frames, _KEPT)]
        return int(np.count_nonzero(ended_ns > now_ns - window_ns)) / window_ns * 1e9

    @property
    def latency_p99_ms(self) -> float | None:
        """Of the last passes; None: none yet."""
        kept = self._latencies_ms[: min(self._passes, _KEPT)]
        return float(np.percentile(kept, 99)) if len(kept) else None

    def report(self) -> StageTimes | None:
        """From capture to published, since the last report; None: no pass since then."""
        new = min(self._passes - self._reported, _KEPT)
        places = np.arange(self._passes - new, self._passes) % _KEPT
        self._reported = self._passes
        latest = self._latencies_ms[places]
        self._histogram.add(latest)
        return self._histogram.times("capture to published", latest) if new else None


def _rounded(value: float) -> float:
    return round(float(value), 3)
