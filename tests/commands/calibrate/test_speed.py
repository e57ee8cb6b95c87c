from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.speed_fit import Followed
from detector.belt.line_speed import line_speed
from detector.commands.calibrate.speed import _alone
from detector.ingest import Recording
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.loading import ProfileError, load_profile
from tests.commands.conftest import Vigitri
from tests.fakes import FakeEngine, as_picture, detections, folder_of, texture
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
    assert "encoder" in said.err[0]


def test_what_was_found_is_sealed_used_and_verified(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder)
    encoder = ("--encoder", folder / "encoder.jsonl")
    assert vigitri("calibrate", "speed", path, *encoder, "--operator", "Ana").code == 0
    found = load_profile(path).calibration.speed
    assert found is not None
    assert found.sha256 == found.digest()
    assert line_speed(load_profile(path), None).counts_per_mm == found.encoder_counts_per_mm
    said = vigitri("calibrate", "verify", path)
    assert said.code == 0
    assert any(each.startswith("speed: made") and "by Ana" in each for each in said.out)
    path.write_text(path.read_text().replace("travelled_mm = ", "travelled_mm = 1"))
    said = vigitri("calibrate", "verify", path)
    assert (said.code, len(said.err)) == (2, 1)
    assert "calibration.speed.sha256" in said.err[0]


def test_a_poor_speed_is_not_written(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder, speed="speed_mm_s = 400")
    assert vigitri("calibrate", "speed", path).code == 1
    assert load_profile(path).calibration.speed is None


def test_too_little_belt_is_poor_without_an_encoder_too(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder)
    with Recording(str(folder / "belt.avi")) as footage:
        pictures = [each.image for each, _ in zip(footage, range(30), strict=False)]
    write_video(folder / "short.avi", pictures, FPS)
    said = vigitri("calibrate", "speed", path, "--source", folder / "short.avi")
    assert said.code == 1
    assert any("belt that came by" in each and "poor" in each for each in said.out)
    assert load_profile(path).calibration.speed is None


@pytest.mark.parametrize("encoder", [True, False])
def test_a_belt_that_runs_against_its_travel_is_not_calibrated(
    vigitri: Vigitri, folder: Path, encoder: bool
) -> None:
    path = line(folder)
    path.write_text(path.read_text().replace('travel = "right"', 'travel = "left"'))
    more = ("--encoder", folder / "encoder.jsonl") if encoder else ()
    said = vigitri("calibrate", "speed", path, *more)
    assert (said.code, len(said.err)) == (2, 1)
    assert "against belt.travel" in said.err[0]
    assert load_profile(path).calibration.speed is None


def test_what_is_sealed_of_one_speed_is_its_error_in_the_half_that_it_was_not_taken_from() -> None:
    t_s = np.arange(0, 20, 0.1)
    way_mm = np.where(t_s < 10, 400 * t_s, 4000 + 408 * (t_s - 10))
    belt = Followed((t_s * 1e9).astype(np.int64), way_mm, np.full(len(t_s), 400.0))
    alone = _alone(belt, 404.0)
    assert alone.held_out_percent == pytest.approx(2.0, abs=0.01)
    spread = next(each for each in alone.judged if "half of p5 to p95" in each.what)
    assert spread.value.startswith("0.99")


def test_a_recorded_encoder_is_heard_in_the_plcs_place(folder: Path) -> None:
    path = line(folder, 'encoder_recording = "encoder.jsonl"', "encoder_counts_per_mm = 4")
    engine = FakeEngine(lambda _: detections())
    watch = Pipeline(Line(load_profile(path), folder_of(engine.card), engine, "boot"))
    with Recording(str(folder / "belt.avi")) as footage:
        for each in footage:
            watch.process(each)
    assert watch.belt.speed_basis == "encoder"
    assert watch.belt.speed_mm_s == pytest.approx(320, rel=0.01)
    assert watch.belt.position_mm == pytest.approx((FRAMES - 1) * 32, abs=1)


def test_an_encoder_of_other_footage_is_refused(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder, 'encoder_recording = "encoder.jsonl"', "encoder_counts_per_mm = 4")
    (folder / "other.avi").write_bytes((folder / "belt.avi").read_bytes())
    said = vigitri("replay", folder / "other.avi", "--line", path)
    assert (said.code, len(said.err)) == (2, 1)
    assert "was recorded with camera.source" in said.err[0]


def test_a_recorded_encoder_and_footage_that_starts_over_are_refused(folder: Path) -> None:
    path = line(folder, 'encoder_recording = "encoder.jsonl"')
    path.write_text(path.read_text().replace("[belt]", "loop = true\n[belt]"))
    with pytest.raises(ProfileError, match=r"camera\.loop = true"):
        load_profile(path)
