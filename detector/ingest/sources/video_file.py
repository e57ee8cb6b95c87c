"""A recorded video."""

from __future__ import annotations

import math
from pathlib import Path

import av

from detector.ingest.source import Image, SourceError
from detector.ingest.sources.decoder import Decoder
from detector.ingest.sources.paths import require_readable_file

COUNT_SLACK_FRAMES = 2
COUNT_SLACK_SHARE = 0.01
"""Containers without an index (MKV, TS) give their length as duration times rate, which is off by
about a frame, for a video of varying rate by more. With fewer frames than that, it is truncated."""

FASTEST_FPS = 1000.0
"""Above this, FFmpeg has given the container's clock (90,000 Hz) instead of a frame rate."""

_SNIFF_BYTES = 4096


class VideoFile:
    """A video file, of any format that PyAV's build of FFmpeg decodes."""

    live = False
    passed_over = 0

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self.name = str(path)
        self.fps = fps
        self.frame_count: int | None = None
        self.unreadable: list[str] = []
        self._path = path
        self._fps_asked = fps
        self._decoder: Decoder | None = None
        self._grabbed = 0

    def open(self) -> None:
        require_readable_file(self._path)
        if _is_text(self._path):  # FFmpeg would play it as an animation of characters
            raise SourceError(self.name, "a text file, not a video", "name a video")
        where = self._path.resolve()
        if not _is_unicode(where):
            raise SourceError(self.name, "its name is not UTF-8", "rename it, or its folder")
        self.close()
        try:
            # Absolute, because FFmpeg takes `shift:1.mp4` for a protocol named `shift`.
            self._decoder = Decoder(str(where))
        except (av.FFmpegError, OSError):
            raise SourceError(
                self.name,
                "not a readable video",
                "a recording that was cut off while it was written lacks its index: "
                "convert it (ffmpeg -i IN -c copy OUT.mp4) or record it again",
            ) from None
        self.frame_count = self._decoder.frame_count
        rate = self._decoder.fps
        if self._fps_asked is None:
            self.fps = rate if rate is not None and 0 < rate < FASTEST_FPS else None
        self._grabbed = 0

    def grab(self) -> bool:
        if self._decoder is None:
            return False
        if self._decoder.grab():
            self._grabbed += 1
            return True
        self._note_early_end()
        self.close()
        return False

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._decoder is not None, "retrieve follows a grab that was True"
        image = self._decoder.image(into)
        if image is None:
            self.unreadable.append(f"{self.name}: frame {self._grabbed - 1} cannot be decoded")
        return image

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _note_early_end(self) -> None:
        announced = self.frame_count
        if not self._grabbed:
            self.unreadable.append(f"{self.name}: has no readable frame")
            return
        if announced is None:
            return
        slack = max(COUNT_SLACK_FRAMES, math.ceil(announced * COUNT_SLACK_SHARE))
        if announced - self._grabbed > slack:
            self.unreadable.append(
                f"{self.name}: {self._grabbed} of {announced} frames can be read: it is cut off, "
                "or damaged in between"
            )


def _is_unicode(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_SNIFF_BYTES)
    try:
        text = start[:-3].decode()  # the last character may be cut in two
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)
