"""A recorder with the sending half of a detector, over real sockets."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks.station.loaded_line import LINE, LoadedLine
from detector.client import KeyFileError
from detector.station.recorder import EvidenceStored, LineAddress, Recorder
from detector.station.store import BlindTime, EventFilter, Store, StoreError
from detector.station.store.database import FILE
from detector.wire import samples

PATIENCE_S = 60.0
"""An upper bound for a busy machine; not reached in a passing test."""


@pytest.fixture
def line(tmp_path: Path) -> Iterator[LoadedLine]:
    with LoadedLine(tmp_path / "journal") as sending:
        yield sending


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "station"


def address(line: LoadedLine) -> LineAddress:
    return LineAddress(LINE, *line.endpoints)


@contextmanager
def recording(line: LoadedLine, folder: Path) -> Iterator[tuple[Store, Recorder]]:
    with Store(folder) as store, Recorder(store, [address(line)]) as recorder:
        yield store, recorder


def serve_until(line: LoadedLine, wanted: Callable[[], object], seen: object = None) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not wanted():
        assert time.monotonic() < ends_s, f"not in {PATIENCE_S:g} s: {seen}"
        line.serve()
        time.sleep(0.005)


def ids(store: Store) -> set[tuple[str, int]]:
    return {(row.event_id, row.revision) for row in store.events(EventFilter(limit=1000))}


def test_each_alert_is_confirmed_once_it_is_recorded(line: LoadedLine, folder: Path) -> None:
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: line.consumers)
        for _ in range(30):
            line.send()
        serve_until(line, lambda: line.confirmed == 30)
        assert len(ids(store)) == 12
        assert {
            len(store.event(row.boot_id, row.event_id).revisions) for row in store.events()
        } <= {
            1,
            2,
            3,
        }
        serve_until(line, lambda: getattr(store.position(LINE), "alert_seq", 0) == 30)


def test_a_new_store_begins_with_what_the_detector_still_holds(
    line: LoadedLine, folder: Path
) -> None:
    for _ in range(18):  # no consumer yet; all of these have ended
        line.send()
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: len(ids(store)) == 6, folder)
        assert {row.state for row in store.events()} == {"normal"}


def test_a_recorder_goes_on_where_the_one_before_ended(line: LoadedLine, folder: Path) -> None:
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: line.consumers)
        line.send()
        serve_until(line, lambda: line.confirmed == 1)
    for _ in range(8):
        line.send()
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: line.confirmed == 9)
        assert ids(store) == {("a000000", 3), ("a000001", 3), ("a000002", 3)}
        assert line.expired == 0


def test_a_store_that_does_not_write_gets_each_alert_later(
    line: LoadedLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(line, folder) as (store, recorder):
        serve_until(line, lambda: line.consumers)
        with monkeypatch.context() as failing:

            def fail(*_: object) -> bool:
                raise StoreError("no room on the disk; free some space")

            failing.setattr(store._writer, "do", fail)
            line.send()
            line.send()
            serve_until(line, lambda: recorder.notice(LINE))
            assert recorder.notice(LINE) == "no room on the disk; free some space"
            assert line.confirmed == 0
            assert ids(store) == set()
        serve_until(line, lambda: line.confirmed == 2)
        assert ids(store) == {("a000000", 1), ("a000001", 1)}
        serve_until(line, lambda: recorder.notice(LINE) is None)


def test_a_store_that_hangs_delays_only_the_confirmation(line: LoadedLine, folder: Path) -> None:
    with recording(line, folder):
        serve_until(line, lambda: line.consumers)
        other = sqlite3.connect(folder / "station.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # as long as this lasts, the writer waits
        line.send()
        rounds = iter(range(20))
        serve_until(line, lambda: next(rounds, None) is None)
        assert line.confirmed == 0
        other.close()
        serve_until(line, lambda: line.confirmed == 1)


def test_images_are_stored_and_passed_on(line: LoadedLine, folder: Path) -> None:
    shown: list[tuple[str, object]] = []
    with recording(line, folder) as (store, recorder):
        end = recorder.subscribe(lambda name, event: shown.append((name, event)))
        serve_until(line, lambda: line.images_wanted)
        sent = line.send()
        stored = LINE, EvidenceStored(sent.boot_id, sent.event_id, str(sent.evidence_id))
        serve_until(line, lambda: stored in shown, shown)
        crop = store.image(str(sent.evidence_id), "crop")
        assert crop is not None
        assert crop.read_bytes().endswith(b"\xff\xd9")
        end()
        count = len(shown)
        line.send()
        serve_until(line, lambda: line.confirmed == 2)
        assert len(shown) == count


def test_silence_of_the_detector_is_recorded_as_a_blind_time(
    line: LoadedLine, folder: Path
) -> None:
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: "ready" in recorded_visions(folder))
        # From here on it is silent: it sends no heartbeat.
        assert await_(lambda: blind(store))[-1].reason.startswith("no ")


def recorded_visions(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "station.sqlite3")) as connection:
        return {row[0] for row in connection.execute("SELECT vision FROM states")}


def await_(wanted: Callable[[], list[BlindTime]]) -> list[BlindTime]:
    ends_s = time.monotonic() + PATIENCE_S
    while not (found := wanted()):
        assert time.monotonic() < ends_s
        time.sleep(0.02)
    return found


def blind(store: Store) -> list[BlindTime]:
    now_ns = time.time_ns()
    return [
        each
        for each in store.blind_times(LINE, now_ns - 10**12, now_ns + 10**12)
        if each.vision == "unavailable"
    ]


def test_a_callback_that_fails_stops_neither_recording_nor_the_others(
    line: LoadedLine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the page has gone")

    with recording(line, folder) as (_, recorder):
        recorder.subscribe(fail)
        serve_until(line, lambda: line.consumers and line.images_wanted)
        line.send()
        serve_until(line, lambda: "a subscriber of the recorder failed" in caplog.text)
        line.send()
        serve_until(line, lambda: line.confirmed == 2)
    assert "a subscriber of the recorder failed" in caplog.text


def test_a_key_file_that_is_missing_is_refused_before_anything_starts(
    tmp_path: Path, folder: Path
) -> None:
    keys = tmp_path / "own.secret.toml", tmp_path / "line.public.toml"
    line = LineAddress(LINE, "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", None, *keys)
    with Store(folder) as store, pytest.raises(KeyFileError), Recorder(store, [line]):
        pass


def test_an_alarm_whose_end_was_lost_does_not_stay_open(
    line: LoadedLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.station.recorder.COMPARE_EVERY_NS", 0)
    with Store(folder) as store:
        lost = samples.ALERT.model_copy(update={"line": LINE, "boot_id": "an earlier start"})
        store.record_alert(samples.HEADER, lost)
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: line.consumers)
        still_open = line.send()
        serve_until(line, lambda: store.open_alarms(LINE) == [still_open])


def test_a_database_that_is_damaged_meanwhile_is_filled_again(
    line: LoadedLine, folder: Path
) -> None:
    with recording(line, folder) as (store, _):
        serve_until(line, lambda: line.consumers)
        for _ in range(90):
            line.send()
        serve_until(line, lambda: len(ids(store)) == 30)
        path = folder / FILE
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.seek(1024)
            file.write(b"\x5a" * (path.stat().st_size - 1024))
        line.send()
        serve_until(line, lambda: store.times_begun_again and len(ids(store)) == 31)
        assert "the history was damaged" in (store.notice or "")
