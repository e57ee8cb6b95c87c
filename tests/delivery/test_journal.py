from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from detector.delivery.journal import RETRY_S, Journal, default_journal_folder
from detector.delivery.journal_folder import JournalInUseError, Record, encode


def record(number: int) -> Record:
    return Record(encode({"number": number}), (str(number),), stays=False)


def read(folder: Path) -> list[int]:
    with Journal(folder) as journal:
        return [json.loads(each)["number"] for each in journal.found]


def wait_until_written(journal: Journal) -> None:
    ends_s = time.monotonic() + 20 * RETRY_S
    while journal.state != "written" and time.monotonic() < ends_s:
        time.sleep(0.01)
    assert journal.state == "written"


def test_what_was_committed_is_found_by_the_next_start(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal.commit([record(1), record(2)], wait_s=20)
        assert journal.state == "written"
    assert read(tmp_path) == [1, 2]


def test_without_a_folder_there_is_none_and_it_says_so() -> None:
    with Journal(None) as journal:
        assert journal.commit([record(1)])
        assert (journal.state, journal.reason) == ("off", None)


def test_a_full_disk_is_told_and_what_was_held_back_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    said: list[str] = []
    with Journal(tmp_path, tell=said.append) as journal:
        monkeypatch.setattr(os, "pwrite", full)
        assert not journal.commit([record(1)], wait_s=20)
        assert journal.state == "failed"
        assert "No space left on device; free some space" in (journal.reason or "")
        assert not journal.commit([record(2)])  # nobody waits for a disk that is known to fail
        monkeypatch.undo()
        wait_until_written(journal)
    assert read(tmp_path) == [1, 2]
    assert "NOT WRITTEN" in said[0]
    assert "on disk" in said[-1]


def test_a_disk_that_hangs_holds_nothing_up_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, sync = threading.Event(), os.fdatasync

    def hanging(file: int) -> None:
        hangs.wait(20)
        sync(file)

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "fdatasync", hanging)
        assert not journal.commit([record(1)], wait_s=0.01)
        assert journal.state == "late"
        started_s = time.monotonic()
        assert not journal.commit([record(2)], wait_s=20)  # known to hang: not waited for
        assert time.monotonic() - started_s < 10
        hangs.set()
        wait_until_written(journal)
    monkeypatch.undo()
    assert read(tmp_path) == [1, 2]


def test_a_folder_that_can_not_be_made_is_a_state_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Journal(tmp_path / "file" / "journal") as journal:
        assert journal.state == "failed"
        assert not journal.commit([record(1)])
        assert "set another folder in wire.journal" in (journal.reason or "")


def test_a_journal_in_use_is_refused(tmp_path: Path) -> None:
    with (
        Journal(tmp_path),
        pytest.raises(JournalInUseError, match="another detector"),
        Journal(tmp_path),
    ):
        pass


def test_services_and_people_have_a_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/vigitri:/other")
    assert default_journal_folder("l1") == Path("/var/lib/vigitri/journal/l1")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/a/state")
    assert default_journal_folder("l1") == Path("/home/a/state/vigitri/journal/l1")
