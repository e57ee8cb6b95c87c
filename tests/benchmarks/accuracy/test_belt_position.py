from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import belt_position as belt
from benchmarks.accuracy.ground_truth import SCHEMA
from tests.fakes import as_image, texture
from tests.small_line import write_video

FPS, FRAMES, STEP_PX, MM_PER_PX = 10, 90, 24, 2.0
WIDTH, HEIGHT = 320, 192


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """A textured belt at 480 mm/s for 9 s, with truth and encoder."""
    long = as_image(texture(np.random.default_rng(2), HEIGHT, WIDTH + STEP_PX * FRAMES))
    lefts = [STEP_PX * (FRAMES - n) for n in range(FRAMES)]
    write_video(
        tmp_path / "belt.avi",
        [np.ascontiguousarray(long[:, left : left + WIDTH]) for left in lefts],
        FPS,
    )
    corners = [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]
    header = {
        "schema": SCHEMA,
        "clip": "belt.avi",
        "fps": FPS,
        "size_px": [WIDTH, HEIGHT],
        "belt_width_mm": HEIGHT * MM_PER_PX,
        "view_mm": WIDTH * MM_PER_PX,
        "speed_mm_s": 480.0,
        "travel": "left to right",
        "encoder": {"counts_per_mm": 4.0, "wraps_at": 65536},
        "points": [
            {"image_px": [u, v], "belt_mm": [v * MM_PER_PX, u * MM_PER_PX]} for u, v in corners
        ],
    }
    step_mm = STEP_PX * MM_PER_PX
    frames = [{"belt_position_mm": n * step_mm, "speed_mm_s": 480.0} for n in range(FRAMES)]
    lines = [json.dumps(each) for each in (header, *frames)]
    (tmp_path / "belt.truth.jsonl").write_text("\n".join(lines))
    counted = [
        {"t_mono_ns": n * 1_000_000_000 // FPS, "counts": round(65_000 + n * step_mm * 4) % 65_536}
        for n in range(FRAMES)
    ]
    (tmp_path / "encoder.jsonl").write_text("\n".join(json.dumps(each) for each in counted))
    return tmp_path


def test_belt_motion_from_images_agrees_with_encoder_and_truth(
    footage: Path, tmp_path: Path
) -> None:
    out = tmp_path / "belt.json"
    belt.run([str(footage)], None, out)
    (row,) = json.loads(out.read_text())
    assert row["speed_mm_s"] == 480
    assert row["known"] == 100
    for figure in ("encoder_p95", "truth_p95", "speed_p95", "arrival_p95"):
        assert 0 <= row[figure] < 2, figure
    assert row["place_p95_mm"] < 30
    assert row["standing_mm_s"] is None
