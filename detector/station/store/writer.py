"""The one thread that writes to the database; what waits together is committed together."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from detector.station.store.database import Database, is_damage
from detector.station.store.records import StoreError

logger = logging.getLogger(__name__)

TOGETHER_MAX = 256
ROOM_TRIES = 8
"""A full disk: how often room is made for one commit before it fails."""
NO_ROOM = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]


class Writer:
    """Owns the writing connection; a commit is on the disk before `do` returns.

    `make_room` deletes something from a full disk and returns whether it did. `report` is given
    one line when the database had to be begun again.
    """

    def __init__(
        self, database: Database, make_room: Callable[[], bool], report: Callable[[str], None]
    ) -> None:
        self._database, self._make_room, self._report = database, make_room, report
        self._connection = database.open()
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once it is on the disk.

        Raises what `work` raises, then nothing of it is written; and StoreError.
        """
        return self.later(work).result()

    def later(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """The same without waiting."""
        future: Future[T] = Future()
        if self._closed:
            raise StoreError("the store is closed")
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Write what is waiting, and close the database."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._connection.close()
        self._database.close()

    def _run(self) -> None:
        last = False
        while not last:
            batch = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == TOGETHER_MAX or self._queue.empty():
                    break
                item = self._queue.get()
            last = item is None
            if batch:
                self._write(batch)

    def _write(self, batch: list[tuple[Work, Future[Any]]]) -> None:
        tries = 0
        while True:
            try:
                outcomes = self._commit([work for work, _ in batch])
                break
            except sqlite3.Error as error:
                tries += 1
                if not self._may_try_again(error, tries):
                    failure = StoreError(f"{self._database.path}: not written: {error}")
                    outcomes = [failure] * len(batch)
                    break
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _commit(self, works: list[Work]) -> list[Any]:
        """Each work's result or its own error. sqlite3.Error: nothing was written."""
        connection, outcomes = self._connection, []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work in works:
                connection.execute("SAVEPOINT work")
                try:
                    outcomes.append(work(connection))
                except sqlite3.Error:
                    raise
                except Exception as error:
                    connection.execute("ROLLBACK TO work")
                    outcomes.append(error)
                connection.execute("RELEASE work")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
        return outcomes

    def _may_try_again(self, error: sqlite3.Error, tries: int) -> bool:
        if is_damage(error) and tries == 1:
            self._connection.close()
            try:
                self._connection = self._database.begin_again(str(error))
            except (OSError, sqlite3.Error):
                logger.exception("%s: no new database", self._database.path)
                return False
            self._report(str(self._database.notice))
            return True
        name = getattr(error, "sqlite_errorname", "") or ""
        return name in NO_ROOM and tries <= ROOM_TRIES and self._make_room()
