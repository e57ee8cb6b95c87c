"""One run of the real pipeline over footage that records every detection of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.accuracy.detections_file import FLOOR, RecordedDetections
from benchmarks.accuracy.footage import Footage
from detector.belt.encoder import BeltReport
from detector.line_setup import Line
from detector.pipeline import FrameResult, Pipeline
from detector.profile.line import LineProfile
from detector.vision.belt_view import Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.engine import Engine


def record_detections(
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    advance: Callable[[int, int | None], None],
) -> RecordedDetections:
    """Run the footage through the real pipeline once. Raises `EngineError` if inference fails."""
    line = Line(profile, model, engine, "bench")
    pipeline = Pipeline(line, score_floor=FLOOR)
    results: list[FrameResult] = []
    stamps = []
    belt = []
    for done, frame in enumerate(footage.frames(), start=1):
        line.reported.add(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        results.append(pipeline.process(frame))
        stamps.append((frame.index, frame.t_mono_ns))
        belt.append(pipeline.belt)
        size_px = frame.size_px
        advance(done, len(footage.evaluated))
    indices, times_ns = np.array(stamps, np.int64).T
    shifts = [each.shift for each in results]
    found = [each.boxes for each in results if each.inferred]
    return RecordedDetections(
        image_size_px=size_px,
        indices=indices,
        times_ns=times_ns,
        shifts=np.array([(s.dx_mm, s.dy_mm, s.known) for s in shifts], np.float64),
        speeds=np.array([_or_nan(each.speed_mm_s) for each in belt], np.float64),
        speed_basis=[each.speed_basis for each in belt],
        strips=np.array([_as_row(each.strip) for each in results], np.float64),
        counts=np.array([len(boxes) for boxes in found], np.int64),
        boxes_px=np.concatenate([boxes.boxes_px for boxes in found]).astype(np.float32),
        scores=np.concatenate([boxes.scores for boxes in found]).astype(np.float32),
        classes=np.concatenate([boxes.classes for boxes in found]).astype(np.int64),
        line_alerts=[alert for each in results for alert in each.alerts if alert.place is None],
    )


def _or_nan(speed_mm_s: float | None) -> float:
    return np.nan if speed_mm_s is None else speed_mm_s


def _as_row(strip: Strip | None) -> tuple[float, float, float, float]:
    if strip is None:
        return (np.nan,) * 4
    return strip.top_px, strip.bottom_px, strip.upstream_mm, strip.downstream_mm
