"""Limits of the image's condition, learned from footage of the running belt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.belt.plane import CalibrationError
from detector.line_setup import Line
from detector.profile.landmark_file import landmark_file
from detector.profile.loading import load_profile
from tests.commands.conftest import Vigitri
from tests.fakes import FakeEngine, as_image, detections, folder_of, texture
from tests.small_line import write_video

FPS, FRAMES, STEP_PX, WIDTH, HEIGHT = 5, 110, 16, 320, 192
PROFILE = """
line = "small"
[camera]
source = "belt.avi"
[belt]
polygon_px = [[0, 50], [320, 50], [320, 140], [0, 140]]
travel = "right"
px_per_mm = 0.25
[view]
mm_per_px = 4.0
"""


def written(folder: Path, *, step_px: int, fixed: bool = True) -> Path:
    """A profile, and its footage of a belt between fixed structures."""
    rng = np.random.default_rng(3)
    long = as_image(texture(rng, HEIGHT, WIDTH + STEP_PX * FRAMES))
    steel = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for _ in range(90 if fixed else 0):
        at = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        cv2.rectangle(steel, (*at, 14, 9), rng.integers(0, 255, 3).tolist(), cv2.FILLED)
    images = []
    for n in range(FRAMES):
        left = step_px * (FRAMES - n)
        image = steel.copy()
        image[44:146] = long[44:146, left : left + WIDTH]
        images.append(image)
    write_video(folder / "belt.avi", images, FPS)
    (folder / "line.toml").write_text(PROFILE)
    return folder / "line.toml"


def test_limits_and_fixed_structures_are_written_beside_the_profile(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    line = written(tmp_path, step_px=STEP_PX)
    code, out, err = vigitri("calibrate", "health", line, "--operator", "m")
    assert (code, err) == (0, [])
    assert out[-1].startswith(f"{line}: calibration.health written")
    profile = load_profile(line)
    health = profile.calibration.health
    assert health is not None
    assert health.flicker is not None
    assert len(health.landmarks_px) >= 4
    file = landmark_file(tmp_path, profile)
    assert file is not None
    assert file.stat().st_size < 20_000
    assert "fixed structures" in "".join(vigitri("calibrate", "verify", line)[1])

    engine = FakeEngine(lambda _: detections())
    with pytest.raises(CalibrationError, match=r"calibration.health: size_px = \[320, 192\]: the"):
        Line(profile, folder_of(engine.card), engine, "boot").parts_for((640, 384))

    file.write_bytes(b"")
    with pytest.raises(ValueError, match="was changed after it was written"):
        landmark_file(tmp_path, profile)
    file.unlink()
    code, _, err = vigitri("run", line)
    assert code != 0
    assert "small-landmarks.png: no such file or directory; restore it" in err[-1]


def test_a_belt_that_stands_still_is_refused(vigitri: Vigitri, tmp_path: Path) -> None:
    line = written(tmp_path, step_px=0)
    code, _, err = vigitri("calibrate", "health", line)
    assert code != 0
    assert "record the running belt" in err[-1]
    assert load_profile(line).calibration.health is None


def test_a_camera_that_sees_nothing_fixed_is_named(vigitri: Vigitri, tmp_path: Path) -> None:
    line = written(tmp_path, step_px=STEP_PX, fixed=False)
    code, _, err = vigitri("calibrate", "health", line)
    assert code == 0
    assert "fewer than 4 fixed structures" in err[0]
