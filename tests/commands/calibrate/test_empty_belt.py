from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.commands.conftest import Vigitri
from tests.ingest.films import evenly, write_film
from tests.small_line import StreetCamera, belt_image, write_interlaced, write_profile, write_video


def few(folder: Path) -> Path:
    """A video of fewer frames than requested."""
    return write_video(folder / "few.avi", [belt_image()] * 20, fps=10)


def test_the_empty_belt_is_captured_from_a_running_one(
    vigitri: Vigitri, clip: Path, tmp_path: Path
) -> None:
    """Objects cover any one place for a short time, so the median shows none of them."""
    fast = write_profile(tmp_path / "line.toml", clip, tmp_path / "model", camera="fps = 25")
    out = tmp_path / "empty.png"
    code, out_lines, err = vigitri("calibrate", "empty", fast, "-o", out, "--frames", 20)
    assert (code, err) == (0, [])
    assert 'empty_belt = "empty.png"' in out_lines[0]
    image = cv2.imread(str(out))
    assert image is not None
    assert np.abs(image.astype(int) - belt_image()).max() <= 6


def test_the_empty_belt_is_captured_from_an_interlaced_video(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    video = write_interlaced(tmp_path / "few.mp4", [belt_image()] * 8, fps=50)
    profile = write_profile(tmp_path / "line.toml", video, model)
    out = tmp_path / "empty.png"
    code, _, err = vigitri("calibrate", "empty", profile, "-o", out)
    assert (code, err) == (0, [])
    image = cv2.imread(str(out))
    assert image is not None
    assert np.abs(image.astype(int) - belt_image()).max() <= 6


def test_the_empty_belt_is_captured_from_a_camera(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    with StreetCamera(fps=25) as camera:
        profile = write_profile(tmp_path / "line.toml", camera.url, model)
        out = tmp_path / "empty.png"
        code, _, err = vigitri("calibrate", "empty", profile, "-o", out, "--frames", 10)
    assert code == 0
    assert [line for line in err if "the times of its images are taken from" not in line] == []
    image = cv2.imread(str(out))
    assert image is not None
    assert np.abs(image.astype(int) - belt_image())[130:].max() <= 6  # above, it flickers


def test_a_gap_in_a_video_is_no_obstacle(vigitri: Vigitri, tmp_path: Path, model: Path) -> None:
    at_s = [*evenly(4, 10), *evenly(4, 10, start_s=7200)]
    video = write_film(tmp_path / "gap.mp4", [belt_image()] * 8, at_s)
    profile = write_profile(tmp_path / "line.toml", video, model)
    code, out, err = vigitri("calibrate", "empty", profile, "-o", tmp_path / "empty.png")
    assert (code, err) == (0, [])
    assert "the median of 8 frames" in out[0]


def test_by_default_it_is_written_next_to_the_profile(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    video = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", video, model)
    code, out_lines, _ = vigitri("calibrate", "empty", profile)  # requests 60, uses what there is
    assert code == 0
    assert (tmp_path / "belt-1-empty.png").is_file()
    assert 'empty_belt = "belt-1-empty.png"' in out_lines[0]


def test_too_short_a_recording_and_a_missing_one_are_refused(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    profile = write_profile(tmp_path / "line.toml", tmp_path / "no.avi", model)
    code, _, err = vigitri("calibrate", "empty", profile)
    assert (code, len(err)) == (2, 1)
    assert "no such file; check the path" in err[0]
    assert err[0].count("no.avi") == 1
    short = write_video(tmp_path / "short.avi", [belt_image()] * 3, fps=50)
    code, _, err = vigitri("calibrate", "empty", profile, "--source", short)
    assert (code, len(err)) == (2, 1)
    assert "has ended after 3 frames, and 5 images are needed; record" in err[0]
    assert err[0].count(str(short)) == 1


def test_a_missing_folder_is_one_line(vigitri: Vigitri, tmp_path: Path, model: Path) -> None:
    video = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", video, model)
    code, _, err = vigitri("calibrate", "empty", profile, "-o", tmp_path / "no" / "empty.png")
    assert (code, len(err)) == (2, 1)
    assert "No such file or directory" in err[0]


def test_a_folder_as_output_file_is_refused(vigitri: Vigitri, tmp_path: Path, model: Path) -> None:
    video = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", video, model)
    for folder in (tmp_path, "."):
        code, _, err = vigitri("calibrate", "empty", profile, "-o", folder)
        assert (code, err) == (
            2,
            [f"vigitri: {folder}: is a folder; name the image to write, -o empty.png"],
        )
    assert list(tmp_path.glob("*.part")) == []


def test_images_of_different_sizes_are_refused(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number in range(6):
        image = belt_image()
        cv2.imwrite(str(mixed / f"{number}.png"), image[: 200 + number % 2])
    profile = write_profile(tmp_path / "line.toml", mixed, model, camera="fps = 5")
    code, _, err = vigitri("calibrate", "empty", profile, "--frames", 5)
    assert (code, len(err)) == (2, 1)
    assert "its images have different sizes" in err[0]
