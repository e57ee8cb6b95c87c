"""The contract of image sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.ingest.names import without_credentials
from detector.vocabulary import StampSource

Image = NDArray[np.uint8]
"""`(height, width, 3)` uint8, BGR, x right and y down."""

OPEN_TIMEOUT_S = 5.0
"""A camera in the same plant answers within milliseconds; 5 s lets a camera finish its restart, and
is far below OpenCV's own 30 s."""

READ_TIMEOUT_S = 2.0
"""Longer than the pause of a camera at a new key frame, shorter than the time in which an object
passes the belt's length."""


TIMED_OUT = 0.9
"""A wait that lasted this share of its timeout has timed out."""


class SourceError(VigitriError):
    """A source gives no image: one line with the source, the reason and the fix."""

    def __init__(self, source: str, why: str, fix: str) -> None:
        self.source = without_credentials(source)
        self.why = why.removeprefix(f"{self.source}: ")
        self.fix = fix
        super().__init__(f"{self.source}: {self.why}; {fix}")


class LoginRefusedError(SourceError):
    """A camera does not accept user and password. Many lock the account after some attempts."""


class NoAnswerError(SourceError):
    """No camera answers at this address. It may be asked again soon: that costs little,
    and a camera that returns is found at once."""


@runtime_checkable
class StampedSource(Protocol):
    """A source that knows when its images were captured; of others, the time of `grab` counts."""

    captured_ns: int | None
    """Capture of the image just grabbed (ns, CLOCK_MONOTONIC); None: not known."""

    @property
    def stamp_source(self) -> StampSource:
        """What the last image's time was taken from."""

    stamp_note: str
    """The same for a person, with the fault of a sender's clock; new text when it changes."""


class Source(Protocol):
    """A sequence of images from a camera or a recording.

    `grab` and `retrieve` are separate, as in OpenCV, so that an image can be stamped when it leaves
    the driver, before it is decoded. A source is used by one thread only.
    """

    name: str
    """URL or path, credentials removed."""
    live: bool
    """True for a camera, which continues without being read; False for a recording."""
    fps: float | None
    """Frames per second; None: unknown. Valid after `open`."""
    colours: str
    """How the images' colours are coded; empty: the driver converts them. Valid after `open`."""
    frame_count: int | None
    """Number of frames that a recording states; None for a camera. Valid after `open`."""
    unreadable: list[str]
    """One line for each image, or stretch of images, that could not be read so far."""
    position_ns: int | None
    """Position in the recording of the image just grabbed, by its own timestamp (ns after the first
    image); None for a camera, and for a recording without timestamps: `index / fps`."""
    passed_over: int
    """Images so far that `grab` skipped, because they had queued up and were out of date."""

    @property
    def time_notes(self) -> Sequence[str]:
        """What is unusual about the times of a recording's frames so far, one line each."""

    def open(self) -> None:
        """Prepare for the first `grab`.

        Raises:
            SourceError: The source is missing, inaccessible, of another kind, or too slow.
        """

    def grab(self) -> bool:
        """Advance to the next image; False at the end of a recording or stream."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        """Decode the image just grabbed.

        Args:
            into: Destination, used if it has the image's shape; otherwise a new array is made.

        Returns:
            The image (`into` itself if it was used), or None if it is damaged; then `unreadable`
            has one more line.
        """

    def close(self) -> None:
        """Release the device, the connection or the file. May be called twice."""
