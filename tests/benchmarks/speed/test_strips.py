from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy.footage import open_footage, profile_of
from benchmarks.speed import lines, strips
from benchmarks.subscription import RunMessages
from detector.vision.catalogue import find_model
from detector.vision.engine import OnnxEngine
from detector.wire.messages import VisionState
from detector.wire.samples import DETECTIONS, STATE
from tests.benchmarks.small_footage import write_footage
from tests.small_line import write_model


def test_strips_find_the_same_as_whole_frames_with_fewer_pixels(tmp_path: Path) -> None:
    model = find_model(f"{write_model(tmp_path / 'white-and-red')}/.")
    footage = open_footage(str(write_footage(tmp_path / "footage")))
    engine, profile = OnnxEngine(model, threads=1), profile_of(footage.truth, None)
    figures = strips._compared(footage, profile, model, engine, {"mm_per_px": 2.0}, lambda *_: None)
    whole, new = figures["whole"], figures["strips"]
    assert whole["recall"] == new["recall"]
    assert new["found"] == [1, 2]
    assert figures["recall_points"] == 0
    assert whole["frames"] == whole["passes"] == new["frames"]
    assert new["megapixels_per_m"] < whole["megapixels_per_m"]
    assert new["capture_to_alert_ms"]["p50"] > 0
    report: dict[str, Any] = {
        "machine": {"processor": "x", "load_1min": 0.0},
        "model": "m", "engine": "e", "scenario": "s", "renderer": "drawn",
        "rows": [{"speed_mm_s": 160.0, **figures}],
    }  # fmt: skip
    strips._print(report)


@pytest.mark.parametrize(
    ("slow_ms", "vision", "fits"),
    [
        (30.0, VisionState.READY, True),
        (80.0, VisionState.READY, False),
        (30.0, VisionState.DEGRADED, False),
    ],
)
def test_lines_fit_if_the_slowest_is_in_time_and_none_is_degraded(
    slow_ms: float, vision: VisionState, fits: bool
) -> None:
    seen = dict.fromkeys(range(200), DETECTIONS)
    states = [
        STATE.model_copy(update={"vision": each, "inferences": frames})
        for each, frames in (
            (VisionState.DEGRADED, 20),  # during the engine's warm-up
            (vision, 150),
            (VisionState.UNAVAILABLE, 200),  # the line has ended
        )
    ]
    received = [
        RunMessages(detections=seen, states=states, latencies_ms=[3000.0] * 75 + [usual_ms] * 125)
        for usual_ms in (20.0, slow_ms)
    ]
    row = lines._row(received)
    assert row["in_budget"] is fits
    assert (row["lines"], row["passes"]) == (2, 250)
    assert row["capture_to_subscriber_ms"]["p99"] == slow_ms
    without_passes = lines._row([RunMessages(states=states)])
    assert not without_passes["in_budget"]
