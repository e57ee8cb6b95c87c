from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.commands.conftest import Vigitri
from tests.small_line import belt_picture, write_interlaced, write_profile, write_video


def few(folder: Path) -> Path:
    """Fewer pictures than are asked for. They are played as a camera gives them, at a rate at which
    even a busy machine sees a quarter of them, which is enough."""
    return write_video(folder / "few.avi", [belt_picture()] * 20, fps=10)


def test_the_empty_belt_is_learned_from_a_running_one(
    vigitri: Vigitri, clip: Path, tmp_path: Path
) -> None:
    """Things pass any one place for a short time, so the median shows none of them."""
    fast = write_profile(tmp_path / "line.toml", clip, tmp_path / "model", camera="fps = 25")
    out = tmp_path / "empty.png"
    code, said, err = vigitri("calibrate", "empty", fast, "-o", out, "--frames", 20)
    assert (code, err) == (0, [])
    assert 'empty_belt = "empty.png"' in said[0]
    picture = cv2.imread(str(out))
    assert picture is not None
    assert np.abs(picture.astype(int) - belt_picture()).max() <= 6


def test_the_empty_belt_is_learned_from_an_interlaced_film(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    film = write_interlaced(tmp_path / "few.mp4", [belt_picture()] * 8, fps=50)
    profile = write_profile(tmp_path / "line.toml", film, model)
    out = tmp_path / "empty.png"
    code, _, err = vigitri("calibrate", "empty", profile, "-o", out)
    assert (code, err) == (0, [])
    picture = cv2.imread(str(out))
    assert picture is not None
    assert np.abs(picture.astype(int) - belt_picture()).max() <= 6


def test_by_default_it_lies_beside_the_profile(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    film = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", film, model)
    code, said, _ = vigitri("calibrate", "empty", profile)  # asks for 60, takes what there is
    assert code == 0
    assert (tmp_path / "belt-1-empty.png").is_file()
    assert 'empty_belt = "belt-1-empty.png"' in said[0]


def test_too_short_a_recording_and_a_missing_one_are_refused(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    profile = write_profile(tmp_path / "line.toml", tmp_path / "no.avi", model)
    code, _, err = vigitri("calibrate", "empty", profile)
    assert (code, len(err)) == (2, 1)
    assert "no such file" in err[0]
    short = write_video(tmp_path / "short.avi", [belt_picture()] * 3, fps=50)
    code, _, err = vigitri("calibrate", "empty", profile, "--source", short)
    assert (code, len(err)) == (2, 1)
    assert "has ended after 3 frames, and 5 pictures are needed; record" in err[0]
    assert err[0].count(str(short)) == 1


def test_a_folder_that_is_not_there_is_one_line(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    film = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", film, model)
    code, _, err = vigitri("calibrate", "empty", profile, "-o", tmp_path / "no" / "empty.png")
    assert (code, len(err)) == (2, 1)
    assert "No such file or directory" in err[0]


def test_a_folder_in_place_of_a_picture_is_refused(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    film = few(tmp_path)
    profile = write_profile(tmp_path / "line.toml", film, model)
    for folder in (tmp_path, "."):
        code, _, err = vigitri("calibrate", "empty", profile, "-o", folder)
        assert (code, err) == (
            2,
            [f"vigitri: {folder}: is a folder; name the picture to write, -o empty.png"],
        )
    assert list(tmp_path.glob("*.part")) == []


def test_pictures_of_different_sizes_are_of_no_one_belt(
    vigitri: Vigitri, tmp_path: Path, model: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number in range(6):
        picture = belt_picture()
        cv2.imwrite(str(mixed / f"{number}.png"), picture[: 200 + number % 2])
    profile = write_profile(tmp_path / "line.toml", mixed, model, camera="fps = 5")
    code, _, err = vigitri("calibrate", "empty", profile, "--frames", 5)
    assert (code, len(err)) == (2, 1)
    assert "its pictures have different sizes" in err[0]
