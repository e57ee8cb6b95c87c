"""One run of the real pipeline over footage that records every detection of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.detections_file import FLOOR, RecordedDetections
from benchmarks.accuracy.footage import Footage
from detector.belt.encoder import BeltReport
from detector.hazards.tracking.detection import place_on_belt
from detector.ingest import Frame
from detector.line_setup import Line
from detector.pipeline import FrameResult, Pipeline
from detector.profile.line import LineProfile
from detector.vision.belt_view import BeltView, Rectifier, Strip
from detector.vision.catalogue import ModelFolder
from detector.vision.crops import CropCutter, has_area
from detector.vision.engine import Engine
from detector.vision.verifier import Verifier


def record_detections(
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    advance: Callable[[int, int | None], None],
    *,
    verifier: Verifier | None = None,
) -> RecordedDetections:
    """Run the footage through the real pipeline once. Raises `EngineError` if inference fails.

    With a verifier, each detection gets the probability of each kind.
    """
    if verifier is not None:
        profile = _at_proposal_thresholds(profile, model)
    line = Line(profile, model, engine, "bench")
    pipeline = Pipeline(line, score_floor=FLOOR)
    results: list[FrameResult] = []
    kinds: list[NDArray[np.float32]] = []
    recorder: _KindRecorder | None = None
    stamps = []
    belt = []
    for done, frame in enumerate(footage.frames(), start=1):
        line.reported.add(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        results.append(pipeline.process(frame))
        if verifier is not None:
            if recorder is None:
                recorder = _KindRecorder(verifier, line.parts_for(frame.size_px).rectifier)
            kinds.append(recorder.kinds(frame, results[-1]))
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
        kinds=np.concatenate(kinds)
        if kinds
        else np.empty((sum(len(boxes) for boxes in found), 0), np.float32),
        line_alerts=[alert for each in results for alert in each.alerts if alert.place is None],
    )


class _KindRecorder:
    """What the verifier says about each detection of a frame, in the crop that a line would cut."""

    def __init__(self, verifier: Verifier, rectifier: Rectifier) -> None:
        card = verifier.card
        self._verifier, self._rectifier = verifier, rectifier
        self._cutter = CropCutter(card.input_px, card.context, rectifier.plane.polygon_px)

    def kinds(self, frame: Frame, result: FrameResult) -> NDArray[np.float32]:
        """`(n, k)` float32 for the `n` boxes of a result; a box without area has zeros."""
        card = self._verifier.card
        rows = np.zeros((len(result.boxes), len(card.kinds)), np.float32)
        if result.strip is None:
            return rows
        view = BeltView(frame.image, frame)
        placed = place_on_belt(result.boxes, view, result.strip, self._rectifier)
        usable = [n for n, each in enumerate(placed) if has_area(each.box_px, frame.size_px)]
        for first in range(0, len(usable), card.max_crops_per_pass):
            part = usable[first : first + card.max_crops_per_pass]
            for row, number in enumerate(part):
                self._cutter.cut(frame.image, placed[number].box_px, self._verifier.crops[row])
            rows[part] = self._verifier.probabilities(len(part))
        return rows


def _at_proposal_thresholds(profile: LineProfile, model: ModelFolder) -> LineProfile:
    """The same line, which tracks what it would propose to a verifier: its passes depend on that,
    and its verdicts are left to the replay."""
    proposals = {
        known.name: min(
            known.proposal_threshold or known.threshold,
            profile.model.thresholds.get(known.name, known.threshold),
        )
        for known in model.card.classes
    }
    choice = profile.model.model_copy(update={"thresholds": proposals})
    return profile.model_copy(update={"model": choice})


def _or_nan(speed_mm_s: float | None) -> float:
    return np.nan if speed_mm_s is None else speed_mm_s


def _as_row(strip: Strip | None) -> tuple[float, float, float, float]:
    if strip is None:
        return (np.nan,) * 4
    return strip.top_px, strip.bottom_px, strip.upstream_mm, strip.downstream_mm
