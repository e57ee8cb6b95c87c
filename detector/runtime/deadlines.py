"""How long the next picture of a camera may be awaited before nobody is looking."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

from detector.ingest.frame import Frame

BLIND_FRAMES = 3
"""Frame periods without a picture after which the line is blind (DESIGN, "Blind is a state")."""
LEAST_S = 0.1
"""Yet not sooner than this: three periods of a 30 fps camera."""
MOST_S = 1.5
"""Nor later, however slow the camera: so soon a stop is heard too."""
PERIODS_KEPT = 31
"""Over a second at 30 fps: one hiccup, or a restart, does not change their median."""
PERIODS_LEAST = 5
"""With fewer than these the camera's rate is not known."""
LOOKS_KEPT = 15
AT_WORST_S = 0.005
"""When the look at the last picture took longer than the patience, the next one lies ready."""


class Patience:
    """Three frame periods, counted from the last picture's capture.

    The period is the profile's, or else the camera's as its stamps show it: what a network camera
    states of itself need not be so (FFmpeg says 25 fps of every MJPEG stream), and a camera that
    is slow by its settings must not look blind between two pictures.
    """

    def __init__(self, fps: float | None, wait_s: float = 0.0) -> None:
        """`fps`: the profile's, if it gives one. `wait_s`: how long what is new on the belt may
        wait for its look."""
        self._fps, self._wait_s = fps, wait_s
        self._periods_s: deque[float] = deque(maxlen=PERIODS_KEPT)
        self._last: tuple[int, int] | None = None
        self._since_ns = time.monotonic_ns()
        self._looks_s: deque[float] = deque(maxlen=LOOKS_KEPT)
        """From each completed look to the next."""
        self._busy_s: deque[float] = deque(maxlen=LOOKS_KEPT)
        """From the capture of the picture to the end of the look at it."""
        self._looked_ns = self._done_ns = 0

    @property
    def whole_s(self) -> float:
        """How long a camera may go without a picture."""
        if self._fps is not None:
            period_s = 1 / self._fps
        elif len(self._periods_s) >= PERIODS_LEAST:
            period_s = median(self._periods_s)
        else:
            return MOST_S
        return min(MOST_S, max(LEAST_S, BLIND_FRAMES * period_s))

    @property
    def next_frame_s(self) -> float:
        """How long after a frame that was dealt with the next one is due: three frame periods, but
        on a machine whose looks end late, half as long again as they usually take from the capture:
        a frame that needs no look comes a period before one whose look takes its time."""
        return max(self.whole_s, _half_as_long_again(self._busy_s))

    @property
    def next_look_s(self) -> float:
        """How long after a completed look the next one is due: three frame periods too after what
        it may wait, or later in the same way."""
        return max(self._wait_s + self.whole_s, _half_as_long_again(self._looks_s))

    @property
    def look_age_s(self) -> float:
        """From the last completed look to the last frame that was dealt with."""
        return (self._done_ns - self._looked_ns) / 1e9

    def left_s(self) -> float:
        """How much of that is left."""
        gone_s = (time.monotonic_ns() - self._since_ns) / 1e9
        return max(AT_WORST_S, self.whole_s - gone_s)

    def met(self, frame: Frame) -> None:
        """A picture came."""
        if self._last is not None and frame.index > self._last[0]:
            period_ns = (frame.t_mono_ns - self._last[1]) / (frame.index - self._last[0])
            self._periods_s.append(period_ns / 1e9)
        self._last = frame.index, frame.t_mono_ns
        self._since_ns = frame.t_mono_ns

    def dealt_with(self, now_ns: int, *, looked: bool) -> None:
        """The picture was taken all the way; `looked`: by a look at the belt."""
        if looked:
            self._busy_s.append((now_ns - self._since_ns) / 1e9)
            if self._looked_ns:
                self._looks_s.append((now_ns - self._looked_ns) / 1e9)
            self._looked_ns = now_ns
        self._done_ns = now_ns

    def begin(self, now_ns: int) -> None:
        """It has run out, which has been told: anew from now."""
        self._since_ns = now_ns


def _half_as_long_again(times_s: deque[float]) -> float:
    return min(MOST_S, 1.5 * median(times_s)) if times_s else 0.0
