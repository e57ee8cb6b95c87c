"""Time limits for the next frame and the next inference pass, after which the line is blind."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

from detector.ingest.frame import Frame

BLIND_FRAMES = 3
"""Frame periods without a frame after which the line is blind (DESIGN, "Blind is a state")."""
MIN_S = 0.1
"""Lower limit: three periods of a 30 fps camera."""
MAX_S = 1.5
"""Upper limit, however slow the camera: a stop request is noticed within this time too."""
PERIODS_KEPT = 31
"""Over a second at 30 fps: one hiccup, or a restart, does not change their median."""
MIN_PERIODS = 5
"""With fewer than these the camera's frame rate is unknown."""
PASSES_KEPT = 15
REPORT_SHARE = 0.15
"""Part of the limit that is left for the report to reach a PLC, whose readings must say unseen
after three periods: 15 ms at 30 fps, 45 ms at 10 fps. More would take a lost image and a late one
for a camera that stalls."""
MIN_REMAINING_S = 0.005
"""If the pass on the last frame took longer than the limit, the next frame is already waiting."""


class Deadlines:
    """Three frame periods, counted from the capture of the last frame.

    The period comes from the profile, or else from the camera's timestamps: the rate that a network
    camera states may be wrong (FFmpeg reports 25 fps for every MJPEG stream), and a camera that is
    configured to be slow must not look blind between two frames.
    """

    def __init__(self, fps: float | None, wait_s: float = 0.0) -> None:
        """`fps`: from the profile, if it is set. `wait_s`: how long new belt may wait for its
        inference pass."""
        self._fps, self._wait_s = fps, wait_s
        self._periods_s: deque[float] = deque(maxlen=PERIODS_KEPT)
        self._delays_s: deque[float] = deque(maxlen=PERIODS_KEPT)
        """From the capture of each frame until it was received."""
        self._last: tuple[int, int] | None = None
        self._since_ns = time.monotonic_ns()
        self._pass_periods_s: deque[float] = deque(maxlen=PASSES_KEPT)
        """From the end of each pass to the end of the next."""
        self._latencies_s: deque[float] = deque(maxlen=PASSES_KEPT)
        """From the capture of a frame to the end of its pass."""
        self._pass_ended_ns = self._processed_ns = 0

    @property
    def frame_timeout_s(self) -> float:
        """How long a camera may deliver no frame."""
        period_s = self._period_s
        return MAX_S if period_s is None else min(MAX_S, max(MIN_S, BLIND_FRAMES * period_s))

    @property
    def _period_s(self) -> float | None:
        if self._fps is not None:
            return 1 / self._fps
        return median(self._periods_s) if len(self._periods_s) >= MIN_PERIODS else None

    @property
    def next_frame_s(self) -> float:
        """Time from one processed frame until the next one is due: three frame periods, or 1.5
        times the median latency of a pass if that is longer. A frame without a pass comes one
        period before a frame whose pass takes its full time."""
        return max(self.frame_timeout_s, _one_and_a_half(self._latencies_s))

    @property
    def next_pass_s(self) -> float:
        """Time from the end of one pass until the next one is due: three frame periods plus the
        time that new belt may wait, or 1.5 times the median time between passes if longer."""
        return max(self._wait_s + self.frame_timeout_s, _one_and_a_half(self._pass_periods_s))

    @property
    def pass_age_s(self) -> float:
        """From the end of the last pass to the last processed frame."""
        return (self._processed_ns - self._pass_ended_ns) / 1e9

    @property
    def is_overdue(self) -> bool:
        """`frame_timeout_s` is over: the frame just received was too old when it came."""
        return time.monotonic_ns() - self._since_ns > self.frame_timeout_s * 1e9

    def remaining_s(self) -> float:
        """Time left of `frame_timeout_s`, less the time that a report may take."""
        gone_s = (time.monotonic_ns() - self._since_ns) / 1e9
        return max(MIN_REMAINING_S, self.frame_timeout_s * (1 - REPORT_SHARE) - gone_s)

    def frame_received(self, frame: Frame) -> None:
        """Start the timeout, and learn the frame rate.

        It starts at the capture; where every frame comes up to one period after it, as from H.264,
        of which each image waits for the next one, that much later: an image that was lost must not
        make the line blind, and the camera was well when it sent the next one.
        """
        self._delays_s.append((time.monotonic_ns() - frame.t_mono_ns) / 1e9)
        if self._last is not None and frame.index > self._last[0]:
            period_ns = (frame.t_mono_ns - self._last[1]) / (frame.index - self._last[0])
            self._periods_s.append(period_ns / 1e9)
        self._last = frame.index, frame.t_mono_ns
        usual_s = max(0.0, min(*self._delays_s, self._period_s or 0.0))
        self._since_ns = frame.t_mono_ns + round(usual_s * 1e9)

    def frame_repeated(self, last_seen_ns: int) -> None:
        """The frame just received shows only what was captured at `last_seen_ns`: it is no new
        sight, so the timeout runs from then."""
        self._since_ns = min(self._since_ns, last_seen_ns)

    def frame_processed(self, now_ns: int, *, inferred: bool) -> None:
        """The frame was processed; `inferred`: with an inference pass."""
        if inferred:
            captured_ns = self._since_ns if self._last is None else self._last[1]
            self._latencies_s.append((now_ns - captured_ns) / 1e9)
            if self._pass_ended_ns:
                self._pass_periods_s.append((now_ns - self._pass_ended_ns) / 1e9)
            self._pass_ended_ns = now_ns
        self._processed_ns = now_ns

    def restart(self, now_ns: int) -> None:
        """Restart the timeout after it has been reported."""
        self._since_ns = now_ns


def _one_and_a_half(times_s: deque[float]) -> float:
    return min(MAX_S, 1.5 * median(times_s)) if times_s else 0.0
