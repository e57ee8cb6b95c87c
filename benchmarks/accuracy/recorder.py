"""One run of the real pipeline over footage that records every detection of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import FLOOR, RecordedDetections
from benchmarks.accuracy.footage import Footage
from detector.belt.encoder import BeltReport, ReportedBelt, ReportedMotion
from detector.belt.motion import BeltMotion, Shift, ViewSource
from detector.line_setup import Line, LineParts
from detector.pipeline import Pipeline
from detector.profile.line import LineProfile
from detector.vision.belt_view import Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.strip_plan import StripPlan
from detector.vision.tiles import Tiling
from detector.vocabulary import SpeedBasis
from detector.wire.messages import Alert


def record_detections(
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    advance: Callable[[int, int | None], None],
) -> RecordedDetections:
    """Run the footage through the real pipeline once. Raises `EngineError` if inference fails."""
    line = _RecordingLine(profile, model, engine, "bench")
    pipeline = Pipeline(line)
    line_alerts: list[Alert] = []
    stamps = []
    for done, frame in enumerate(footage.frames(), start=1):
        line.reported.add(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        line_alerts += [alert for alert in pipeline.process(frame).alerts if alert.place is None]
        stamps.append((frame.index, frame.t_mono_ns))
        size_px = frame.size_px
        advance(done, len(footage.evaluated))
    motion = line.motion
    indices, times_ns = np.array(stamps, np.int64).T
    return RecordedDetections(
        image_size_px=size_px,
        indices=indices,
        times_ns=times_ns,
        shifts=np.array([(s.dx_mm, s.dy_mm, s.known) for s in motion.shifts], np.float64),
        speeds=np.array([np.nan if v is None else v for v in motion.speeds], np.float64),
        speed_basis=motion.bases,
        strips=np.array([_as_row(each) for each in line.plan.strips], np.float64),
        counts=np.array([len(found) for found in line.tiling.found], np.int64),
        boxes_px=np.concatenate([found.boxes_px for found in line.tiling.found]).astype(np.float32),
        scores=np.concatenate([found.scores for found in line.tiling.found]).astype(np.float32),
        classes=np.concatenate([found.classes for found in line.tiling.found]).astype(np.int64),
        line_alerts=line_alerts,
    )


class _RecordingTiling(Tiling):
    """The line's tiling; records all detections of each inference pass down to `FLOOR`."""

    def __init__(self, tiling: Tiling) -> None:
        self.__dict__.update(vars(tiling))
        self.found: list[Detections] = []

    def detect(self, engine: Engine, image: NDArray[np.uint8], min_score: float) -> Detections:
        found = super().detect(engine, image, min(FLOOR, min_score))
        self.found.append(found)
        return found.at_least(min_score)


class _RecordingPlan(StripPlan):
    """The line's strip plan; records each strip."""

    def __init__(self, plan: StripPlan) -> None:
        self.__dict__.update(vars(plan))
        self.strips: list[Strip | None] = []

    def next_strip(self, shift: Shift, t_ns: int, wanted_to_mm: float | None) -> Strip | None:
        strip = super().next_strip(shift, t_ns, wanted_to_mm)
        self.strips.append(strip)
        return strip


def _as_row(strip: Strip | None) -> tuple[float, float, float, float]:
    if strip is None:
        return (np.nan,) * 4
    return strip.top_px, strip.bottom_px, strip.upstream_mm, strip.downstream_mm


class _RecordingMotion:
    """The belt's motion; records each shift."""

    def __init__(self, motion: BeltMotion) -> None:
        self._motion = motion
        self.shifts: list[Shift] = []
        self.speeds: list[float | None] = []
        self.bases: list[SpeedBasis] = []

    @property
    def basis(self) -> SpeedBasis:
        return self._motion.basis

    @property
    def speed_mm_s(self) -> float | None:
        return self._motion.speed_mm_s

    def advance(self, image: ViewSource, t_ns: int) -> Shift:
        shift = self._motion.advance(image, t_ns)
        self.shifts.append(shift)
        self.speeds.append(self.speed_mm_s)
        self.bases.append(self.basis)
        return shift


def _unreported(motion: BeltMotion) -> ReportedMotion:
    """As on a line whose PLC reports nothing."""
    return ReportedMotion(ReportedBelt(), motion, None)


class _RecordingLine(Line):
    motion: _RecordingMotion
    plan: _RecordingPlan
    tiling: _RecordingTiling

    def parts_for(self, image_size_px: tuple[int, int]) -> LineParts:
        parts = super().parts_for(image_size_px)
        self.motion = _RecordingMotion(parts.motion)
        self.plan = _RecordingPlan(parts.plan)
        self.tiling = _RecordingTiling(parts.tiling)
        return replace(parts, motion=_unreported(self.motion), plan=self.plan, tiling=self.tiling)
