"""The real pipeline over footage once, and over what was kept of it as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Footage
from benchmarks.memory import FLOOR, Remembered
from calibration.belt_load import Jam
from calibration.belt_motion import Basis, BeltMotion, Picture, Shift
from calibration.line_profile import LineProfile
from calibration.reported_motion import BeltReport, ReportedBelt, ReportedMotion
from detector.hazards.overload import OverloadMonitor
from detector.hazards.tracker import BeltTracker
from detector.ingest import Frame
from detector.line_setup import Line, LineParts
from detector.pipeline import Pipeline
from detector.vision.belt_view import BeltView, Rectifier, Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.strip_plan import StripPlan
from detector.wire.messages import Alert


def look_at(
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    advance: Callable[[int, int | None], None],
) -> Remembered:
    """Take the footage through the real pipeline once. Raises `EngineError`: nobody has looked."""
    eyes = _KeepingEngine(engine)
    line = _KeepingLine(profile, model, eyes, "bench")
    pipeline = Pipeline(line)
    line_alerts: list[Alert] = []
    stamps = []
    for done, frame in enumerate(footage.frames(), start=1):
        line.reported.hear(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        line_alerts += [alert for alert in pipeline.see(frame).alerts if alert.place is None]
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
        counts=np.array([len(found) for found in eyes.found], np.int64),
        boxes_px=np.concatenate([found.boxes_px for found in eyes.found]).astype(np.float32),
        scores=np.concatenate([found.scores for found in eyes.found]).astype(np.float32),
        classes=np.concatenate([found.classes for found in eyes.found]).astype(np.int64),
        line_alerts=line_alerts,
    )


def recall(seen: Remembered, profile: LineProfile, model: ModelFolder) -> Iterator[Alert]:
    """The same pipeline over what was kept: the alerts on objects, as it tells them.

    `model` may have other thresholds than the one that looked, `profile` other rules of tracking.
    """
    unwatched = profile.overload.model_copy(update={"empty_belt": None})
    profile = profile.model_copy(update={"overload": unwatched})
    pipeline = Pipeline(_RecallingLine(profile, model, seen))
    blank = np.broadcast_to(np.zeros(3, np.uint8), (*seen.image_size_px[::-1], 3))
    for index, t_ns in zip(seen.indices.tolist(), seen.times_ns.tolist(), strict=True):
        frame = Frame(blank, index, t_ns, t_ns, "recording", "remembered")
        yield from (alert for alert in pipeline.see(frame).alerts if alert.place is not None)


_VIEWS: dict[Any, LineParts] = {}
"""The parts of the line that was tried last which no threshold changes: they take long to make."""


class _KeepingEngine:
    """The engine, and everything that it found down to `FLOOR`."""

    def __init__(self, engine: Engine) -> None:
        self.card = engine.card
        self.found: list[Detections] = []
        self._engine = engine

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        found = self._engine.detect(picture, min(FLOOR, min_score))
        self.found.append(found)
        return found.above(np.full(len(self.card.classes), min_score, np.float32))


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
        self.bases: list[Basis] = []

    @property
    def basis(self) -> Basis:
        return self._motion.basis

    @property
    def speed_mm_s(self) -> float | None:
        return self._motion.speed_mm_s

    def advance(self, picture: Picture, t_ns: int) -> Shift:
        shift = self._motion.advance(picture, t_ns)
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

    def parts_for(self, image_size_px: tuple[int, int]) -> LineParts:
        parts = super().parts_for(image_size_px)
        self.motion = _KeepingMotion(parts.motion)
        self.plan = _KeepingPlan(parts.plan)
        return replace(parts, motion=_unreported(self.motion), plan=self.plan)


class _RecallingLine(Line):
    def __init__(self, profile: LineProfile, model: ModelFolder, seen: Remembered) -> None:
        self._seen = seen
        super().__init__(profile, model, _RecallingEngine(model, seen), "bench")

    def parts_for(self, image_size_px: tuple[int, int]) -> LineParts:
        belt, view = self.settings.belt, self.settings.view
        key = (belt, view, image_size_px, self.engine.card.input.stride)
        if key not in _VIEWS:
            _VIEWS.clear()  # one line is tried many times in a row
            _VIEWS[key] = self._view(super().parts_for(image_size_px), image_size_px)
        parts, tracking = _VIEWS[key], self.settings.tracking
        return replace(
            parts,
            motion=_unreported(_RecallingMotion(self._seen)),
            plan=_RecallingPlan(self._seen),
            tracker=BeltTracker(
                tracking.hits,
                tracking.looks,
                parts.rectifier.extent_mm,
                whole_mm=view.object_mm,
            ),
        )

    def _view(self, parts: LineParts, image_size_px: tuple[int, int]) -> LineParts:
        known, stride = parts.rectifier, self.engine.card.input.stride
        nobody = OverloadMonitor(
            None,
            parts.small.judged_mask,
            parts.small.judged_mm_per_px,
            raise_at=1,
            release_at=0,
            window_mm=1,
            jam=Jam(),
        )
        blind = _Blindfolded(known.plane, image_size_px, known.mm_per_px, stride)
        return replace(parts, rectifier=blind, overload=nobody)


class _Blindfolded(Rectifier):
    """Knows where everything lies and warps no picture."""

    def look(self, frame: Frame, strip: Strip | None = None) -> BeltView:  # noqa: ARG002
        return BeltView(frame.image, frame)


class _RecallingEngine:
    def __init__(self, model: ModelFolder, seen: Remembered) -> None:
        self.card = model.card
        self._seen = seen
        self._ends = np.concatenate(([0], np.cumsum(seen.counts)))
        self._next = 0

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:  # noqa: ARG002
        mine = slice(int(self._ends[self._next]), int(self._ends[self._next + 1]))
        self._next += 1
        seen = self._seen
        found = Detections(seen.boxes_px[mine], seen.scores[mine], seen.classes[mine])
        return found.above(np.full(len(self.card.classes), min_score, np.float32))


class _RecallingPlan(StripPlan):
    """Looks where the line looked: other thresholds would have asked for other looks here and
    there, of which nothing was kept."""

    def __init__(self, seen: Remembered) -> None:
        self._strips = iter(seen.strips.tolist())

    def next_strip(
        self,
        shift: Shift,  # noqa: ARG002
        t_ns: int,  # noqa: ARG002
        wanted_to_mm: float | None,  # noqa: ARG002
    ) -> Strip | None:
        top, bottom, upstream_mm, downstream_mm = next(self._strips)
        if np.isnan(top):
            return None
        return Strip(int(top), int(bottom), upstream_mm, downstream_mm)

    def looked(self, strip: Strip, t_ns: int) -> None:
        """It has been planned already."""


class _RecallingMotion:
    def __init__(self, seen: Remembered) -> None:
        self._seen = seen
        self._at = -1

    @property
    def basis(self) -> Basis:
        return self._seen.speed_basis[self._at]

    @property
    def speed_mm_s(self) -> float | None:
        speed = float(self._seen.speeds[self._at])
        return None if np.isnan(speed) else speed

    def advance(self, picture: Picture, t_ns: int) -> Shift:  # noqa: ARG002
        self._at += 1
        dx_mm, dy_mm, known = self._seen.shifts[self._at].tolist()
        return Shift(dx_mm, dy_mm, bool(known))
