"""The pictures of a video, decoded by FFmpeg through PyAV: a file's or a network camera's.

Not `cv2.VideoCapture` (4.13 to 5.0): of an interlaced picture, which it cannot convert, it answers
True and hands out the picture before, or memory that was never written; it says nothing of damaged
pictures; and it names no picture's own time. The pictures are the same to the bit, for 1.1 of its
CPU time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from detector.ingest.source import Image
from detector.ingest.sources.opencv import cv2

av.logging.set_level(None)  # it prints without the name of the file; errors say it instead

COMB_LEVELS = 12
"""Of 255, in the green channel: above a camera's noise, below the edge of an object on a belt."""


class Decoder:
    """One video stream, from its first picture to its last. Raises `av.FFmpegError` at opening."""

    def __init__(
        self,
        url: str,
        *,
        options: Mapping[str, str] | None = None,
        timeouts_s: tuple[float, float] | None = None,
        threads: int = 0,
    ) -> None:
        """Args:
        url: A path or URL as FFmpeg takes it.
        options: FFmpeg's, of the protocol and the container.
        timeouts_s: Longest wait for the connection, and for each read; None: no limit.
        threads: Of the decoder; 0 takes one for each core. With several, FFmpeg holds back one
            picture for each of them.
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
        self._pictures = self._decoded()
        self._reformatter = VideoReformatter()
        self._frame: av.VideoFrame | None = None

    @property
    def fps(self) -> float | None:
        """Pictures per second, on average or as FFmpeg guesses them; None: neither is known."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def frame_count(self) -> int | None:
        """Pictures that the container announces: counted, or its duration times its rate."""
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
        """The time that the last picture carries (s, from wherever); None: it carries none."""
        frame = self._frame
        if frame is None or frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base)

    def grab(self) -> bool:
        """Decode the next picture; False at the end, after an error and after a time-out."""
        try:
            self._frame = next(self._pictures)
        except (StopIteration, av.FFmpegError):  # a stalled read raises one of several kinds
            self._frame = None
            return False
        return True

    def picture(self, into: Image | None = None) -> Image | None:
        """The picture just grabbed, `(h, w, 3)` uint8 BGR, upright; None where it is damaged.

        An interlaced picture is shown at one moment.
        `into`: where to put it, if it has the shape.
        """
        frame = self._frame
        if frame is None or frame.is_corrupt:
            return None
        try:
            made = self._reformatter.reformat(
                frame, format="bgr24", interpolation=Interpolation.BICUBIC, threads=1
            )
        except av.FFmpegError:
            return None
        plane: Any = made.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(made.height, plane.line_size)
        pixels: Image = rows[:, : 3 * made.width].reshape(made.height, made.width, 3)
        if frame.interlaced_frame:
            _remove_combs(pixels)
        if frame.rotation:
            pixels = np.rot90(pixels, round(frame.rotation / 90))
        if into is None or into.shape != pixels.shape:
            return np.ascontiguousarray(pixels)
        np.copyto(into, pixels)
        return into

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame | None]:
        """Each picture, the last ones at the end of the stream; None for one that is broken."""
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
