"""Every frame of a recording, in order, stamped with its position in the recording."""

from __future__ import annotations

import math
from collections.abc import Iterator

from detector.ingest.frame import Frame
from detector.ingest.source import Source, SourceError
from detector.ingest.sources.image_folder import ImageFolder
from detector.ingest.sources.opening import open_source


class Recording:
    """Footage for replay and measurement: no frame is dropped; frames are the same every time.

        with Recording("shift.mp4") as recording:
            for frame in recording:
                ...

    Frames are read in this process, and the caller may keep them. Each is stamped with its position
    in the recording: its own timestamp, or `index / fps` for images and where `fps` is given. An
    unreadable image keeps its index, which is then missing from the frames, and is counted in
    `unreadable`.
    """

    def __init__(
        self,
        source: str,
        *,
        fps: float | None = None,
        default_fps: float | None = None,
        threads: int = 0,
    ) -> None:
        """Args:
            source: A video file, an image, or a folder or glob of images.
            fps: Frames per second; overrides the recording's own times.
            default_fps: Frames per second for footage without its own rate, such as a folder of
                images; None: 10.
            threads: Threads that decode a film; 0: one per core.

        Raises:
            ValueError: A rate is not a positive number.
        """
        for given in (fps, default_fps):
            if given is not None and not (math.isfinite(given) and given > 0):
                raise ValueError(f"fps is a positive number, not {given}")
        self._url = source
        self._fps, self._default_fps, self._threads = fps, default_fps, threads
        self._source: Source | None = None
        self._next_index = 0
        self._last_ns: int | None = None

    def __enter__(self) -> Recording:
        """Open it.

        Raises:
            SourceError: The source is missing, empty, a live camera, or has no frame rate.
        """
        source = open_source(self._url, fps=self._fps, threads=self._threads)
        if source.live:
            source.close()
            raise SourceError(source.name, "a live camera, not a recording", "use `vigitri run`")
        if self._fps is None and (source.fps is None or isinstance(source, ImageFolder)):
            source.fps = self._default_fps or source.fps
        if source.fps is None:
            source.close()
            raise SourceError(source.name, "states no frame rate", "set the rate (fps=…)")
        self._source = source
        return self

    def __exit__(self, *_: object) -> None:
        if self._source is not None:
            self._source.close()

    @property
    def name(self) -> str:
        """The path, as in `Frame.source`."""
        return self._opened().name

    @property
    def fps(self) -> float:
        """Frames per second as stated or given; the frames of a film have their own times."""
        fps = self._opened().fps
        assert fps is not None, "refused in __enter__"
        return fps

    @property
    def frame_count(self) -> int | None:
        """Number of frames that the recording states, for a progress bar; None: unknown."""
        return self._opened().frame_count

    @property
    def duration_s(self) -> float:
        """Duration of the frames so far, s."""
        return 0.0 if self._last_ns is None else self._last_ns / 1e9 + 1 / self.fps

    @property
    def time_notes(self) -> list[str]:
        """What is unusual about the times of the frames so far, a line each: a varying rate,
        gaps, jumps back."""
        return list(self._opened().time_notes)

    @property
    def unreadable(self) -> list[str]:
        """Lines on the images that could not be read so far."""
        return list(self._opened().unreadable)

    def __iter__(self) -> Iterator[Frame]:
        """The frames after the last iteration's last frame."""
        source, fps = self._opened(), self.fps
        while source.grab():
            index = self._next_index
            self._next_index += 1
            image = source.retrieve()
            if image is None:
                continue
            own_ns = source.position_ns
            at_ns = round(index * 1_000_000_000 / fps) if own_ns is None else own_ns
            self._last_ns = at_ns
            yield Frame(image, index, at_ns, at_ns, source.name, at_ns)

    def _opened(self) -> Source:
        if self._source is None:
            raise RuntimeError("a Recording is opened by `with Recording(...) as recording`")
        return self._source
