"""A recorded video."""

from __future__ import annotations

from pathlib import Path

import av

from detector.ingest.source import Image, SourceError
from detector.ingest.sources.decoder import Decoder, NoImagesError
from detector.ingest.sources.frame_times import FrameTimes
from detector.ingest.sources.paths import require_readable_file

LENGTH_SLACK_FRAMES = 2
LENGTH_SLACK_SHARE = 0.01
"""Containers without an index (MKV, TS) give their length to about a frame. A film that ends
earlier than that is truncated."""

FASTEST_FPS = 1000.0
"""Above this, FFmpeg has given the container's clock (90,000 Hz) instead of a frame rate."""

OPTIONS = {"correct_ts_overflow": "0"}
"""Where the timestamps of a transport stream jump back, FFmpeg would add the 26.5 hours after which
they wrap: two films in one file are far more frequent."""

_SNIFF_BYTES = 4096


class VideoFile:
    """A video file, of any format that PyAV's build of FFmpeg decodes."""

    live = False
    passed_over = 0

    def __init__(self, path: Path, *, fps: float | None = None, threads: int = 0) -> None:
        """`threads`: of the decoder; 0: one per core."""
        self.name = str(path)
        self.fps = fps
        self.colours = ""
        self.frame_count: int | None = None
        self.unreadable: list[str] = []
        self.position_ns: int | None = None
        self._path = path
        self._fps_asked, self._threads = fps, threads
        self._decoder: Decoder | None = None
        self._times: FrameTimes | None = None
        self._has_own_times = False
        """False: `index / fps`, because the caller gave the rate or the film has no timestamps."""
        self._decoded = 0
        self._not_shown = 0

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
            self._decoder = Decoder(str(where), options=OPTIONS, threads=self._threads)
        except NoImagesError as error:
            raise SourceError(
                self.name, f"no video: it {error.strerror}", "record it again with images"
            ) from None
        except (av.FFmpegError, OSError):
            raise SourceError(
                self.name,
                "not a readable video",
                "a recording that was cut off while it was written lacks its index: "
                "convert it (ffmpeg -i IN -c copy OUT.mp4) or record it again",
            ) from None
        self.frame_count, self.colours = self._decoder.frame_count, self._decoder.colours
        rate = self._decoder.usual_fps
        if self._fps_asked is None:
            self.fps = rate if rate is not None and 0 < rate < FASTEST_FPS else None
        self._times = FrameTimes(self.fps)
        self._has_own_times = self._fps_asked is None and self._decoder.has_timestamps
        self._decoded = self._not_shown = 0

    def grab(self) -> bool:
        decoder, times = self._decoder, self._times
        if decoder is None or times is None:
            return False
        if not decoder.grab():
            self._note_early_end(decoder, times)
            self.close()
            return False
        if decoder.is_damaged:
            times.add_damaged()
            return True
        self._decoded += 1
        position_ns = times.add(decoder.taken_ns)
        if self._has_own_times:
            self.position_ns = position_ns
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._decoder is not None, "retrieve follows a grab that was True"
        assert self._times is not None
        image = self._decoder.image(into)
        if image is None:
            if not self._decoder.is_damaged:
                self._not_shown += 1
            self.unreadable[:] = self._lost(self._times)
        return image

    @property
    def time_notes(self) -> list[str]:
        """What is unusual about the frames' times, one line each: complete at the end."""
        if self._times is None or self._fps_asked is not None:
            return []
        if not self._has_own_times:
            rate = "only a rate" if self.fps else "nor a rate: give one with --fps"
            stated = f": {self.fps:.3g} frames per second" if self.fps else ""
            return [f"{self.name}: has no timestamps, {rate}{stated}"]
        return [f"{self.name}: {note}" for note in self._times.notes()]

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _lost(self, times: FrameTimes) -> list[str]:
        """One line on all frames that could not be decoded so far."""
        lost = times.lost_frames + self._not_shown
        if not lost:
            return []
        where = f", {times.lost_where()}" if times.lost_frames else ""
        return [
            f"{self.name}: {lost} of {self._decoded + times.lost_frames} frames cannot be decoded"
            f"{where}"
        ]

    def _note_early_end(self, decoder: Decoder, times: FrameTimes) -> None:
        self.unreadable[:] = self._lost(times)
        if not self._decoded:
            self.unreadable.append(f"{self.name}: has no readable frame")
            return
        indexed, read = decoder.indexed_frames, self._decoded + times.lost_frames
        if indexed is not None:
            if indexed - read > max(LENGTH_SLACK_FRAMES, LENGTH_SLACK_SHARE * indexed):
                self.unreadable.append(
                    f"{self.name}: {read} of {indexed} frames can be read: it is cut off, or "
                    "damaged in between"
                )
            return
        stated_s = decoder.duration_s
        if stated_s is None or self.fps is None or times.jumped_back:
            return
        ended_s = times.end_ns / 1e9
        slack_s = max(LENGTH_SLACK_FRAMES / self.fps, LENGTH_SLACK_SHARE * stated_s)
        if stated_s - ended_s > slack_s:
            self.unreadable.append(
                f"{self.name}: can be read up to {ended_s:.2f} s of {stated_s:.2f} s: it is cut "
                "off, or damaged at its end"
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
