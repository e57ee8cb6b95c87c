"""What is deleted: by age, by size, and when the disk is full; images first, oldest first."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from detector.station.store.database import FILE
from detector.station.store.evidence_files import IMAGES, EvidenceFiles
from detector.station.store.recording import name_evidence
from detector.station.store.records import StoreError
from detector.station.store.writer import Writer

logger = logging.getLogger(__name__)

DAY_NS = 24 * 3600 * 10**9
DAYS_MAX = 30
"""[DOMAIN, "Workers"]: nothing that shows or names a person is kept for longer."""
ROWS_EVERY_NS = 3600 * 10**9
AT_ONCE = 200
"""Rows of one transaction: an alert never waits for longer than these."""
ROOM_IMAGES = 16
"""Evidence deleted at once when the disk is full; some 2 MB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much is kept."""

    image_days: int = 7
    history_days: int = DAYS_MAX
    """Alerts, states, metrics, answers and the audit log."""
    max_bytes: int = 5 * 10**9
    """Database and images together."""
    min_free_bytes: int = 256 * 2**20
    """Images are deleted while the disk has less than this: the journal needs room too."""

    def __post_init__(self) -> None:
        for name in ("image_days", "history_days"):
            if not 1 <= getattr(self, name) <= DAYS_MAX:
                raise StoreError(
                    f"{name} = {getattr(self, name)}: write 1 to {DAYS_MAX} days; workers' "
                    f"images and names are not kept for longer"
                )


class _Kept(NamedTuple):
    """Evidence whose images are here."""

    evidence_id: str
    line: str
    boot_id: str
    event_id: str
    t_capture_ns: int
    size_bytes: int


class Retention:
    """Deletes what is too old or too much."""

    def __init__(
        self,
        limits: Limits,
        folder: Path,
        files: EvidenceFiles,
        read: Callable[[], sqlite3.Connection],
    ) -> None:
        self.limits = limits
        self.dropped_ns: int | None = None
        """When images were last deleted because the disk was full; None: never."""
        self._folder, self._files, self._read = folder, files, read
        self._rows_ns = 0
        """When rows were last deleted."""
        self._unmarked: set[str] = set()
        """Evidence whose files are gone and whose rows do not say so yet."""

    def make_room(self, writer: Writer) -> bool:
        """The disk is full: delete the oldest images; False if none are left.

        Called in any thread, also the writer's: nothing here waits for the database to write.
        """
        rows = self._oldest("1", (), ROOM_IMAGES)
        if not rows:
            return False
        logger.error("store: the disk is full; deleted %d of the oldest images", len(rows))
        self.dropped_ns = time.time_ns()
        self._drop(rows, writer)
        return True

    def clean_up(self, writer: Writer, now_ns: int) -> None:
        """Apply all limits; every few minutes, in a thread that may wait."""
        self._delete_old_images(writer, now_ns - self.limits.image_days * DAY_NS)
        if now_ns - self._rows_ns >= ROWS_EVERY_NS:
            self._rows_ns = now_ns
            self._delete_old_rows(writer, now_ns - self.limits.history_days * DAY_NS)
        while rows := self._oldest_beyond_size():
            self._drop(rows, writer)
            writer.do(lambda _: None)  # the rows say it before the sum is taken again
        while self._disk_is_low() and (rows := self._oldest("1", (), ROOM_IMAGES)):
            self.dropped_ns = now_ns
            self._drop(rows, writer)
            writer.do(lambda _: None)

    def _delete_old_images(self, writer: Writer, before_ns: int) -> None:
        while rows := self._oldest("t_capture_ns < ?", (before_ns,), AT_ONCE):
            self._drop(rows, writer)
        # Files without a row: the process was killed between the two.
        last = datetime.fromtimestamp(before_ns / 1e9, UTC).strftime("%Y-%m-%d")
        for day, folder in self._files.days():
            if day < last:
                self._files.delete(folder.iterdir())

    def _delete_old_rows(self, writer: Writer, before_ns: int) -> None:
        for table, when in (
            ("events", "t_raised_ns < ? AND state = 'normal'"),
            ("evidence", "t_capture_ns < ?"),
            ("states", "t_until_ns < ?"),
            ("audit", "t_ns < ?"),
        ):
            statement = (
                f"DELETE FROM {table} WHERE rowid IN "
                f"(SELECT rowid FROM {table} WHERE {when} LIMIT {AT_ONCE})"
            )
            deleted = True
            while deleted:
                deleted = writer.do(
                    lambda to, text=statement: to.execute(text, (before_ns,)).rowcount > 0  # type: ignore[misc]
                )
        writer.do(lambda to: to.execute("DELETE FROM metrics WHERE t_ns < ?", (before_ns,)))
        writer.do(lambda to: to.execute("PRAGMA incremental_vacuum(2000)").fetchall())

    def _oldest_beyond_size(self) -> list[_Kept]:
        """The oldest images, as many as are too many; at most `AT_ONCE`."""
        with closing(self._read()) as connection:
            images = connection.execute(
                "SELECT coalesce(sum(crop_bytes + frame_bytes), 0) FROM evidence "
                "WHERE t_dropped_ns IS NULL"
            ).fetchone()[0]
        excess = images + (self._folder / FILE).stat().st_size - self.limits.max_bytes
        rows = []
        for row in self._oldest("1", (), AT_ONCE):
            if excess <= 0:
                break
            excess -= row.size_bytes
            rows.append(row)
        return rows

    def _disk_is_low(self) -> bool:
        return shutil.disk_usage(self._folder).free < self.limits.min_free_bytes

    def _oldest(self, when: str, values: tuple[Any, ...], number: int) -> list[_Kept]:
        with closing(self._read()) as connection:
            rows = connection.execute(
                "SELECT evidence_id, line, boot_id, event_id, t_capture_ns, "
                "crop_bytes + frame_bytes FROM evidence "
                f"WHERE t_dropped_ns IS NULL AND {when} ORDER BY t_capture_ns LIMIT ?",
                (*values, number + len(self._unmarked)),
            )
            kept = [_Kept(*row) for row in rows]
        return [each for each in kept if each.evidence_id not in self._unmarked][:number]

    def _drop(self, rows: list[_Kept], writer: Writer) -> None:
        """Delete the files at once, for the disk may be full; their rows say so a little later."""
        names = {each.evidence_id for each in rows}
        self._unmarked |= names
        for each in rows:
            key = each.line, each.evidence_id, each.t_capture_ns
            self._files.delete(self._files.path(*key, image) for image in IMAGES)

        def mark(connection: sqlite3.Connection) -> None:
            now_ns = time.time_ns()
            for each in rows:
                connection.execute(
                    "UPDATE evidence SET t_dropped_ns = ? WHERE evidence_id = ?",
                    (now_ns, each.evidence_id),
                )
                name_evidence(connection, each.line, each.boot_id, each.event_id)

        def marked(done: Future[None]) -> None:
            if done.exception() is None:
                self._unmarked -= names
            else:
                logger.error("store: deleted images are still listed: %s", done.exception())

        writer.later(mark).add_done_callback(marked)
