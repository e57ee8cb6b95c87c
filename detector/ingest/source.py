"""The contract of everything that gives pictures, and the choice of one by URL."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.ingest.names import scheme_of, without_credentials

Image = NDArray[np.uint8]
"""`(height, width, 3)` uint8, BGR, x right and y down."""

OPEN_TIMEOUT_S = 5.0
"""A camera in the same plant answers within milliseconds; 5 s lets one finish its restart, and is
far under the 30 s that OpenCV waits by itself."""

READ_TIMEOUT_S = 2.0
"""Longer than the hiccup of a camera that starts a new key frame, shorter than a belt is long."""


class SourceError(Exception):
    """A source that gives no picture: one line with what, why and the mend."""

    def __init__(self, source: str, why: str, mend: str) -> None:
        self.source = without_credentials(source)
        self.why = why
        self.mend = mend
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


def open_source(
    url: str,
    *,
    fps: float | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> Source:
    """Open what `url` names.

    Args:
        url: A video file, a picture, a folder or glob of pictures (all also as `file://`),
            `v4l2:///dev/video0`, or `rtsp://user:password@host/stream` (also rtsps, http, https).
        fps: Asked of a V4L2 camera; given to a recording in place of its own. A network camera
            keeps its own.
        open_timeout_s: When to give up on a network camera that does not answer.
        read_timeout_s: When to give up on a network camera that has fallen silent.

    Raises:
        SourceError: No such source, or it cannot be opened.
    """
    try:
        source = _choose(url, fps, open_timeout_s, read_timeout_s)
        source.open()
    except OSError as error:  # of a folder that may not be entered, a disk that is gone
        why = (error.strerror or str(error)).lower()
        raise SourceError(url, why, "check the path, and who may read it") from None
    return source


def _choose(url: str, fps: float | None, open_timeout_s: float, read_timeout_s: float) -> Source:
    # Here, because each kind of source imports this module for the contract.
    from detector.ingest.image_folder import IMAGE_SUFFIXES, ImageFolder, is_glob
    from detector.ingest.network_stream import NETWORK_SCHEMES, NetworkStream
    from detector.ingest.paths import local_path
    from detector.ingest.v4l2 import V4l2Camera
    from detector.ingest.video_file import VideoFile

    scheme = scheme_of(url)
    if scheme in NETWORK_SCHEMES:
        return NetworkStream(url, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s)
    if scheme == "v4l2":
        return V4l2Camera(url, fps=fps)
    if scheme not in {"", "file"}:
        raise SourceError(
            url,
            f"unknown kind of source {scheme}://",
            "use a path, file://, v4l2:///dev/video0, or rtsp://host/stream",
        )
    path = local_path(url)
    if path.is_dir() or is_glob(path) or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageFolder(path, fps=fps)
    return VideoFile(path, fps=fps)
