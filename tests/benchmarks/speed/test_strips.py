from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.accuracy.footage import open_footage, profile_of
from benchmarks.speed import strips
from detector.vision.catalogue import find_model
from detector.vision.engine import OnnxEngine
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
