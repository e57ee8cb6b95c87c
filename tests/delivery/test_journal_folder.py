from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.delivery.journal_folder import (
    JournalFolder,
    JournalInUseError,
    Record,
    decode,
    encode,
)


def record(number: int, *, stays: bool = False, key: str | None = None) -> Record:
    return Record(encode({"number": number}), (key or str(number),), stays)


def numbers(found: list[bytes]) -> list[int]:
    return [json.loads(each)["number"] for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with_three = JournalFolder(tmp_path / "journal")
    with_three.open()
    for number in range(3):
        with_three.append([record(number)])
    with_three.close()
    return tmp_path / "journal"


def reopened(folder: Path) -> tuple[JournalFolder, list[int]]:
    files = JournalFolder(folder)
    found = numbers(files.open())
    files.close()
    return files, found


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.booleans()))
def test_a_decoded_record_equals_the_encoded_one(document: dict[str, Any]) -> None:
    assert json.loads(decode(encode(document))) == document


def test_appended_records_survive_a_restart(folder: Path) -> None:
    assert reopened(folder)[1] == [0, 1, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.integers(1, 60), rest=st.binary(max_size=20))
def test_a_torn_end_is_removed_and_the_journal_continues(
    folder: Path, cut: int, rest: bytes
) -> None:
    (segment,) = folder.glob("*.journal")
    whole = segment.read_bytes()
    segment.write_bytes(whole[: max(0, len(whole) - cut)] + rest.replace(b"\n", b""))
    files, found = reopened(folder)
    assert found == [0, 1, 2][: len(found)]
    assert files.damaged == 0
    again = JournalFolder(folder)
    again.open()
    again.append([record(9)])
    again.close()
    assert reopened(folder)[1] == [*found, 9]
    segment.write_bytes(whole)


def test_a_damaged_record_is_skipped_and_counted(folder: Path) -> None:
    (segment,) = folder.glob("*.journal")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(lines[0] + lines[1].replace(b"1}", b"7}") + lines[2])
    files, found = reopened(folder)
    assert found == [0, 2]
    assert (files.damaged, files.cut_bytes) == (1, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200))
def test_no_bytes_in_the_folder_raise(folder: Path, garbage: bytes) -> None:
    (folder / "00000002.journal").write_bytes(garbage)
    files = JournalFolder(folder)
    found = files.open()
    assert numbers([each for each in found if b"number" in each])[:3] == [0, 1, 2]
    files.append([record(5)])
    files.close()
    assert reopened(folder)[1][-1] == 5
    (folder / "00000002.journal").unlink()


def test_the_journal_stays_small_and_open_alerts_outlive_their_segment(tmp_path: Path) -> None:
    files = JournalFolder(tmp_path, segment_bytes=400, kept=2)
    files.open()
    files.append([record(7, stays=True, key="open"), record(8, stays=True, key="ended")])
    files.append([record(9, stays=False, key="ended")])
    for number in range(100, 200):
        files.append([record(number)])
    files.close()
    assert len(list(tmp_path.glob("*.journal"))) == 2
    found = reopened(tmp_path)[1]
    assert 7 in found
    assert 8 not in found
    assert found[-1] == 199
    assert sum(path.stat().st_size for path in tmp_path.glob("*.journal")) < 1200


def test_a_journal_can_not_be_opened_twice(folder: Path) -> None:
    first, second = JournalFolder(folder), JournalFolder(folder)
    first.open()
    with pytest.raises(JournalInUseError, match=r"in use by another detector.*wire\.journal"):
        second.open()
    second.close()
    first.close()
    assert reopened(folder)[1] == [0, 1, 2]


def test_a_failed_write_leaves_no_partial_record(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = JournalFolder(folder)
    files.open()
    write = os.pwrite

    def full_disk(file: int, data: bytes, at: int) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2], at)

    monkeypatch.setattr(os, "pwrite", full_disk)
    with pytest.raises(OSError, match="No space"):
        files.append([record(3)])
    monkeypatch.undo()
    files.append([record(4)])
    files.close()
    assert reopened(folder)[1] == [0, 1, 2, 4]


def test_a_journal_on_a_read_only_disk_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = os.open

    def read_only(path: Path, flags: int, *mode: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(30, "Read-only file system")
        return opens(path, flags, *mode)

    files, other = JournalFolder(folder), JournalFolder(folder)
    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OSError, match="Read-only"):
        files.open()
    assert numbers(files.records) == [0, 1, 2]
    with pytest.raises(OSError, match="Read-only"):
        files.append([record(3)])
    with pytest.raises(JournalInUseError):
        other.open()
    monkeypatch.undo()
    files.append([record(4)])
    files.close()
    assert reopened(folder)[1] == [0, 1, 2, 4]


def test_a_deleted_folder_is_created_again_with_the_open_alerts(
    folder: Path,
) -> None:
    files = JournalFolder(folder)
    files.open()
    files.append([record(7, stays=True), record(8)])
    shutil.rmtree(folder)
    files.append([record(9)])
    files.close()
    assert reopened(folder)[1] == [7, 9]
