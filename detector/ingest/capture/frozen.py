"""Is the camera still looking, or does it repeat its last picture?"""

from __future__ import annotations

import zlib

import numpy as np

from detector.ingest.names import scheme_of
from detector.ingest.source import Image
from detector.ingest.sources.network_stream import NETWORK_SCHEMES

SAMPLE_STEP_PX = 16
"""Every 16th row, whole: rows lie together in memory, so they are compared faster than a grid of
far fewer pixels. A live sensor's noise changes them in every picture, whatever the belt does."""

SENSOR_REPEATS = 3
"""Pictures of a local camera: three, as the design has it for blindness. Raise it for a camera that
repeats pictures when the light is low."""

ENCODED_REPEATS = 50
"""Pictures of an encoded stream: 2 s at 25 fps. H.264 skips a still scene bit for bit, until the
next key frame (one or two seconds) codes it afresh."""

RECONNECT_S = 5.0
"""A frozen camera is watched so long for a new picture before the connection is made again."""


def usual_repeats(url: str, *, live: bool) -> int:
    """After how many identical pictures a source counts as frozen; 0 for never (recordings)."""
    if not live:
        return 0
    return ENCODED_REPEATS if scheme_of(url) in NETWORK_SCHEMES else SENSOR_REPEATS


class FrozenWatch:
    """Counts how often the same picture came."""

    def __init__(self, after: int, known: int | None = None) -> None:
        """Args:
        after: So many identical pictures are a frozen camera; 0 for never.
        known: `digest` of the picture at which the source froze before it was opened again; if
            it still gives that picture, it is frozen from the first one on.
        """
        self.repeats = 0
        """Identical pictures so far, the first one included."""
        self._after = after
        self._known = known
        self._sample: Image | None = None

    def sees_frozen(self, image: Image) -> bool:
        """True if `image`, `(height, width, 3)` uint8, is one identical picture too many."""
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
        """A checksum of the last picture, to know it again in another process."""
        return None if self._sample is None else zlib.crc32(self._sample.tobytes())
