from __future__ import annotations

import os
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import Recording, SourceError, read_image_file
from detector.ingest.sources.image_file import LARGEST_BYTES, _decode
from detector.ingest.sources.image_folder import ASSUMED_FPS, natural_key

NOISE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, NOISE, list(options))[1])


JPEG = encoded(".jpg")
PROGRESSIVE = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTING = encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2)


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


def test_a_file_that_is_too_large_and_a_pipe_are_refused(tmp_path: Path) -> None:
    clip, pipe = tmp_path / "clip.png", tmp_path / "pipe.png"
    clip.touch()
    os.truncate(clip, LARGEST_BYTES + 1)
    with pytest.raises(SourceError, match="larger than an image, 500 MB; use `vigitri replay`"):
        read_image_file(clip)
    os.mkfifo(pipe)  # reading it would wait for ever
    with pytest.raises(SourceError, match="not a file; name an image file"):
        read_image_file(pipe)


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, RESTARTING], ids=["plain", "prog", "rst"])
def test_a_complete_jpeg_is_read_even_with_trailing_data(data: bytes) -> None:
    for tail in (b"", b"\0" * 100, b"\xff\xda\x12"):
        image, fault = _decode(data + tail)
        assert fault == ""
        assert image is not None
        assert image.shape == NOISE.shape


@given(data=st.sampled_from([JPEG, PROGRESSIVE, RESTARTING]), cut=st.floats(0, 1))
def test_no_truncated_jpeg_is_read(data: bytes, cut: float) -> None:
    image, fault = _decode(data[: int(cut * (len(data) - 1))])
    assert image is None
    assert fault


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tif"])
def test_an_image_of_another_format_cut_off_in_the_middle_is_not_read(suffix: str) -> None:
    data = encoded(suffix)
    assert _decode(data)[0] is not None
    assert _decode(data[: len(data) * 2 // 3])[0] is None
    assert _decode(b"")[1] == "the file is empty"
