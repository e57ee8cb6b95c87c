"""The same pipeline over recordings: every frame, the same alerts every time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.belt.plane import CalibrationError
from detector.ingest import Frame, Recording, SourceError
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import LineProfile
from detector.vision.catalogue import ModelFolder
from detector.vision.engine import Engine, EngineError
from detector.vision.exposure import UnlitError
from detector.wire.messages import Alert, Revision


@dataclass
class Totals:
    """What a replay came to."""

    sources: int = 0
    frames: int = 0
    unreadable: list[str] = field(default_factory=list)
    blind_frames: int = 0
    raised: Counter[str] = field(default_factory=Counter)
    recorded_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def complete(self) -> bool:
        """Every frame of every source was looked at."""
        return not self.unreadable and not self.blind_frames

    def as_json(self) -> dict[str, Any]:
        return {
            "totals": {
                "sources": self.sources,
                "frames": self.frames,
                "unreadable": self.unreadable,
                "blind_frames": self.blind_frames,
                "raised": dict(sorted(self.raised.items())),
                "recorded_s": round(self.recorded_s, 3),
                "elapsed_s": round(self.elapsed_s, 3),
            }
        }


@dataclass(frozen=True, slots=True)
class Told:
    """One alert revision of a replay."""

    alert: Alert
    source: str
    source_frame: int
    """The frame that the box belongs to; for a state of the line, the frame that showed it."""
    t_source_s: float
    """Where in the recording it was told."""

    def as_json(self) -> dict[str, Any]:
        return {
            **self.alert.model_dump(mode="json"),
            "source": self.source,
            "source_frame": self.source_frame,
            "t_source_s": round(self.t_source_s, 4),
        }


def replay(
    sources: Sequence[str],
    profile: LineProfile | None,
    model: ModelFolder,
    engine: Engine,
    totals: Totals,
    *,
    fps: float | None = None,
    on_frame: Callable[[Frame, int | None], None],
) -> Iterator[Told]:
    """Take each source from its first frame to its last; `totals` is filled on the way.

    A source that cannot be opened is noted in `totals.unreadable`, and the others go on. Raises
    `SourceError` if it is the only one, `CalibrationError` or `ModelError` if profile, model and
    pictures do not fit.
    """
    started_ns = time.monotonic_ns()
    for number, source in enumerate(sources, start=1):
        totals.sources += 1
        _refuse_anothers_encoder(profile, source)
        line = Line(profile, model, engine, boot_id=f"replay-{number}")
        pipeline = Pipeline(line)
        with ExitStack() as opened:
            try:
                recording = opened.enter_context(_recording(profile, source, fps))
            except SourceError as error:
                if len(sources) == 1:
                    raise
                totals.unreadable.append(str(error))
                continue
            seen = 0
            for frame in recording:
                seen = frame.index + 1
                t_source_s = frame.t_mono_ns / 1e9
                for alert in _alerts(pipeline, frame, totals):
                    if alert.kind is Revision.RAISED:
                        totals.raised[alert.hazard.value] += 1
                    boxed = alert.place.frame_index if alert.place else frame.index
                    yield Told(alert, frame.source, boxed, t_source_s)
                totals.frames += 1
                on_frame(frame, recording.frame_count)
            totals.unreadable += recording.unreadable
            totals.recorded_s += seen / recording.fps
    totals.elapsed_s = (time.monotonic_ns() - started_ns) / 1e9


def _recording(profile: LineProfile | None, source: str, fps: float | None) -> Recording:
    """At the rate at which the line itself would play it, unless `fps` says another."""
    if profile is None:
        return Recording(source, fps=fps)
    own = profile.camera.fps if _is_its_own(profile, source) else None
    return Recording(source, fps=fps or own, pictures_fps=profile.camera.fps)


def _is_its_own(profile: LineProfile, source: str) -> bool:
    return Path(source).resolve() == Path(profile.camera.source).resolve()


def _refuse_anothers_encoder(profile: LineProfile | None, source: str) -> None:
    if profile is None or profile.belt.encoder_recording is None:
        return
    if not _is_its_own(profile, source):
        raise CalibrationError(
            f"belt.encoder_recording: was recorded beside camera.source = {profile.camera.source}, "
            f"not beside {source}. Leave it out, or replay the footage that it belongs to"
        )


def _alerts(pipeline: Pipeline, frame: Frame, totals: Totals) -> list[Alert]:
    try:
        return pipeline.see(frame).alerts
    except (EngineError, CalibrationError, UnlitError) as error:
        totals.blind_frames += 1
        return pipeline.blind(str(error), frame.t_mono_ns, frame.t_utc_ns)
