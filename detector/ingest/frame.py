"""One picture, stamped when it was grabbed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.vocabulary import StampSource


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the belt, in image coordinates (x right, y down, px).

    `image` may be a view into a buffer that the camera fills again: use it before asking the
    camera for the next frame, or copy it.
    """

    image: NDArray[np.uint8]
    """`(height, width, 3)` uint8, BGR."""
    index: int
    """Counts the frames of this source from 0; frames that were overwritten count too."""
    t_mono_ns: int
    """CLOCK_MONOTONIC when grabbed (ns), or the place in the recording."""
    t_utc_ns: int
    """UTC when grabbed (ns since 1970), or the place in the recording."""
    stamp_source: StampSource
    source: str
    """The URL or path that the frame came from, credentials removed."""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"a frame's image is (height, width, 3) uint8, not "
                f"{self.image.shape} {self.image.dtype}"
            )

    @property
    def size_px(self) -> tuple[int, int]:
        """`(width, height)` of the picture."""
        height, width = self.image.shape[:2]
        return width, height
