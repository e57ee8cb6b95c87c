from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from detector.station.store import Store, StoreError, database, schema
from detector.station.store.database import FILE
from detector.station.store.schema import MIGRATIONS
from tests.station.store.conftest import BOOT, alert, header


def damage(folder: Path) -> None:
    """Overwrite the tables' pages and leave the header."""
    path = folder / FILE
    with path.open("r+b") as file:
        file.seek(1024)
        file.write(b"\x5a" * (path.stat().st_size - 1024))


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match=r"written by a newer Vigitri .*; update Vigitri"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_damaged_database_is_kept_aside_and_a_new_one_begins(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for number in range(50):
            store.record_alert(header(alert()), alert(f"a{number}"))
    damage(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with Store(tmp_path) as store:
        assert "the history was damaged" in (store.notice or "")
        assert store.events() == []
        assert store.record_alert(header(alert()), alert())
    (aside,) = tmp_path.glob("station.corrupt-*.sqlite3")
    assert aside.read_bytes() == before
    with Store(tmp_path) as store:
        assert store.notice is None
        assert len(store.events()) == 1


def test_a_file_that_is_no_database_is_kept_aside_too(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"minutes of the last meeting\n" * 200)
    with Store(tmp_path) as store:
        assert store.notice is not None
    (aside,) = tmp_path.glob("station.corrupt-*.sqlite3")
    assert aside.read_bytes().startswith(b"minutes")


def test_damage_that_is_found_while_writing_does_not_stop_the_recording(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for number in range(200):
            store.record_alert(header(alert()), alert(f"a{number}"))
        with closing(sqlite3.connect(tmp_path / FILE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(tmp_path)
        assert store.record_alert(header(alert()), alert("b1"))
        assert store.event(BOOT, "b1").revisions[0].alert == alert("b1")
        assert "the history was damaged" in (store.notice or "")
    assert list(tmp_path.glob("station.corrupt-*.sqlite3"))


def test_two_stations_do_not_share_a_folder(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(StoreError, match="another station uses this folder"):
        Store(tmp_path)
    Store(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"^[^\n]*name another folder with --folder$"):
        Store(tmp_path / "file" / "station")


def test_a_database_of_another_program_is_kept_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with Store(tmp_path) as store:
        assert "another program" in (store.notice or "")


def test_an_older_database_is_brought_up_to_date_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        store.record_alert(header(alert()), alert())
    added = "CREATE TABLE shifts (name TEXT);\nCREATE INDEX shifts_name ON shifts (name);\n"
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, added))
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, added))
    with Store(tmp_path) as store:
        assert store.event(BOOT, "a1").revisions[0].alert == alert()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM shifts").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


def test_a_migration_that_fails_leaves_the_older_database_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path).close()
    wrong = "CREATE TABLE shifts (name TEXT);\nCREATE TABLE events (id INTEGER);\n"
    with monkeypatch.context() as newer:
        newer.setattr(schema, "MIGRATIONS", (*MIGRATIONS, wrong))
        newer.setattr(database, "MIGRATIONS", (*MIGRATIONS, wrong))
        with pytest.raises(StoreError, match="table events already exists"):
            Store(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "shifts" not in tables
