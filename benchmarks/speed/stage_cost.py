"""CPU time of the pipeline's stages per metre of belt, and what the networks were given."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.footage import Footage
from detector.line_setup import Line
from detector.pipeline import STAGES, Pipeline
from detector.profile.line import LineProfile
from detector.runtime.stage_timer import StageTimer
from detector.vision.catalogue import find_model
from detector.vision.detections import Detections
from detector.vision.engine import Engine, PreparingEngine
from detector.vision.engines import open_engine, open_verifier
from detector.vision.verifier import Verifier


class CountingEngine:
    """An engine with a count of the pixels that it was given."""

    def __init__(self, engine: Engine) -> None:
        self.card = engine.card
        self.pixels = 0
        self._engine = engine

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        if isinstance(self._engine, PreparingEngine):
            self._engine.prepare(sizes_px)

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        self.pixels += image.shape[0] * image.shape[1]
        return self._engine.detect(image, min_score)


def stage_cost(footage: Footage, profile: LineProfile) -> dict[str, Any]:
    """Run the pipeline over the footage in this process. The first frame, which prepares the
    engine, counts in no stage."""
    model = find_model(profile.model.name)
    engine = CountingEngine(open_engine(model, profile.model))
    timer = StageTimer(STAGES, time.process_time_ns)
    verifier = open_verifier(model, profile.model)
    pipeline = Pipeline(Line(profile, model, engine, "cost", verifier), stage_timer=timer)
    cpu_s = dict.fromkeys(STAGES, 0.0)
    crops = _count_crops(verifier)
    for number, frame in enumerate(footage.frames()):
        pipeline.process(frame)
        for stage in STAGES if number else ():
            cpu_s[stage] += float(timer.laps_ms(stage)[-1]) / 1000
        timer.report()
    positions_mm = footage.truth.positions_mm
    metres = float(positions_mm[-1] - positions_mm[0]) / 1000
    return {
        "passes_per_m": round(pipeline.inferences / metres, 2),
        "megapixels_per_m": round(engine.pixels / 1e6 / metres, 3),
        "crops_per_m": round(sum(crops) / metres, 2),
        "cpu_s_per_m": {stage: round(each / metres, 4) for stage, each in cpu_s.items()},
    }


def _count_crops(verifier: Verifier | None) -> list[int]:
    """Crops of each verifier pass from now on."""
    counts: list[int] = []
    if verifier is not None:
        probabilities = verifier.probabilities

        def counted(count: int) -> NDArray[np.float32]:
            counts.append(count)
            return probabilities(count)

        verifier.probabilities = counted  # type: ignore[method-assign]
    return counts
