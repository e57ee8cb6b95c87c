"""The journal: writes each alert to disk before it is first sent.

A separate thread writes and waits for the disk. The frame thread waits for it, but at most
`COMMIT_WAIT_S`: a hanging disk must not delay a gas alarm. Alerts that could not be written are
sent anyway and kept for a later write; the line's state and the log report this.
"""

from __future__ import annotations

import errno
import logging
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import Self

from detector.delivery.journal_folder import JournalFolder, Record
from detector.state_folder import state_folder
from detector.vocabulary import JournalState

logger = logging.getLogger(__name__)

COMMIT_WAIT_S = 0.1
"""Longest wait of an alert for the disk; fsync takes a few ms, on an SD card tens of ms."""
RETRY_S = 1.0
"""Time between two attempts to write."""
UNWRITTEN_MAX = 5000
"""Records kept while writing fails; some 10 MB. Beyond that the oldest are dropped."""


def default_journal_folder(line: str) -> Path:
    """In the service's state folder, else in the user's."""
    return state_folder() / "journal" / line


class Journal:
    """Owns a line's journal; a context manager. Its methods never raise once it is entered.

    `folder` None: no journal, alerts do not survive a restart. Entering raises JournalInUseError
    if another detector uses the folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._files = None if folder is None else JournalFolder(folder)
        self._batches: queue.SimpleQueue[tuple[list[Record], threading.Event] | None] = (
            queue.SimpleQueue()
        )
        self._unwritten: deque[Record] = deque()
        self._late = False
        self._failed: str | None = None
        self.found: list[bytes] = []
        """Records of earlier starts, JSON, oldest first; the reader clears the list after use."""
        self.given_up = 0
        """Records dropped without being written."""
        self.waited_ms: deque[float] = deque(maxlen=1000)
        """Waiting times of the last commits for the disk, ms."""

    def __enter__(self) -> Self:
        if self._files is None:
            return self
        try:
            self._files.open()
        except OSError as error:
            self._fail(error)
        self.found = self._files.records
        if self._files.cut_bytes:
            logger.warning("journal: removed %d incomplete bytes at its end", self._files.cut_bytes)
        if self._files.damaged:
            logger.warning("journal: skipped %d damaged records", self._files.damaged)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._files is None:
            return
        self._batches.put(None)
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._files.close()

    @property
    def state(self) -> JournalState:
        """`written`: all records are on disk. `late`: the disk hangs. `failed`: writing fails."""
        if self._files is None:
            return "off"
        if self._failed is not None:
            return "failed"
        return "late" if self._late else "written"

    @property
    def reason(self) -> str | None:
        """Why records are not on disk, one line; None if all are."""
        if self._failed is not None:
            return self._failed
        return "the disk did not respond in time" if self.state == "late" else None

    def remember(self, records: list[Record]) -> None:
        """Keep these of the records found beyond their segment; call before the first `commit`."""
        if self._files is not None:
            self._files.remember(records)

    def commit(self, records: list[Record], wait_s: float = COMMIT_WAIT_S) -> bool:
        """Write records; waits at most `wait_s`, and returns whether they are on disk."""
        if self._files is None or not records:
            return True
        if self._batches.qsize() > UNWRITTEN_MAX:  # the disk has been hanging for hours
            self.given_up += len(records)
            return False
        started_s, done = time.perf_counter(), threading.Event()
        self._batches.put((records, done))
        # No wait while the disk fails or hangs: that has been reported.
        if wait_s <= 0 or self.state != "written":
            return done.is_set()
        self._late = not done.wait(wait_s)
        if self._late and done.is_set():  # finished just now; the writer has cleared _late before
            self._late = False
        self.waited_ms.append((time.perf_counter() - started_s) * 1e3)
        if self._late:
            logger.warning("journal: %s; alerts are sent before they are on disk", self.reason)
        return not self._late and self._failed is None

    def _write(self) -> None:
        while True:
            try:
                batch = self._batches.get(timeout=RETRY_S if self._unwritten else None)
            except queue.Empty:
                batch = [], threading.Event()
            last = batch is None
            records, done = batch or ([], threading.Event())
            self._unwritten += records
            while len(self._unwritten) > UNWRITTEN_MAX:
                self._unwritten.popleft()
                self.given_up += 1
            if self._unwritten:
                self._try()
            if not self._unwritten:
                done.set()
                self._late = False
            elif self._failed is not None:
                done.set()
            if last:
                return

    def _try(self) -> None:
        assert self._files is not None
        try:
            self._files.append(list(self._unwritten))
        except (OSError, ValueError) as error:
            self._fail(error)
            return
        self._unwritten.clear()
        if self._failed is not None:
            self._failed = None
            logger.info("journal: writing works again; all pending records are on disk")

    def _fail(self, error: Exception) -> None:
        assert self._files is not None
        reason = getattr(error, "strerror", None) or str(error)
        fix = {
            errno.ENOSPC: "free some space",
            errno.EROFS: "the disk is read-only: mount it writable",
            errno.EACCES: "give this user write permission there",
        }.get(getattr(error, "errno", 0) or 0, "set another folder in wire.journal")
        reason = f"{self._files.path}: {reason}; {fix}"
        if self._failed is None:
            logger.error(
                "journal: NOT WRITTEN: %s. Alerts are still sent; a restart would lose them", reason
            )
        self._failed = reason
