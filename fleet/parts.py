"""A long clip in parts: where it is cut, and the pipeline over one part.

A part begins some belt travel before its first own frame, so that its pipeline has by then seen
every object whole, learned the belt's motion and measured coverage. In its last own frame, the
*joint*, this part and the next one describe the same belt: there they are joined.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from detector.errors import VigitriError
from detector.ingest import Frame
from detector.ingest.sources.decoder import Decoder
from detector.ingest.sources.frame_times import FrameTimes
from detector.ingest.sources.video_file import (
    LENGTH_SLACK_FRAMES,
    LENGTH_SLACK_SHARE,
    OPTIONS,
)
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.replay import Totals, replay_frames
from fleet.tape import Tape, track_json

LEAD_MM = 4000.0
"""Belt travel before a part's first own frame: more than two views of 1.2 m, and than the window
over which coverage is averaged."""
LEAD_S = 30.0
"""Least time of it: a fault of the image ends 10 s after its cause; a jam takes seconds."""
LEAD_TIMES = 4.0
"""A part whose belt travelled too little in its lead is begun again with a lead longer by this."""


class UnsplittableError(VigitriError):
    """A clip that is not split: it is processed as one. The reason, one line."""


@dataclass(frozen=True, slots=True)
class FilmIndex:
    """The timestamps of a film's frames, without decoding them."""

    path: Path
    fps: float
    taken_ns: list[int]
    """Of each frame in the order of showing, as `Decoder.taken_ns`."""

    @property
    def duration_s(self) -> float:
        return (self.taken_ns[-1] - self.taken_ns[0]) / 1e9 + 1 / self.fps

    def at(self, seconds: float) -> int:
        """The first frame from this time on."""
        return bisect_left(self.taken_ns, self.taken_ns[0] + round(seconds * 1e9))

    def cuts(self, part_s: float) -> list[tuple[int, int]]:
        """First and last own frame of each part, about `part_s` long and none much shorter."""
        count = max(1, round(self.duration_s / part_s))
        firsts = [self.at(number * self.duration_s / count) for number in range(count)]
        ends = [*firsts[1:], len(self.taken_ns)]
        return [(first, end - 1) for first, end in zip(firsts, ends, strict=True) if end > first]

    def notes(self) -> list[str]:
        """What is unusual about its times, as of a recording."""
        times = FrameTimes(self.fps)
        for at_ns in self.taken_ns:
            times.add(at_ns)
        return [f"{self.path}: {note}" for note in times.notes()]


def index_film(
    path: Path, longer_than_s: float, on_step: Callable[[], None] = lambda: None
) -> FilmIndex | None:
    """The index of a film that is longer than this; None: it is not. `on_step`: called for each
    packet.

    Raises `UnsplittableError` for a film whose frames cannot be known from its packets.
    """
    try:
        with av.open(str(path.resolve()), options=OPTIONS, metadata_errors="replace") as container:
            if not container.streams.video:
                return None
            stream = container.streams.video[0]
            decoder = Decoder(str(path.resolve()), options=OPTIONS, threads=1)
            duration_s, fps, own = decoder.duration_s, decoder.usual_fps, decoder.has_timestamps
            decoder.close()
            if duration_s is not None and duration_s <= longer_than_s:
                return None
            if not own or not fps:
                raise UnsplittableError("it has no timestamps")
            taken_ns = []
            for packet in container.demux(stream):
                on_step()
                if packet.size == 0:
                    continue  # the end
                if packet.pts is None or packet.is_corrupt or packet.is_discard:
                    raise UnsplittableError("not all of its images have a timestamp")
                taken_ns.append(round(packet.pts * packet.time_base * 1_000_000_000))
    except (av.FFmpegError, OSError):
        return None  # the replay says what is wrong with it
    taken_ns.sort()
    if len(taken_ns) < 2 or any(a == b for a, b in pairwise(taken_ns)):
        raise UnsplittableError("several of its images have one timestamp")
    index = FilmIndex(path, fps, taken_ns)
    if index.duration_s <= longer_than_s:
        return None
    slack_s = max(LENGTH_SLACK_FRAMES / fps, LENGTH_SLACK_SHARE * (duration_s or 0.0))
    if duration_s is not None and duration_s - index.duration_s > slack_s:
        raise UnsplittableError("it is shorter than it states")
    return index


def frames_of(index: FilmIndex, first: int, last: int, name: str, threads: int) -> Iterator[Frame]:
    """The frames `first` to `last`, numbered and timed as in the whole film.

    Raises `UnsplittableError` where they cannot be decoded as the index says.
    """
    decoder = Decoder(str(index.path.resolve()), options=OPTIONS, threads=threads)
    try:
        if first:
            decoder.seek(index.taken_ns[first])
        expected = first
        while expected <= last and decoder.grab():
            taken_ns = decoder.taken_ns
            if decoder.is_damaged or taken_ns is None:
                raise UnsplittableError("it has images that cannot be decoded")
            if taken_ns < index.taken_ns[first]:
                continue
            image = decoder.image()
            if taken_ns != index.taken_ns[expected] or image is None:
                raise UnsplittableError("its images do not come at the times of its packets")
            at_ns = taken_ns - index.taken_ns[0]
            yield Frame(image, expected, at_ns, at_ns, name, at_ns)
            expected += 1
        if expected <= last:
            raise UnsplittableError("it ends before its last packet")
    except av.FFmpegError:
        raise UnsplittableError("it cannot be read from within") from None
    finally:
        decoder.close()


@dataclass(frozen=True, slots=True)
class Joint:
    """The belt in one frame, as one part has it."""

    position_mm: float
    tracks: list[dict[str, Any]]
    """All tracks, as of `track_json`."""


@dataclass(frozen=True, slots=True)
class PartResult:
    """What one part found in its own frames."""

    tape: bytes
    first: Joint | None
    """At the last own frame of the part before; None: it is the first part."""
    last: Joint
    frames: int
    inferences: int
    blind_frames: int
    gaps_s: float
    lead_frames: int
    """Frames that were processed a second time, for the overlap."""


def process_part(
    make_line: Callable[[], Line],
    index: FilmIndex,
    cut: tuple[int, int],
    name: str,
    threads: int,
    *,
    on_step: Callable[[], None] = lambda: None,
) -> PartResult:
    """Process the frames from `cut[0]` to `cut[1]`, after a lead of belt travel. `on_step`: called
    for each frame.

    Raises `UnsplittableError`, `CalibrationError`, `ModelError`.
    """
    line = make_line()
    lead_s = _lead_s(line)
    first, last = cut
    while True:
        lead_from_s = (index.taken_ns[first] - index.taken_ns[0]) / 1e9 - lead_s
        start = index.at(max(0.0, lead_from_s)) if first else 0
        frames = frames_of(index, start, last, name, threads)
        result = _run(line, index.fps, _counted(frames, on_step), (start, first))
        if result is not None:
            return result
        lead_s *= LEAD_TIMES
        line = make_line()


def _lead_s(line: Line) -> float:
    """The lead to begin with, s: by the profile's speed, if it states one."""
    speed_mm_s = line.settings.belt.speed_mm_s or 0.0
    return max(LEAD_S, _lead_mm(line) / speed_mm_s if speed_mm_s > 0 else 0.0)


def _lead_mm(line: Line) -> float:
    """With a lap of the belt, where its length is known: its splice is known by its return."""
    return LEAD_MM + (line.settings.belt.length_mm or 0.0)


def _counted(frames: Iterable[Frame], on_step: Callable[[], None]) -> Iterator[Frame]:
    for frame in frames:
        on_step()
        yield frame


def _run(
    line: Line, fps: float, frames: Iterable[Frame], bounds: tuple[int, int]
) -> PartResult | None:
    """`bounds`: the frame that it starts with, and its first own one. None: the belt travelled too
    little between them."""
    start, first = bounds
    pipeline = Pipeline(line)
    pipeline.book = tape = Tape(line.facts)
    totals, before = Totals(), Totals()
    joint: Joint | None = None
    inferences = 0
    for frame, _ in replay_frames(pipeline, frames, fps, totals):
        tape.end_frame(frame.index, frame.t_mono_ns, keep=frame.index >= first)
        if frame.index == first - 1:
            joint = _joint(pipeline)
            if start and joint.position_mm < _lead_mm(line):
                return None
            before = Totals(
                frames=totals.frames, blind_frames=totals.blind_frames, gaps_s=totals.gaps_s
            )
            inferences = pipeline.inferences
    return PartResult(
        tape.content(),
        joint,
        _joint(pipeline),
        totals.frames - before.frames,
        pipeline.inferences - inferences,
        totals.blind_frames - before.blind_frames,
        totals.gaps_s - before.gaps_s,
        before.frames,
    )


def _joint(pipeline: Pipeline) -> Joint:
    tracks: Sequence[Any] = pipeline.tracks
    return Joint(pipeline.belt.position_mm or 0.0, [track_json(track) for track in tracks])
