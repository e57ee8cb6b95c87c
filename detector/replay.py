"""Run the pipeline over recordings: every frame, and the same alerts every time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.belt.plane import CalibrationError
from detector.ingest import Frame, Recording, SourceError
from detector.ingest.source import READ_TIMEOUT_S
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import LineProfile
from detector.vision.catalogue import ModelFolder
from detector.vision.condition.faults import BlindImageError
from detector.vision.engine import Engine, EngineError
from detector.vision.verifier import Verifier
from detector.wire.messages import Alert, Revision


@dataclass
class Totals:
    """Totals of a replay."""

    sources: int = 0
    frames: int = 0
    unreadable: list[str] = field(default_factory=list)
    time_notes: list[str] = field(default_factory=list)
    """What is unusual about the frames' times, which are nevertheless their own."""
    blind_frames: int = 0
    gaps_s: float = 0.0
    """Time in which the recordings have no image."""
    raised: Counter[str] = field(default_factory=Counter)
    recorded_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def complete(self) -> bool:
        """Every frame of every source was processed."""
        return not self.unreadable and not self.blind_frames

    def as_json(self) -> dict[str, Any]:
        return {
            "totals": {
                "sources": self.sources,
                "frames": self.frames,
                "unreadable": self.unreadable,
                "time_notes": self.time_notes,
                "blind_frames": self.blind_frames,
                "raised": dict(sorted(self.raised.items())),
                "recorded_s": round(self.recorded_s, 3),
                "elapsed_s": round(self.elapsed_s, 3),
            }
        }


@dataclass(frozen=True, slots=True)
class ReplayedAlert:
    """One alert revision of a replay."""

    alert: Alert
    source: str
    source_frame: int
    """The frame that the box belongs to; for a state of the line, the frame that raised it."""
    t_source_s: float
    """Time in the recording at which the revision was published."""

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
    verifier: Verifier | None = None,
    fps: float | None = None,
    threads: int = 0,
    on_frame: Callable[[Frame, int | None], None],
    on_pipeline: Callable[[Pipeline], None] = lambda _: None,
) -> Iterator[ReplayedAlert]:
    """Process each source from its first frame to its last; updates `totals` as it goes.

    `verifier`: of the model; None: the detector decides alone. `threads`: that decode a film; 0:
    one per core. `on_pipeline`: gets each source's pipeline before its first frame.

    A source that cannot be opened is listed in `totals.unreadable`, and the others are processed.
    Raises `SourceError` if it is the only one, `CalibrationError` or `ModelError` if profile, model
    and images do not match.
    """
    started_ns = time.monotonic_ns()
    for number, source in enumerate(sources, start=1):
        totals.sources += 1
        _refuse_foreign_encoder(profile, source)
        line = Line(profile, model, engine, boot_id=f"replay-{number}", verifier=verifier)
        pipeline = Pipeline(line)
        on_pipeline(pipeline)
        with ExitStack() as opened:
            try:
                recording = opened.enter_context(_recording(profile, source, fps, threads))
            except SourceError as error:
                if len(sources) == 1:
                    raise
                totals.unreadable.append(str(error))
                continue
            for frame, alerts in replay_frames(pipeline, recording, recording.fps, totals):
                yield from published(alerts, frame, totals)
                on_frame(frame, recording.frame_count)
            totals.unreadable += recording.unreadable
            totals.time_notes += recording.time_notes
            totals.recorded_s += recording.duration_s
    totals.elapsed_s = (time.monotonic_ns() - started_ns) / 1e9


def replay_frames(
    pipeline: Pipeline, frames: Iterable[Frame], fps: float, totals: Totals
) -> Iterator[tuple[Frame, list[tuple[int, Alert]]]]:
    """Process frames of one recording; yields each with its alerts and their times, ns.

    Counts frames and blind time in `totals`. Raises `ModelError`.
    """
    last_ns: int | None = None
    blind_after_ns = round((READ_TIMEOUT_S + 1 / fps) * 1e9)
    for frame in frames:
        now_ns = frame.t_mono_ns
        alerts: list[tuple[int, Alert]] = []
        if last_ns is not None and now_ns - last_ns > blind_after_ns:
            alerts += _gap(pipeline, last_ns, now_ns, blind_after_ns)
            totals.gaps_s += (now_ns - last_ns) / 1e9
        alerts += [(now_ns, alert) for alert in _alerts(pipeline, frame, totals)]
        last_ns = now_ns
        totals.frames += 1
        yield frame, alerts


def published(
    alerts: Iterable[tuple[int, Alert]], frame: Frame, totals: Totals
) -> Iterator[ReplayedAlert]:
    """The alerts of one frame, counted in `totals`."""
    for at_ns, alert in alerts:
        if alert.kind is Revision.RAISED:
            totals.raised[alert.hazard.value] += 1
        boxed = alert.place.frame_index if alert.place else frame.index
        yield ReplayedAlert(alert, frame.source, boxed, at_ns / 1e9)


def _recording(
    profile: LineProfile | None, source: str, fps: float | None, threads: int
) -> Recording:
    """At `fps`, or else at the rate at which the line itself would play it."""
    if profile is None:
        return Recording(source, fps=fps, threads=threads)
    own = profile.camera.fps if _is_own_source(profile, source) else None
    return Recording(source, fps=fps or own, default_fps=profile.camera.fps, threads=threads)


def _is_own_source(profile: LineProfile, source: str) -> bool:
    return Path(source).resolve() == Path(profile.camera.source).resolve()


def _refuse_foreign_encoder(profile: LineProfile | None, source: str) -> None:
    if profile is None or profile.belt.encoder_recording is None:
        return
    if not _is_own_source(profile, source):
        raise CalibrationError(
            f"belt.encoder_recording: was recorded with camera.source = {profile.camera.source}, "
            f"not with {source}. Remove it, or replay the footage that it belongs to"
        )


def _gap(
    pipeline: Pipeline, last_ns: int, now_ns: int, blind_after_ns: int
) -> list[tuple[int, Alert]]:
    """A gap is blind, as the line itself would be: a camera that gives no image for that long."""
    reason = f"the recording has no image for {(now_ns - last_ns) / 1e9:.1f} s"
    at_ns = last_ns + blind_after_ns
    return [(at_ns, alert) for alert in pipeline.vision_lost(reason, at_ns, at_ns)]


def _alerts(pipeline: Pipeline, frame: Frame, totals: Totals) -> Sequence[Alert]:
    try:
        return pipeline.process(frame).alerts
    except (EngineError, CalibrationError, BlindImageError) as error:
        totals.blind_frames += 1
        return pipeline.vision_lost(str(error), frame.t_mono_ns, frame.t_utc_ns)
