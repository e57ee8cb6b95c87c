"""The database file: opened, checked, brought up to date, or set aside if it is damaged."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from detector.station.store.payloads import PayloadCodec
from detector.station.store.records import StoreError
from detector.station.store.schema import MIGRATIONS, migrate

FILE = "station.sqlite3"
DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
"""Names of SQLite's errors that mean a damaged file; extended codes begin with them."""
_BUSY_S = 10.0


def is_damage(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorname", None) or "").startswith(tuple(DAMAGED))


class Database:
    """The file of one store folder. Entering opens it; only one process at a time may."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / FILE
        self.notice: str | None = None
        """What was set aside, one line; None: the file was in order."""
        self._lock = -1

    def open(self) -> sqlite3.Connection:
        """The writer's connection. Raises StoreError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock_folder()
            return self._open_checked()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise StoreError(self._why_not(error)) from error
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def begin_again(self, reason: str) -> sqlite3.Connection:
        """Set the damaged file aside and begin a new one; for the writer, whose own is closed."""
        self._set_aside(reason)
        return self._migrated(connect(self.path))

    def codec(self) -> PayloadCodec:
        with closing(connect(self.path)) as connection:
            (dictionary,) = connection.execute("SELECT bytes FROM dictionary").fetchone()
            return PayloadCodec(dictionary)

    def _lock_folder(self) -> None:
        self._lock = os.open(self.folder / "station.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{self.folder}: another station uses this folder; stop that one or name another "
                f"folder with --folder"
            ) from None

    def _open_checked(self) -> sqlite3.Connection:
        reason = self._damage()
        if reason is not None:
            self._set_aside(reason)
        return self._migrated(connect(self.path))

    def _damage(self) -> str | None:
        """Why the file can't be used; None: it can. Raises StoreError for a newer one."""
        if not self.path.exists():
            return None
        try:
            with closing(connect(self.path)) as connection:
                have = _version(connection)
                if have > len(MIGRATIONS):
                    raise StoreError(
                        f"{self.path}: written by a newer Vigitri (version {have}, this one knows "
                        f"up to {len(MIGRATIONS)}); update Vigitri or name another folder with "
                        f"--folder"
                    )
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if (
                    found == "ok"
                    and have == 0
                    and connection.execute("SELECT 1 FROM sqlite_master").fetchone()
                ):
                    return "it is another program's"
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return str(error)
            raise
        return None if found == "ok" else str(found).replace("\n", " ")[:200]

    def _set_aside(self, reason: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        aside = self.folder / f"station.corrupt-{stamp}.sqlite3"
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        self.notice = (
            f"the history was damaged ({reason}); it is kept as {aside.name}, a new one begins"
        )

    def _migrated(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        have = _version(connection)
        if have == 0:
            # Takes effect only before the first table: deleted pages go back to the disk.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, have)
        return connection

    def _why_not(self, error: Exception) -> str:
        number = getattr(error, "errno", 0)
        name = getattr(error, "sqlite_errorname", "") or ""
        if number == errno.ENOSPC or name == "SQLITE_FULL":
            return f"{self.folder}: no room on the disk; free some space"
        if number in {errno.EACCES, errno.EPERM, errno.EROFS} or "READONLY" in name:
            return f"{self.folder}: can't be written; give this user write permission there"
        reason = getattr(error, "strerror", None) or str(error)
        return f"{self.folder}: {reason}; name another folder with --folder"


def connect(path: Path, *, reads: bool = False) -> sqlite3.Connection:
    """A connection that begins no transaction by itself. `reads`: it may not write."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    # Each commit is on the disk when it returns: only then is an alert confirmed.
    connection.execute("PRAGMA synchronous = FULL")
    if reads:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
