"""Whether a picture shows the belt at all: lit, and not blinded by light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.ingest.frame import Frame
from detector.vision.warp import belt_in

DARK, GLARING = 12, 243
"""Of 255, chosen, not measured on a plant's cameras: of the twin's drawn belt by night 85 % lie
between them at the least, under a dirty lens 93 %."""
SHOWN_LEAST = 0.02
"""Share of the belt that must be neither: bright things on a black belt may be as few as that."""
PLACES = 1000
"""Of the belt that are looked at."""


class UnlitError(Exception):
    """The picture shows nothing of the belt: one line, with the mend."""


class Exposure:
    """Judges each frame by a grid of pixels of its belt."""

    def __init__(self, polygon_px: NDArray[np.float64], image_size_px: tuple[int, int]) -> None:
        """`polygon_px`: `(n, 2)` the belt in the picture."""
        belt = belt_in(polygon_px, image_size_px) == 255
        self._step = max(1, int(np.sqrt(belt.sum() / PLACES)))
        self._belt = belt[:: self._step, :: self._step]
        self._least = SHOWN_LEAST * self._belt.sum()

    def refuse_unlit(self, frame: Frame) -> None:
        """Raises `UnlitError` where nothing can be seen on the belt."""
        blue, green, red = frame.image[:: self._step, :: self._step][self._belt].T
        if np.count_nonzero(np.maximum(np.maximum(blue, green), red) > DARK) < self._least:
            raise UnlitError(
                "the picture of the belt is dark: is the light on, is the lens covered, is the "
                "camera's exposure right?"
            )
        if np.count_nonzero(np.minimum(np.minimum(blue, green), red) < GLARING) < self._least:
            raise UnlitError(
                "the picture of the belt is white all over: does a light shine into the lens, is "
                "the camera's exposure right?"
            )
