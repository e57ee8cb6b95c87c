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


def test_committed_records_are_found_by_the_next_start(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal.commit([record(1), record(2)], wait_s=20)
        assert journal.state == "written"
    assert read(tmp_path) == [1, 2]


def test_without_a_folder_the_journal_is_off() -> None:
    with Journal(None) as journal:
        assert journal.commit([record(1)])
        assert (journal.state, journal.reason) == ("off", None)


def test_a_full_disk_is_reported_and_pending_records_are_written_once_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "pwrite", full)
        assert not journal.commit([record(1)], wait_s=20)
        assert journal.state == "failed"
        assert "No space left on device; free some space" in (journal.reason or "")
        assert not journal.commit([record(2)])  # no wait while the disk is known to fail
        monkeypatch.undo()
        wait_until_written(journal)
    assert read(tmp_path) == [1, 2]
    assert "NOT WRITTEN" in caplog.messages[0]
    assert "on disk" in caplog.messages[-1]


def test_a_hanging_disk_is_reported_and_delays_nothing(
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
        assert not journal.commit([record(2)], wait_s=20)  # no wait while the disk hangs
        assert time.monotonic() - started_s < 10
        hangs.set()
        wait_until_written(journal)
    monkeypatch.undo()
    assert read(tmp_path) == [1, 2]


def test_a_folder_that_can_not_be_created_is_reported_as_a_state(tmp_path: Path) -> None:
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


def test_default_folders_for_services_and_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/vigitri:/other")
    assert default_journal_folder("l1") == Path("/var/lib/vigitri/journal/l1")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/a/state")
    assert default_journal_folder("l1") == Path("/home/a/state/vigitri/journal/l1")
