from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from detector.station.store import Store, StoreError
from detector.station.store import store as store_module
from detector.station.store.retention import DAY_NS, Limits
from tests.station.store.conftest import (
    BOOT,
    JPEG,
    T_NS,
    Filled,
    alert,
    closed,
    evidence,
    header,
)

NOW_NS = T_NS + 100 * DAY_NS


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module.time, "time_ns", lambda: NOW_NS)


def filled(store: Store, ages_days: dict[str, float], size: int = 1000) -> Filled:
    """Closed alarms with images, by event id."""
    result = Filled(store)
    for event_id, days in ages_days.items():
        at_ns = NOW_NS - round(days * DAY_NS)
        result.add(alert(event_id, at_ns=at_ns), closed(event_id, at_ns=at_ns))
        store.add_evidence(evidence(event_id, at_ns=at_ns), JPEG, bytes(size))
    return result


def with_images(store: Store) -> list[str]:
    return sorted(row.event_id for row in store.events() if row.evidence_id is not None)


def image_files(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.glob("evidence/*/*/*"))


def test_old_images_are_deleted_and_their_alarms_stay(store: Store) -> None:
    filled(store, {"old": 8, "new": 6})
    store.clean_up()
    assert with_images(store) == ["new"]
    assert image_files(store) == [f"{BOOT}-new-1.crop.jpg", f"{BOOT}-new-1.frame.jpg"]
    (gone,) = store.event(BOOT, "old").evidence
    assert gone.t_dropped_ns == NOW_NS
    assert store.image(gone.evidence_id, "crop") is None


def test_old_history_is_deleted_but_no_open_alarm(store: Store) -> None:
    filled(store, {"old": 31, "new": 29})
    Filled(store).add(alert("open", at_ns=NOW_NS - 40 * DAY_NS))
    store.record_audit(NOW_NS - 31 * DAY_NS, "anna", "operator", "answer")
    store.clean_up()
    assert sorted(row.event_id for row in store.events()) == ["new", "open"]
    assert store.audit() == []
    with closing(sqlite3.connect(store.folder / "station.sqlite3")) as connection:
        (orphans,) = connection.execute(
            "SELECT count(*) FROM revisions WHERE event NOT IN (SELECT id FROM events)"
        ).fetchone()
    assert orphans == 0


def test_the_oldest_images_go_first_when_there_are_too_many(tmp_path: Path) -> None:
    with Store(tmp_path, Limits(max_bytes=700_000, min_free_bytes=0)) as store:
        filled(store, {"c": 3, "b": 2, "a": 1}, size=400_000)
        store.clean_up()
        assert with_images(store) == ["a"]
        assert len(store.events()) == 3
        assert store.notice is None


def test_images_make_room_on_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    with Store(tmp_path, Limits(min_free_bytes=2**62)) as store:
        filled(store, {"a": 1})
        store.clean_up()
        assert with_images(store) == []
        assert len(store.events()) == 1
        assert "the disk is full" in (store.notice or "")


def test_files_that_a_killed_process_left_are_deleted(store: Store, tmp_path: Path) -> None:
    old = store.folder / "evidence" / "tapis-1" / "2026-03-01" / "x.crop.jpg"
    part = store.folder / "evidence" / "tapis-1" / "2026-06-14" / "y.crop.part"
    for path in (old, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    store.clean_up()
    assert not old.parent.exists()
    store.close()
    Store(tmp_path / "station").close()
    assert not part.exists()


@pytest.mark.parametrize("days", [0, 31])
def test_nothing_may_be_kept_for_longer_than_30_days(days: int) -> None:
    with pytest.raises(StoreError, match="write 1 to 30 days"):
        Limits(image_days=days)


class FullDisk:
    """Takes `room` writes of images; each deleted file makes room for another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        really_sync, really_unlink = os.fsync, Path.unlink

        def fsync(number: int) -> None:
            if self.room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= 1
            really_sync(number)

        def unlink(path: Path, **settings: Any) -> None:
            really_unlink(path, **settings)
            if path.suffix == ".jpg":
                self.room += 1

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "unlink", unlink)


def test_a_full_disk_drops_the_oldest_image_for_the_newest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.station.store.retention.ROOM_IMAGES", 1)
    FullDisk(monkeypatch, room=4)
    filled(store, {"c": 3, "b": 2, "a": 1})
    assert with_images(store) == ["a", "b"]
    assert [each.code for each in store.notices] == ["disk_full"]
    assert "the disk is full: the oldest images were deleted" in (store.notice or "")


def test_a_full_disk_without_images_refuses_one_and_keeps_nothing_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, room=1)
    assert not store.add_evidence(evidence(), JPEG, JPEG)
    assert image_files(store) == []


@pytest.fixture
def small_database(store: Store) -> Store:
    """A database that takes no more pages than it has, which is SQLite's error of a full disk."""

    def limit(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()

    store._writer.do(limit)
    return store


def test_a_full_database_never_loses_an_alert_that_it_confirmed(small_database: Store) -> None:
    store, confirmed = small_database, list[str]()

    def record_until_it_is_full() -> None:
        for number in range(2000):
            sent = alert(f"a{number}", track=number)
            store.record_alert(header(sent), sent)
            confirmed.append(sent.event_id)

    with pytest.raises(StoreError, match="database or disk is full"):
        record_until_it_is_full()
    assert "alerts are not recorded" in (store.notice or "")
    assert [each.event_id for each in store.open_alarms()] == confirmed
    store._writer.do(lambda to: to.execute("PRAGMA max_page_count = 100000").fetchall())
    assert store.record_alert(header(alert("z")), alert("z"))
    assert store.notice is None
