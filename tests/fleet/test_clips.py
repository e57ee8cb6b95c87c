"""The clips of an archive, from folders, globs and lists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

from fleet.clips import ClipsError, find_clips


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two videos in folders, a hidden one, and a note."""
    for name in ("a/belt_20260301T060000.mp4", "b/x.MKV", "b/._x.mkv", "b/note.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"-")
    return tmp_path


def test_a_folder_is_searched_with_all_folders_in_it(archive: Path) -> None:
    found = find_clips([str(archive)], "line.toml")
    assert [Path(clip.name).name for clip in found.clips] == ["belt_20260301T060000.mp4", "x.MKV"]
    assert {clip.profile for clip in found.clips} == {"line.toml"}
    assert found.passed_over == 2


def test_a_clip_has_the_time_that_its_name_states(archive: Path) -> None:
    (clip,) = find_clips([f"{archive}/a/*.mp4"], None).clips
    assert (clip.start, clip.start_basis) == (datetime(2026, 3, 1, 6, tzinfo=UTC), "name")


def test_a_clip_that_is_named_twice_is_processed_once(archive: Path) -> None:
    found = find_clips([str(archive), f"{archive}/b/x.MKV"], None)
    assert (len(found.clips), found.repeated) == (2, 1)


def test_a_list_gives_each_clip_its_line_and_its_time(archive: Path) -> None:
    (archive / "day.csv").write_text(
        "clip,line,start\nb/x.MKV,two.toml,2026-03-01T07:00:00+01:00\na,,\n"
    )
    first, second = find_clips([str(archive / "day.csv")], "one.toml").clips
    assert (first.profile, second.profile) == (str(archive / "two.toml"), "one.toml")
    assert (first.start, first.start_basis) == (datetime(2026, 3, 1, 6, tzinfo=UTC), "list")


def test_the_same_clip_of_two_lines_has_two_results(archive: Path) -> None:
    clips = [find_clips([f"{archive}/b"], line).clips[0] for line in ("one.toml", "two.toml")]
    assert clips[0].key != clips[1].key


@pytest.mark.parametrize(
    ("named", "reason"),
    [("none.mp4", "no such file"), ("b/*.avi", "has no video"), ("empty.csv", "names the columns")],
)
def test_footage_that_is_not_there_is_refused_by_name(
    archive: Path, named: str, reason: str
) -> None:
    (archive / "empty.csv").write_text("path\n")
    with pytest.raises(ClipsError, match=reason) as refused:
        find_clips([f"{archive}/{named}"], None)
    assert named in str(refused.value)
