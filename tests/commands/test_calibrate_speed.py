from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.commands.conftest import Vigitri
from tests.fakes import as_picture, texture
from tests.small_line import write_video

FPS, FRAMES, STEP_PX, PER_MM = 10, 80, 16, 4
WIDTH, HEIGHT = 320, 192
PROFILE = """
line = "small"
[camera]
source = "belt.avi"
[belt]
polygon_px = [[0, 0], [320, 0], [320, 192], [0, 192]]
travel = "right"
px_per_mm = 0.5
speed_mm_s = 320
encoder_wraps_at = 65536
[view]
mm_per_px = 2.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A textured belt at 320 mm/s, and its encoder of 16 bits, which wraps."""
    made = tmp_path_factory.mktemp("speed")
    long = as_picture(texture(np.random.default_rng(1), HEIGHT, WIDTH + STEP_PX * FRAMES))
    lefts = [STEP_PX * (FRAMES - n) for n in range(FRAMES)]
    pictures = [np.ascontiguousarray(long[:, left : left + WIDTH]) for left in lefts]
    write_video(made / "belt.avi", pictures, FPS)
    (made / "encoder.jsonl").write_text(
        "\n".join(
            json.dumps(
                {
                    "t_mono_ns": round(n * 1e9 / FPS),
                    "counts": (65_000 + n * STEP_PX * 2 * PER_MM) % 65_536,
                }
            )
            for n in range(FRAMES)
        )
    )
    return made


def line(folder: Path, *more: str, speed: str = "speed_mm_s = 320") -> Path:
    path = folder / "line.toml"
    text = PROFILE.replace("speed_mm_s = 320", speed)
    path.write_text(text.replace("[view]", "\n".join([*more, "[view]"])))
    return path


def test_the_encoders_scale_is_found_by_the_picture(vigitri: Vigitri, folder: Path) -> None:
    said = vigitri("calibrate", "speed", line(folder), "--encoder", folder / "encoder.jsonl")
    assert said.code == 0
    key, value = said.out[0].split("  #")[0].split(" = ")
    assert key == "encoder_counts_per_mm"
    assert float(value) == pytest.approx(PER_MM, rel=0.01)
    assert not any("poor" in each for each in said.out)


def test_a_wrong_scale_is_poor_and_what_to_write_is_said(vigitri: Vigitri, folder: Path) -> None:
    wrong = line(folder, "encoder_counts_per_mm = 5")
    said = vigitri("calibrate", "speed", wrong, "--encoder", folder / "encoder.jsonl")
    assert said.code == 1
    assert any("poor: write encoder_counts_per_mm = 4" in each for each in said.out)


def test_without_an_encoder_the_setting_is_held_against_the_picture(
    vigitri: Vigitri, folder: Path
) -> None:
    assert vigitri("calibrate", "speed", line(folder)).code == 0
    said = vigitri("calibrate", "speed", line(folder, speed="speed_mm_s = 400"))
    assert said.code == 1
    assert any("belt.speed_mm_s = 400 is not what the belt does" in each for each in said.out)


def test_an_encoder_that_is_not_there_is_one_line(vigitri: Vigitri, folder: Path) -> None:
    said = vigitri("calibrate", "speed", line(folder), "--encoder", folder / "none.jsonl")
    assert (said.code, len(said.err)) == (2, 1)
    assert "--encoder" in said.err[0]
