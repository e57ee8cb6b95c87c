"""Flicker: lamps whose light pulses against the camera's frame rate."""

from __future__ import annotations

from collections import deque
from statistics import median

FRAMES = 60
"""Number of frames over which it is measured."""


class Flicker:
    """Measures how much the belt's brightness changes from frame to frame and back."""

    def __init__(self) -> None:
        self._last: tuple[float, float] = (0.0, 0.0)
        self._seen = 0
        self._swings: deque[float] = deque(maxlen=FRAMES)
        self.value: float | None = None
        """Median swing, as a share of the brightness; None: too few frames."""

    def update(self, brightness: float) -> None:
        """`brightness`: mean grey level of the belt in the next frame."""
        before, middle = self._last
        self._last = middle, brightness
        self._seen += 1
        if self._seen < 3:
            return
        # Material that passes changes the brightness steadily, lamps change it to and fro.
        self._swings.append(abs(middle - (before + brightness) / 2) / max(middle, 1.0))
        if self._seen % 10 == 0 and len(self._swings) == FRAMES:
            self.value = median(self._swings)
