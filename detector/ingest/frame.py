"""A frame: one image with its number and timestamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of the belt with its timestamps, in image coordinates (x right, y down, px).

    `image` may be a view into a buffer that the camera reuses: use it before reading the next
    frame, or copy it.
    """

    image: NDArray[np.uint8]
    """`(height, width, 3)` uint8, BGR."""
    index: int
    """Number of the frame in this source, from 0; overwritten frames are counted too."""
    t_mono_ns: int
    """CLOCK_MONOTONIC when grabbed (ns), or the position in the recording."""
    t_utc_ns: int
    """UTC when grabbed (ns since 1970), or the position in the recording."""
    source: str
    """URL or path of the source, credentials removed."""
    position_ns: int | None = None
    """Position in the recording (ns); None: of a camera, or unknown."""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"a frame's image is (height, width, 3) uint8, not "
                f"{self.image.shape} {self.image.dtype}"
            )

    @property
    def size_px(self) -> tuple[int, int]:
        """`(width, height)` of the image."""
        height, width = self.image.shape[:2]
        return width, height
