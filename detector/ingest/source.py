"""The contract of everything that gives pictures."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.ingest.names import without_credentials

Image = NDArray[np.uint8]
"""`(height, width, 3)` uint8, BGR, x right and y down."""

OPEN_TIMEOUT_S = 5.0
"""A camera in the same plant answers within milliseconds; 5 s lets one finish its restart, and is
far under the 30 s that OpenCV waits by itself."""

READ_TIMEOUT_S = 2.0
"""Longer than the hiccup of a camera that starts a new key frame, shorter than a belt is long."""


class SourceError(VigitriError):
    """A source that gives no picture: one line with what, why and the mend."""

    def __init__(self, source: str, why: str, mend: str) -> None:
        self.source = without_credentials(source)
        self.why = why
        self.mend = self.fix = mend
        super().__init__(f"{self.source}: {why}; {mend}")


class Source(Protocol):
    """Pictures one after the other, from a camera or a recording.

    `grab` and `retrieve` are apart, as in OpenCV, so that a picture can be stamped when it leaves
    the driver and before it is decoded. A source belongs to one thread.
    """

    name: str
    """URL or path, credentials removed."""
    live: bool
    """True for a camera, which goes on without us; False for a recording, which waits."""
    fps: float | None
    """Frames per second, None where it is unknown. Valid after `open`."""
    frame_count: int | None
    """Frames that a recording announces; None for a camera. Valid after `open`."""
    unreadable: list[str]
    """One line for each picture, or stretch of pictures, that could not be read so far."""
    passed_over: int
    """Pictures so far that `grab` passed over, because they had queued up and were of the past."""

    def open(self) -> None:
        """Make ready for the first `grab`.

        Raises:
            SourceError: The source is missing, refused, of another kind, or late.
        """

    def grab(self) -> bool:
        """Take the next picture; False at the end of a recording or of a stream."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        """Decode the picture just grabbed.

        Args:
            into: Where to put it, if it has the picture's shape; otherwise a new array is made.

        Returns:
            The picture (`into` itself where it was used), or None if it is broken; then
            `unreadable` has one line more.
        """

    def close(self) -> None:
        """Let go of the device, the connection or the file. May be called twice."""
