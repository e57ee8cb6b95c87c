from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import Recording, SourceError
from detector.ingest.sources.image_folder import ASSUMED_FPS, natural_key

NOISE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)


def save(path: Path, width_px: int = 64) -> None:
    cv2.imwrite(str(path), cv2.resize(NOISE, (width_px, 48)))


names = st.text(alphabet="ab0129 _-.", max_size=8)


@given(numbers=st.lists(st.integers(0, 10**9), unique=True), seed=st.integers())
def test_numbers_in_names_sort_by_value(numbers: list[int], seed: int) -> None:
    shuffled = random.Random(seed).sample(numbers, len(numbers))
    by_name = sorted((f"belt {number}.jpg" for number in shuffled), key=natural_key)
    assert by_name == [f"belt {number}.jpg" for number in sorted(numbers)]


@given(found=st.lists(names, unique=True), seed=st.integers())
def test_the_order_does_not_depend_on_the_directory_order(found: list[str], seed: int) -> None:
    shuffled = random.Random(seed).sample(found, len(found))
    assert sorted(shuffled, key=natural_key) == sorted(found, key=natural_key)


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    for number, width_px in ((10, 30), (9, 20), (1, 10)):
        save(tmp_path / f"belt {number}.png", width_px)
    (tmp_path / "notes.txt").write_text("not an image")
    with Recording(str(tmp_path)) as recording:
        assert recording.fps == ASSUMED_FPS
        assert recording.frame_count == 3
        assert [frame.size_px[0] for frame in recording] == [10, 20, 30]


def test_hidden_files_of_a_folder_are_ignored(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    (tmp_path / "._1.png").write_bytes(b"\0\5\26\7what a Mac leaves on a stick")
    with Recording(str(tmp_path)) as recording:
        assert [frame.index for frame in recording] == [0]
        assert recording.unreadable == []


def test_a_glob_and_a_single_image_are_recordings_too(tmp_path: Path) -> None:
    save(tmp_path / "a1.png")
    save(tmp_path / "b1.png")
    for source, count in (
        (tmp_path / "a*.png", 1),
        (tmp_path / "*.png", 2),
        (tmp_path / "b1.png", 1),
    ):
        with Recording(str(source)) as recording:
            assert len(list(recording)) == count
    with Recording(f"file://{tmp_path}/b%31.png") as recording:
        assert len(list(recording)) == 1


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image in this folder"), Recording(str(tmp_path)):
        pass
    pattern = tmp_path / "*.jpg"
    with pytest.raises(SourceError, match="no image in this pattern"), Recording(str(pattern)):
        pass


def test_an_image_that_was_deleted_meanwhile_is_reported(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    save(tmp_path / "2.png")
    with Recording(str(tmp_path)) as recording:
        (tmp_path / "1.png").unlink()
        assert [frame.index for frame in recording] == [1]
        (line,) = recording.unreadable
        assert line.startswith(f"{tmp_path / '1.png'}: no such file")


def test_images_that_are_not_read_are_named_beside_those_that_are(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    (tmp_path / "2.NEF").write_bytes(b"MM\0*a raw image")
    (tmp_path / "3.jxl").write_bytes(b"\xff\x0a...")
    (tmp_path / "4").write_bytes((tmp_path / "1.png").read_bytes())
    (tmp_path / "notes.txt").write_text("not an image")
    for source in (tmp_path, tmp_path / "*"):
        with Recording(str(source)) as recording:
            assert len(list(recording)) == 1
            assert recording.unreadable == [
                f"{tmp_path}/2.NEF: not read: a camera's raw image; export it as JPEG or PNG",
                f"{tmp_path}/3.jxl: not read: JPEG XL; export it as JPEG or PNG",
                f"{tmp_path}/4: not read: PNG with the suffix ''; rename it",
            ]


def test_a_folder_and_a_name_take_the_same_suffixes(tmp_path: Path) -> None:
    save(tmp_path / "1.jpg")
    (tmp_path / "1.jpg").rename(tmp_path / "1.JFIF")
    for source in (tmp_path, tmp_path / "1.JFIF", tmp_path / "*"):
        with Recording(str(source)) as recording:
            assert len(list(recording)) == 1
