"""Flicker: lamps whose light pulses against the camera's frame rate."""

from __future__ import annotations

from collections import deque
from statistics import median

FRAMES = 60
"""Number of frames over which it is measured."""
NEW_SHARE = 0.15
"""Share of the visible belt that may be new in a frame. More of it changes the brightness to and
fro: 1.2 m of belt at 2.5 m/s were taken for flicker at 10 frames/s, and not at 25."""


class Flicker:
    """Measures how much the belt's brightness changes from frame to frame and back."""

    def __init__(self) -> None:
        self._last: tuple[float, float] = (0.0, 0.0)
        self._seen = 0
        self._swings: deque[float] = deque(maxlen=FRAMES)
        self.value: float | None = None
        """Median swing, as a share of the brightness; None: too few frames."""

    def update(self, brightness: float, new_share: float = 0.0) -> None:
        """`brightness`: mean grey level of the belt in the next frame; `new_share`: share of the
        belt in it that the frame before did not show."""
        if new_share > NEW_SHARE:
            self._seen = 0
        before, middle = self._last
        self._last = middle, brightness
        self._seen += 1
        if self._seen < 3:
            return
        # Material that passes changes the brightness steadily, lamps change it to and fro.
        self._swings.append(abs(middle - (before + brightness) / 2) / max(middle, 1.0))
        if self._seen % 10 == 0 and len(self._swings) == FRAMES:
            self.value = median(self._swings)
