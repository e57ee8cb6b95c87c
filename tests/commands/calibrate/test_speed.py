from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from calibration.speed_fit import ImageTrack
from detector.belt.line_speed import line_speed
from detector.commands.calibrate.speed import _by_image_alone
from detector.ingest import Recording
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.loading import ProfileError, load_profile
from tests.commands.conftest import Vigitri
from tests.fakes import FakeEngine, as_image, detections, folder_of, texture
from tests.ingest.films import write_film
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
    """A textured belt at 320 mm/s, and its 16-bit encoder, which wraps."""
    made = tmp_path_factory.mktemp("speed")
    long = as_image(texture(np.random.default_rng(1), HEIGHT, WIDTH + STEP_PX * FRAMES))
    lefts = [STEP_PX * (FRAMES - n) for n in range(FRAMES)]
    images = [np.ascontiguousarray(long[:, left : left + WIDTH]) for left in lefts]
    write_video(made / "belt.avi", images, FPS)
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


def test_the_encoder_scale_is_measured_by_the_image(vigitri: Vigitri, folder: Path) -> None:
    run = vigitri("calibrate", "speed", line(folder), "--encoder", folder / "encoder.jsonl")
    assert run.code == 0
    key, value = run.out[0].split("  #")[0].split(" = ")
    assert key == "encoder_counts_per_mm"
    assert float(value) == pytest.approx(PER_MM, rel=0.01)
    assert not any("poor" in each for each in run.out)


def test_a_wrong_scale_is_poor_and_the_right_one_is_printed(vigitri: Vigitri, folder: Path) -> None:
    wrong = line(folder, "encoder_counts_per_mm = 5")
    run = vigitri("calibrate", "speed", wrong, "--encoder", folder / "encoder.jsonl")
    assert run.code == 1
    assert any("poor: write encoder_counts_per_mm = 4" in each for each in run.out)


def test_without_an_encoder_the_setting_is_compared_with_the_image(
    vigitri: Vigitri, folder: Path
) -> None:
    assert vigitri("calibrate", "speed", line(folder)).code == 0
    run = vigitri("calibrate", "speed", line(folder, speed="speed_mm_s = 400"))
    assert run.code == 1
    assert any("belt.speed_mm_s = 400 is not the belt's speed" in each for each in run.out)


def test_the_speed_on_a_film_of_varying_rate_is_that_of_its_own_times(
    vigitri: Vigitri, folder: Path
) -> None:
    """30 images per second, then 10, with a gap: a belt of 320 mm/s, where an average rate would
    give two others."""
    at_s = np.array([*np.arange(60) / 30, *(2 + np.arange(60) / 10), *(70 + np.arange(30) / 10)])
    travel_px = np.round(320 / 2 * np.where(at_s < 60, at_s, at_s - 60)).astype(int)
    width = WIDTH + int(travel_px[-1])
    long = as_image(texture(np.random.default_rng(2), HEIGHT, width))
    lefts = width - WIDTH - travel_px
    images = [np.ascontiguousarray(long[:, left : left + WIDTH]) for left in lefts]
    film = write_film(folder / "phone.mp4", images, list(at_s))
    run = vigitri("calibrate", "speed", line(folder), "--source", film)
    assert run.code == 0
    measured = re.match(r"image: ([\d.]+) mm/s over a second, ([\d.]+) to ([\d.]+)", run.out[0])
    assert measured is not None
    assert [float(each) for each in measured.groups()] == pytest.approx([320] * 3, rel=0.01)
    rate, gap = run.err
    assert "phone.mp4: its rate varies, from 30 frames per second at 0.00 s to 10 at " in rate
    assert gap.endswith("phone.mp4: a gap of 62.1 s after 7.90 s: nothing was recorded")


def test_a_missing_encoder_file_is_one_line(vigitri: Vigitri, folder: Path) -> None:
    run = vigitri("calibrate", "speed", line(folder), "--encoder", folder / "none.jsonl")
    assert (run.code, len(run.err)) == (2, 1)
    assert "encoder" in run.err[0]


def test_the_result_is_written_with_its_hash_used_and_verified(
    vigitri: Vigitri, folder: Path
) -> None:
    path = line(folder)
    encoder = ("--encoder", folder / "encoder.jsonl")
    assert vigitri("calibrate", "speed", path, *encoder, "--operator", "Ana").code == 0
    found = load_profile(path).calibration.speed
    assert found is not None
    assert found.sha256 == found.digest()
    assert line_speed(load_profile(path), None).counts_per_mm == found.encoder_counts_per_mm
    run = vigitri("calibrate", "verify", path)
    assert run.code == 0
    assert any(each.startswith("speed: made") and "by Ana" in each for each in run.out)
    path.write_text(path.read_text().replace("travelled_mm = ", "travelled_mm = 1"))
    run = vigitri("calibrate", "verify", path)
    assert (run.code, len(run.err)) == (2, 1)
    assert "calibration.speed.sha256" in run.err[0]


def test_a_poor_speed_is_not_written(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder, speed="speed_mm_s = 400")
    assert vigitri("calibrate", "speed", path).code == 1
    assert load_profile(path).calibration.speed is None


def test_too_little_travel_is_poor_without_an_encoder_too(vigitri: Vigitri, folder: Path) -> None:
    path = line(folder)
    with Recording(str(folder / "belt.avi")) as footage:
        images = [each.image for each, _ in zip(footage, range(30), strict=False)]
    write_video(folder / "short.avi", images, FPS)
    run = vigitri("calibrate", "speed", path, "--source", folder / "short.avi")
    assert run.code == 1
    assert any("belt travel" in each and "poor" in each for each in run.out)
    assert load_profile(path).calibration.speed is None


@pytest.mark.parametrize("encoder", [True, False])
def test_a_belt_that_runs_against_its_travel_is_not_calibrated(
    vigitri: Vigitri, folder: Path, encoder: bool
) -> None:
    path = line(folder)
    path.write_text(path.read_text().replace('travel = "right"', 'travel = "left"'))
    more = ("--encoder", folder / "encoder.jsonl") if encoder else ()
    run = vigitri("calibrate", "speed", path, *more)
    assert (run.code, len(run.err)) == (2, 1)
    assert "against belt.travel" in run.err[0]
    assert load_profile(path).calibration.speed is None


def test_the_held_back_error_of_a_fixed_speed_is_that_of_the_second_half() -> None:
    t_s = np.arange(0, 20, 0.1)
    travel_mm = np.where(t_s < 10, 400 * t_s, 4000 + 408 * (t_s - 10))
    belt = ImageTrack((t_s * 1e9).astype(np.int64), travel_mm, np.full(len(t_s), 400.0))
    result = _by_image_alone(belt, 404.0)
    assert result.held_back_percent == pytest.approx(2.0, abs=0.01)
    spread = next(each for each in result.quality if "half p5-p95" in each.what)
    assert spread.value.startswith("0.99")


def test_a_recorded_encoder_replaces_the_plc(folder: Path) -> None:
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
    replayed = vigitri("replay", folder / "other.avi", "--line", path)
    assert (replayed.code, len(replayed.err)) == (2, 1)
    assert "was recorded with camera.source" in replayed.err[0]


def test_a_recorded_encoder_with_looping_footage_is_refused(folder: Path) -> None:
    path = line(folder, 'encoder_recording = "encoder.jsonl"')
    path.write_text(path.read_text().replace("[belt]", "loop = true\n[belt]"))
    with pytest.raises(ProfileError, match=r"camera\.loop = true"):
        load_profile(path)
