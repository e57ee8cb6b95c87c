from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.ingest import Recording, SourceError, describe_source, open_source
from tests.ingest.films import write_colour

Video = Callable[..., Path]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file"),
        (b"", "the file is empty"),
        (b"a list of things\n" * 50, "a text file, not a video"),
        (b"\0\1\2\3" * 5000, "not a readable video"),
    ],
)
def test_a_file_that_is_not_a_video_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as error:
        open_source(str(path))
    assert str(error.value).startswith(f"{path}: {why}; ")
    assert "\n" not in str(error.value)


def test_a_video_without_its_index_is_refused_with_a_fix(video: Video) -> None:
    whole = video("whole.mp4")
    cut = whole.with_name("cut.mp4")
    cut.write_bytes(whole.read_bytes()[:-400])
    with pytest.raises(SourceError, match="lacks its index"):
        open_source(str(cut))


@pytest.mark.parametrize("name", ["shift:1.avi", "shift %02d.avi", "équipe [2].avi"])
def test_special_characters_in_names_are_taken_literally(
    video: Video, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = video("plain.avi", frames=3)
    path.rename(path.with_name(name))
    monkeypatch.chdir(path.parent)
    with Recording(name) as recording:
        assert len(list(recording)) == 3


def test_a_name_that_is_not_utf_8_is_refused(video: Video) -> None:
    path = video(frames=3)
    odd = path.with_name(os.fsdecode(b"\xe9quipe.avi"))  # Latin-1, as old disks have it
    path.rename(odd)
    with pytest.raises(SourceError, match="its name is not UTF-8; rename it"):
        open_source(str(odd))


@pytest.mark.parametrize("name", ["~nosuchuser.avi", "~$clip.avi"])
def test_a_tilde_without_a_matching_user_is_part_of_the_name(
    video: Video, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = video("plain.avi", frames=3)
    path.rename(path.with_name(name))
    monkeypatch.chdir(path.parent)
    with Recording(name) as recording:
        assert len(list(recording)) == 3


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".avi", "a" * 300 + ".png"])
def test_a_name_that_is_too_long_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(SourceError, match="file name too long; check the path"):
        open_source(name)


def test_describe_source_gives_size_and_rate(video: Video) -> None:
    found = describe_source(str(video(fps=12.5, size_px=(80, 48))))
    assert str(found) == "80 × 48 px at 12.5 fps"
    assert found.size_px == (80, 48)


def test_describe_source_gives_the_colour_tag(tmp_path: Path) -> None:
    film = write_colour(
        tmp_path / "film.mp4", (30, 200, 60), "bt709", full_range=False, tagged=True
    )
    assert describe_source(str(film)).colours == "BT.709"


def test_describe_source_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file; check the path"):
        describe_source(str(tmp_path / "none.mp4"))


def test_a_film_in_an_unknown_code_is_refused(video: Video) -> None:
    film = video("film.avi")
    film.write_bytes(film.read_bytes().replace(b"MJPG", b"zzzz"))
    with pytest.raises(SourceError, match="no video: it is in a code that is not known"):
        open_source(str(film))


def test_a_film_without_times_and_without_a_rate_says_so(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    from detector.ingest.sources.video_file import VideoFile

    path = tmp_path / "film.mjpeg"
    path.write_bytes(cv2.imencode(".jpg", np.zeros((32, 32, 3), np.uint8))[1].tobytes() * 4)
    film = VideoFile(path)
    film.open()
    while film.grab():
        film.retrieve()
    film.close()
    assert film.fps is None
    assert film.time_notes == [f"{path}: has no timestamps, nor a rate: give one with --fps"]
