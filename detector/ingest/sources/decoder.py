"""Decodes a video, from a file or a network camera, by FFmpeg through PyAV.

Not by `cv2.VideoCapture` (4.13 to 5.0): for an interlaced image, which it cannot convert, it
returns True with the previous image or unwritten memory; it does not report damaged images; and it
gives no timestamp of an image. PyAV's images are identical to the bit, for 1.1 of the CPU time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from detector.ingest.source import Image
from detector.ingest.sources.opencv import cv2

av.logging.set_level(None)  # its log lines lack the name of the file; our errors have it


COMB_LEVELS = 12
"""Of 255, in the green channel: above a camera's noise, below the edge of an object on a belt."""


class Decoder:
    """One video stream, from its first image to its last. Raises `av.FFmpegError` at opening."""

    def __init__(
        self,
        url: str,
        *,
        options: Mapping[str, str] | None = None,
        timeouts_s: tuple[float, float] | None = None,
        threads: int = 0,
    ) -> None:
        """Args:
        url: A path or URL for FFmpeg.
        options: FFmpeg's options of the protocol and the container.
        timeouts_s: Longest wait for the connection, and for each read; None: no limit.
        threads: Threads of the decoder; 0: one per core. With several, FFmpeg delays its output by
            one image per thread.
        """
        self._container = av.open(
            url, options=dict(options or {}), timeout=timeouts_s, metadata_errors="replace"
        )
        try:
            if not self._container.streams.video:
                raise av.InvalidDataError(0, "no video stream", url)
            self._stream = self._container.streams.video[0]
            self._stream.thread_count = threads
            self._stream.thread_type = "AUTO" if threads != 1 else "NONE"
        except BaseException:
            self._container.close()
            raise
        self._images = self._decoded()
        self._reformatter = VideoReformatter()
        self._frame: av.VideoFrame | None = None

    @property
    def fps(self) -> float | None:
        """Images per second, on average or as guessed by FFmpeg; None: unknown."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def frame_count(self) -> int | None:
        """Number of images that the container states, or its duration times its rate."""
        if self._stream.frames:
            return int(self._stream.frames)
        length_s = (self._container.duration or 0) / av.time_base
        if length_s <= 0 and self._stream.duration and self._stream.time_base:
            length_s = float(self._stream.duration * self._stream.time_base)
        return int(length_s * (self.fps or 0) + 0.5) or None

    @property
    def format(self) -> str:
        """The container's format by FFmpeg's name, such as `rtsp` or `mpjpeg`."""
        return str(self._container.format.name)

    @property
    def taken_s(self) -> float | None:
        """Timestamp of the last image (s, any origin); None: it has none."""
        frame = self._frame
        if frame is None or frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base)

    def grab(self) -> bool:
        """Decode the next image; False at the end, after an error and after a timeout."""
        try:
            self._frame = next(self._images)
        except (StopIteration, av.FFmpegError):  # a stalled read raises one of several kinds
            self._frame = None
            return False
        return True

    def image(self, into: Image | None = None) -> Image | None:
        """The image just grabbed, `(h, w, 3)` uint8 BGR, upright; None if it is damaged.

        An interlaced image is shown at one moment.
        `into`: destination, used if it has the image's shape.
        """
        frame = self._frame
        if frame is None or frame.is_corrupt:
            return None
        try:
            converted = self._reformatter.reformat(
                frame, format="bgr24", interpolation=Interpolation.BICUBIC, threads=1
            )
        except av.FFmpegError:
            return None
        width, height = converted.width, converted.height
        plane: Any = converted.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)
        pixels: Image = rows[:, : 3 * width].reshape(height, width, 3)
        if frame.interlaced_frame:
            _remove_combs(pixels)
        if frame.rotation:
            pixels = np.rot90(pixels, round(frame.rotation / 90))
        if into is None or into.shape != pixels.shape:
            return np.ascontiguousarray(pixels)
        np.copyto(into, pixels)
        return into

    def close(self) -> None:
        """Release the file or the connection."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame | None]:
        """Each image, with the decoder's delayed ones at the end; None for a damaged one."""
        for packet in self._container.demux(self._stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                yield None


def _remove_combs(pixels: Image) -> None:
    """Show an interlaced image at one moment, that of its upper field.

    Where a row of the lower field differs from both of its neighbours in the same direction, the
    belt has moved between the fields: there it becomes their mean. All else keeps the resolution
    of both fields. FFmpeg's own filters (yadif, bwdif) give a frame one frame later.
    """
    above, between, below = pixels[:-2:2], pixels[1:-1:2], pixels[2::2]
    if not len(between):
        return
    upper, lower, next_upper = (rows[..., 1].astype(np.int32) for rows in (above, between, below))
    combed = (upper - lower) * (next_upper - lower) > COMB_LEVELS**2
    mean = cv2.addWeighted(above, 0.5, below, 0.5, 0)
    np.copyto(between, mean, where=combed[..., np.newaxis])
