"""The real pipeline over footage once; everything that the model saw of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import FLOOR, Remembered
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


def look_at(
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    advance: Callable[[int, int | None], None],
) -> Remembered:
    """Take the footage through the real pipeline once. Raises `EngineError`: nobody has looked."""
    line = _KeepingLine(profile, model, engine, "bench")
    pipeline = Pipeline(line)
    line_alerts: list[Alert] = []
    stamps = []
    for done, frame in enumerate(footage.frames(), start=1):
        line.reported.add(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        line_alerts += [alert for alert in pipeline.process(frame).alerts if alert.place is None]
        stamps.append((frame.index, frame.t_mono_ns))
        size_px = frame.size_px
        advance(done, len(footage.looked_at))
    kept = line.motion
    indices, times_ns = np.array(stamps, np.int64).T
    return Remembered(
        image_size_px=size_px,
        indices=indices,
        times_ns=times_ns,
        shifts=np.array([(s.dx_mm, s.dy_mm, s.known) for s in kept.shifts], np.float64),
        speeds=np.array([np.nan if v is None else v for v in kept.speeds], np.float64),
        speed_basis=kept.bases,
        strips=np.array([_as_row(each) for each in line.plan.strips], np.float64),
        counts=np.array([len(found) for found in line.tiling.found], np.int64),
        boxes_px=np.concatenate([found.boxes_px for found in line.tiling.found]).astype(np.float32),
        scores=np.concatenate([found.scores for found in line.tiling.found]).astype(np.float32),
        classes=np.concatenate([found.classes for found in line.tiling.found]).astype(np.int64),
        line_alerts=line_alerts,
    )


class _KeepingTiling(Tiling):
    """The line's tiling, and everything that was found in each look down to `FLOOR`."""

    def __init__(self, tiling: Tiling) -> None:
        self.__dict__.update(vars(tiling))
        self.found: list[Detections] = []

    def detect(self, engine: Engine, picture: NDArray[np.uint8], min_score: float) -> Detections:
        found = super().detect(engine, picture, min(FLOOR, min_score))
        self.found.append(found)
        return found.at_least(min_score)


class _KeepingPlan(StripPlan):
    """The line's plan, and each strip that it gave."""

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


class _KeepingMotion:
    """The belt's motion, and each shift that it told."""

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

    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        shift = self._motion.advance(view, t_ns)
        self.shifts.append(shift)
        self.speeds.append(self.speed_mm_s)
        self.bases.append(self.basis)
        return shift


def _unreported(motion: BeltMotion) -> ReportedMotion:
    """As on a line whose PLC says nothing."""
    return ReportedMotion(ReportedBelt(), motion, None)


class _KeepingLine(Line):
    motion: _KeepingMotion
    plan: _KeepingPlan
    tiling: _KeepingTiling

    def parts_for(self, image_size_px: tuple[int, int]) -> LineParts:
        parts = super().parts_for(image_size_px)
        self.motion = _KeepingMotion(parts.motion)
        self.plan = _KeepingPlan(parts.plan)
        self.tiling = _KeepingTiling(parts.tiling)
        return replace(parts, motion=_unreported(self.motion), plan=self.plan, tiling=self.tiling)
