"""Detects a frozen camera: one that repeats its last image."""

from __future__ import annotations

import zlib

import numpy as np

from detector.ingest.names import NETWORK_SCHEMES, scheme_of
from detector.ingest.source import Image

SAMPLE_STEP_PX = 16
"""Compare every 16th row, whole: rows are contiguous in memory, so this is faster than a grid of
far fewer pixels. A live sensor's noise changes them in every image, even if the belt is stopped."""

SENSOR_REPEATS = 3
"""Images of a local camera: three, as in the design's limit for blindness. Raise it for a camera
that repeats images in low light."""

ENCODED_REPEATS = 50
"""Images of an encoded stream: 2 s at 25 fps. H.264 repeats a still scene bit for bit until the
next key frame (one or two seconds)."""

RECONNECT_S = 5.0
"""Wait for a new image of a frozen camera before the connection is made again."""


def usual_repeats(url: str, *, live: bool) -> int:
    """Default number of identical images of a frozen source; 0 for never (recordings)."""
    if not live:
        return 0
    return ENCODED_REPEATS if scheme_of(url) in NETWORK_SCHEMES else SENSOR_REPEATS


class FrozenDetector:
    """Counts consecutive identical images."""

    def __init__(self, after: int, known: int | None = None) -> None:
        """Args:
        after: Number of identical images at which the camera is frozen; 0 for never.
        known: `digest` of the image at which the source froze before it was reopened; if its
            first image is still that one, it is frozen at once.
        """
        self.repeats = 0
        """Identical images so far, including the first."""
        self._after = after
        self._known = known
        self._sample: Image | None = None

    def is_frozen(self, image: Image) -> bool:
        """Compare `image`, `(height, width, 3)` uint8, with the last; True if now frozen."""
        if not self._after:
            return False
        sample = image[::SAMPLE_STEP_PX]
        if self._sample is None or self._sample.shape != sample.shape:
            self._sample = sample.copy()
            self.repeats = self._after if self.digest() == self._known else 1
        elif np.array_equal(self._sample, sample):
            self.repeats += 1
        else:
            np.copyto(self._sample, sample)
            self.repeats = 1
        return self.repeats >= self._after

    def digest(self) -> int | None:
        """Checksum of the last image, to recognise it in another process."""
        return None if self._sample is None else zlib.crc32(self._sample.tobytes())
