"""A worker: one process with one model per line, that runs clips through the pipeline."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from detector.belt.plane import CalibrationError
from detector.errors import VigitriError
from detector.ingest import SourceError
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.loading import ProfileError
from detector.replay import ReplayedAlert, Totals, replay
from detector.vision.catalogue import ModelError
from detector.vision.engine import Engine, EngineError
from detector.vision.engines import open_engine, open_verifier
from detector.vision.verifier import Verifier
from fleet.clips import Clip
from fleet.joining import joined
from fleet.parts import FilmIndex, PartResult, UnsplittableError, index_film, process_part
from fleet.provenance import (
    LineModel,
    ProvenanceError,
    Settings,
    ThresholdError,
    load_line,
    provenance_of,
)
from fleet.rows import revision_row, totals_row
from fleet.store import StoreError, is_uri, open_place
from fleet.tables import Row


@dataclass(frozen=True, slots=True)
class Task:
    """A clip, or a part of one, for a worker."""

    clip: Clip
    provenance: str
    """Of its line; a worker that finds another one refuses."""
    part: int | None = None
    """From 0; None: the clip as a whole, or its split into parts."""
    cut: tuple[int, int] | None = None
    """First and last own frame of the part."""
    whole: bool = False
    """Do not split it."""


@dataclass(slots=True)
class Answer:
    """What became of a task."""

    revisions: list[Row] | None = None
    totals: Row | None = None
    cuts: list[tuple[int, int]] | None = None
    """The clip is long: its parts are the next tasks."""
    part: PartResult | None = None
    not_split: str | None = None
    """Why it is to be processed as one after all."""
    cause: str | None = None
    """It failed: see the failures table."""
    reason: str = ""
    cost: Row = field(default_factory=dict)


BOOT_ID = "replay-1"
"""As of a replay of one clip."""
SCRATCH = "vigitri-fleet-"
"""Start of the name of a worker's temporary folder, before its process number."""
_CAUSES: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]] = (
    ((SourceError, StoreError), "footage"),
    ((ProfileError, CalibrationError, ThresholdError), "profile"),
    ((ModelError, EngineError, ProvenanceError), "model"),
)


class _Loaded:
    """A line's model in this process: loaded once."""

    def __init__(self, path: str | None, settings: Settings) -> None:
        self.files: LineModel = load_line(path, settings)
        self.provenance = str(provenance_of(path, self.files, settings)["provenance"])
        self.engine: Engine = open_engine(self.files.model, self.files.choice)
        self.verifier: Verifier | None = open_verifier(self.files.model, self.files.choice)

    def line(self, boot_id: str) -> Line:
        files = self.files
        return Line(files.profile, files.model, self.engine, boot_id, self.verifier)


class Scorer:
    """Processes clips; every error but the process's own death becomes an answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: dict[str | None, _Loaded] = {}
        self._scratch: str | None = None
        self._fetched: tuple[str, Path] | None = None
        self._index: tuple[str, FilmIndex] | None = None
        self._steps = 0
        # onnxruntime's and FFmpeg's threads are set where they are opened.
        cv2.setNumThreads(settings.threads if settings.threads > 1 else 0)

    def ready(self, profiles: Sequence[str | None]) -> str:
        """Load the model of the only line, so that the first clip need not; returns `where`."""
        if len(profiles) == 1:
            with contextlib.suppress(VigitriError, OSError):  # named with the clips
                self._loaded[profiles[0]] = _Loaded(profiles[0], self._settings)
        return self.where()

    def where(self) -> str:
        """Host and process of this worker."""
        return f"{socket.gethostname()} {os.getpid()}"

    def steps(self) -> int:
        """Frames, packets and parts of files so far: who asks from another thread sees whether
        this one makes progress."""
        return self._steps

    def _step(self, *_: object) -> None:
        self._steps += 1

    def process(self, task: Task) -> Answer:
        """Process a clip or a part of it, or say into which parts a clip is split."""
        started_s, used_s = time.monotonic(), time.process_time()
        fetch_s = 0.0
        try:
            loaded = self._load(task)
            path = self._fetch(task.clip)
            fetch_s = time.monotonic() - started_s
            answer = self._answer(task, loaded, path)
        except UnsplittableError as error:
            answer = Answer(not_split=str(error))
        except Exception as error:  # named in the failures table: a clip never takes the run down
            answer = Answer(cause=_cause(error), reason=_reason(error))
        answer.cost = {
            "elapsed_s": time.monotonic() - started_s,
            "cpu_s": time.process_time() - used_s,
            "fetch_s": fetch_s,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "worker": self.where(),
        }
        return answer

    def join(self, task: Task, parts: list[PartResult]) -> Answer:
        """The result of a clip, from those of its parts in order."""
        started_s, used_s = time.monotonic(), time.process_time()
        loaded = self._load(task)
        facts = loaded.line(BOOT_ID).facts
        revisions = [
            revision_row(task.clip, facts.line, alert, t_ns)
            for _, t_ns, alert in joined(parts, facts, self._step)
        ]
        notes: list[str] = []
        recorded_s = 0.0
        index = self._index_of(task.clip, self._fetch(task.clip))
        if index is not None:
            notes, recorded_s = index.notes(), (index.taken_ns[-1] - index.taken_ns[0]) / 1e9
            recorded_s += 1 / index.fps
        frames = sum(part.frames for part in parts)
        blind = sum(part.blind_frames for part in parts)
        first, *others = parts
        travel_mm = first.last.position_mm
        for part in others:
            travel_mm += part.last.position_mm - (part.first.position_mm if part.first else 0.0)
        totals = totals_row(
            task.clip,
            facts.line,
            task.provenance,
            revisions,
            frames=frames,
            inferences=sum(part.inferences for part in parts),
            recorded_s=round(recorded_s, 6),
            belt_mm=_rounded(travel_mm),
            blind_frames=blind,
            blind_s=_blind_s(blind, sum(part.gaps_s for part in parts), frames, recorded_s),
            parts=len(parts),
            complete=not blind,
            notes=[self._own_name(task.clip, note) for note in notes],
        )
        cost = {
            "elapsed_s": time.monotonic() - started_s,
            "cpu_s": time.process_time() - used_s,
            "worker": self.where(),
        }
        return Answer(revisions, totals, cost=cost)

    def _load(self, task: Task) -> _Loaded:
        path = task.clip.profile
        if path not in self._loaded:
            self._loaded[path] = _Loaded(path, self._settings)
        loaded = self._loaded[path]
        if loaded.provenance != task.provenance:
            raise ProvenanceError(
                f"{socket.gethostname()} has another profile, model, engine or version than the "
                "machine that started the run: install the same there"
            )
        return loaded

    def _fetch(self, clip: Clip) -> Path:
        """The clip as a local file; one that was fetched replaces the one before."""
        if not is_uri(clip.name):
            return Path(clip.name.removeprefix("file://"))
        if self._fetched is not None and self._fetched[0] == clip.name:
            return self._fetched[1]
        self._scratch = self._scratch or _scratch_folder()
        for old in Path(self._scratch).iterdir():
            old.unlink()
        self._fetched = None
        filesystem, path = open_place(clip.name)
        to = Path(self._scratch) / Path(path).name
        try:
            with filesystem.open_input_stream(path) as source, to.open("wb") as file:
                while part := source.read(1 << 20):
                    self._step()
                    file.write(part)
        except OSError as error:
            raise StoreError(f"{clip.name}: {str(error).splitlines()[0]}") from None
        self._fetched = clip.name, to
        return to

    def _index_of(self, clip: Clip, path: Path) -> FilmIndex | None:
        """None: the clip is not long."""
        if self._settings.split_s is None or self._settings.fps is not None or path.is_dir():
            return None
        if self._index is None or self._index[0] != clip.name:
            index = index_film(path, self._settings.split_s, self._step)
            if index is None:
                return None
            self._index = clip.name, index
        return self._index[1]

    def _answer(self, task: Task, loaded: _Loaded, path: Path) -> Answer:
        profile = loaded.files.profile
        splittable = not task.whole and not (profile and profile.belt.encoder_recording)
        index = self._index_of(task.clip, path) if splittable else None
        if task.cut is not None:
            if index is None:
                raise UnsplittableError("it is not the file that it was")
            part = process_part(
                lambda: loaded.line(BOOT_ID),
                index,
                task.cut,
                task.clip.name,
                self._settings.threads,
                on_step=self._step,
            )
            return Answer(part=part)
        if index is not None and self._settings.split_s is not None:
            cuts = index.cuts(self._settings.split_s)
            if len(cuts) > 1:
                return Answer(cuts=cuts)
        return self._replayed(task, loaded, path)

    def _replayed(self, task: Task, loaded: _Loaded, path: Path) -> Answer:
        files, totals = loaded.files, Totals()
        pipelines: list[Pipeline] = []
        alerts: list[ReplayedAlert] = list(
            replay(
                [str(path)],
                files.profile,
                files.model,
                loaded.engine,
                totals,
                verifier=loaded.verifier,
                fps=self._settings.fps,
                threads=self._settings.threads,
                on_frame=self._step,
                on_pipeline=pipelines.append,
            )
        )
        pipeline = pipelines[0]
        revisions = [
            revision_row(task.clip, files.line, each.alert, round(each.t_source_s * 1e9))
            for each in alerts
        ]
        row = totals_row(
            task.clip,
            files.line,
            task.provenance,
            revisions,
            frames=totals.frames,
            inferences=pipeline.inferences,
            recorded_s=round(totals.recorded_s, 6),
            belt_mm=_rounded(pipeline.belt.position_mm),
            blind_frames=totals.blind_frames,
            blind_s=_blind_s(totals.blind_frames, totals.gaps_s, totals.frames, totals.recorded_s),
            parts=1,
            complete=totals.complete,
            notes=[
                self._own_name(task.clip, note) for note in totals.unreadable + totals.time_notes
            ],
        )
        return Answer(revisions, row)

    def _own_name(self, clip: Clip, note: str) -> str:
        """A note with the clip's own name, where it was copied here."""
        return note.replace(str(self._fetched[1]), clip.name) if self._fetched else note

    def close(self) -> None:
        """Remove the copy of the last clip."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = self._fetched = None


def _scratch_folder() -> str:
    """A temporary folder of this process; those of killed workers are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        process = left.name.removeprefix(SCRATCH).split("-")[0]
        if process.isdecimal() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-")


def _blind_s(blind_frames: int, gaps_s: float, frames: int, recorded_s: float) -> float:
    return round(gaps_s + blind_frames * (recorded_s - gaps_s) / max(1, frames), 6)


def _rounded(position_mm: float | None) -> float | None:
    return None if position_mm is None else round(position_mm, 3)


def _cause(error: Exception) -> str:
    return next((cause for kinds, cause in _CAUSES if isinstance(error, kinds)), "error")


def _reason(error: Exception) -> str:
    text: Any = str(error) or type(error).__name__
    line = str(text).strip().splitlines()[0]
    return line if isinstance(error, VigitriError) else f"{type(error).__name__}: {line}"
