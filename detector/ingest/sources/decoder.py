"""Decodes a video, from a file or a network camera, by FFmpeg through PyAV.

Not by `cv2.VideoCapture` (4.13 to 5.0): for an interlaced image, which it cannot convert, it
returns True with the previous image or unwritten memory; it does not report damaged images; and it
gives no timestamp of an image. PyAV's images are identical to the bit, for 1.1 of the CPU time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from detector.cores import available_cores
from detector.ingest.source import Image
from detector.ingest.sources.opencv import cv2

av.logging.set_level(None)  # its log lines lack the name of the file; our errors have it

_NO_TIMESTAMPS = 0x80
"""FFmpeg's AVFMT_NOTIMESTAMPS: a bare stream of images, such as a file `*.h264`."""

_COLOURS = {1: "BT.709", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020", 10: "BT.2020"}
"""FFmpeg's AVColorSpace: how red, green and blue were coded. libswscale converts by it."""
_FULL_RANGE = 2

COMB_LEVELS = 12
"""Of 255, in the green channel: above a camera's noise, below the edge of an object on a belt."""


class NoImagesError(av.InvalidDataError):  # type: ignore[misc]  # PyAV is untyped for mypy here
    """A sound recording, or a film without images."""


class Decoder:
    """One video stream, from its first image to its last.

    Raises `av.FFmpegError` at opening, `NoImagesError` of these for a file without images.
    """

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
            self._stream = _video_stream(self._container, url)
            self._stream.thread_count = threads or available_cores()
            self._stream.thread_type = "AUTO" if threads != 1 else "NONE"
        except BaseException:
            self._container.close()
            raise
        self._images = self._decoded()
        self._reformatter = VideoReformatter()
        self._frame: av.VideoFrame | None = None

    @property
    def average_fps(self) -> float | None:
        """Images per second, on average or as guessed by FFmpeg; None: unknown."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def usual_fps(self) -> float | None:
        """Images per second, without the gaps of a film; None: unknown."""
        if not self.has_timestamps:  # FFmpeg assumes 25; only the codec's own rate is stated
            rate = self._stream.codec_context.framerate
        else:
            rate = self._stream.guessed_rate or self._stream.average_rate
        return float(rate) if rate else None

    @property
    def has_timestamps(self) -> bool:
        """False for a bare stream of images, without a container."""
        container = self._container.format
        images = container.name == "mjpeg" or container.name.endswith("_pipe")
        return not images and not container.flags & _NO_TIMESTAMPS

    @property
    def duration_s(self) -> float | None:
        """Length of the video as its container states it; None: it states none."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        written = _seconds(stream.metadata.get("DURATION", ""))  # of each stream, in Matroska
        return written or (self._container.duration or 0) / av.time_base or None

    @property
    def indexed_frames(self) -> int | None:
        """Number of images to be seen by the container's index; None: it has none.

        The index of an MP4 also counts images that an edit list hides, of a film that was cut.
        """
        return None if "mp4" in self.format else self._stream.frames or None

    @property
    def frame_count(self) -> int | None:
        """Number of images by the container's index or by duration and rate; None: unknown."""
        by_time = int((self.duration_s or 0) * (self.usual_fps or 0) + 0.5)
        counts = [count for count in (self._stream.frames, by_time) if count]
        return min(counts, default=None)

    @property
    def colours(self) -> str:
        """The stream's colour tag, such as `BT.709`; without one, what the conversion assumes."""
        codec = self._stream.codec_context
        matrix = _COLOURS.get(int(codec.colorspace), "")
        if not matrix:
            return "without a tag, read as BT.601"
        return f"{matrix}, full range" if int(codec.color_range) == _FULL_RANGE else matrix

    @property
    def format(self) -> str:
        """The container's format by FFmpeg's name, such as `rtsp` or `mpjpeg`."""
        return str(self._container.format.name)

    @property
    def taken_ns(self) -> int | None:
        """Timestamp of the last image (ns, any origin); None: it has none."""
        frame = self._frame
        if frame is None or frame.pts is None or frame.time_base is None:
            return None
        taken_ns: int = round(frame.pts * frame.time_base * 1_000_000_000)
        return taken_ns

    @property
    def is_damaged(self) -> bool:
        """The image just grabbed cannot be decoded."""
        return self._frame is None or self._frame.is_corrupt

    def grab(self) -> bool:
        """Decode the next image; False at the end, after an error and after a timeout."""
        try:
            self._frame = next(self._images)
        except (StopIteration, av.FFmpegError):  # a stalled read raises one of several kinds
            self._frame = None
            return False
        return True

    def seek(self, taken_ns: int) -> None:
        """Continue at the last key frame at or before this timestamp (ns, as `taken_ns`).

        Raises `av.FFmpegError` where the container cannot.
        """
        at = int(Fraction(taken_ns, 1_000_000_000) / self._stream.time_base)
        self._container.seek(at, stream=self._stream, backward=True)
        self._images = self._decoded()

    def image(self, into: Image | None = None) -> Image | None:
        """The image just grabbed, `(h, w, 3)` uint8 BGR, upright; None if it is damaged.

        An interlaced image is shown at one moment.
        `into`: destination, used if it has the image's shape.
        """
        frame = self._frame
        if frame is None or self.is_damaged:
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


def _video_stream(container: Any, url: str) -> Any:
    """The first stream of images. Raises `NoImagesError`."""
    if container.streams.video:
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise NoImagesError(0, "is in a code that is not known", url)
        return stream
    kinds = sorted({str(stream.type) for stream in container.streams})
    raise NoImagesError(0, f"contains {' and '.join(kinds)}" if kinds else "is empty", url)


def _seconds(text: str) -> float:
    """Of `00:00:05.000000000`; 0: not a duration."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


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
