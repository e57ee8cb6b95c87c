"""What must not be lost: each alert is on the disk before it is sent for the first time.

A thread of its own writes and waits for the disk. The thread of the frames waits for it, but no
longer than `PATIENCE_S`: a disk that hangs must not hold up a gas alarm. What could not be written
is sent all the same, kept to be written later, and told: on the wire in the line's state, and to
people on stderr.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from detector.delivery.journal_folder import JournalFolder, Record
from detector.vocabulary import JournalState

PATIENCE_S = 0.1
"""An alert waits so long for the disk at most; fsync takes a few ms, of an SD card tens."""
AGAIN_S = 1.0
"""Between two tries to write what could not be written."""
UNWRITTEN_MAX = 5000
"""Records kept while the disk takes none; some 10 MB. Beyond that the oldest are given up."""


def default_journal_folder(line: str) -> Path:
    """Where services keep their state (systemd's StateDirectory=), else the user's state folder."""
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if state:
        return Path(state) / "journal" / line
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home) / "vigitri" / "journal" / line


class Journal:
    """Owns a line's journal; a context manager. Nothing here raises once it is entered.

    `folder` None: no journal, nothing survives a restart. Entering raises JournalInUseError where
    another detector has it.
    """

    def __init__(
        self, folder: Path | None, *, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._files = None if folder is None else JournalFolder(folder)
        self._tell = tell
        self._batches: queue.SimpleQueue[tuple[list[Record], threading.Event] | None] = (
            queue.SimpleQueue()
        )
        self._unwritten: deque[Record] = deque()
        self._late = False
        self._failed: str | None = None
        self.found: list[bytes] = []
        """The records of earlier starts, JSON, oldest first; whoever has used them clears them."""
        self.given_up = 0
        """Records that were never written."""
        self.waited_ms: deque[float] = deque(maxlen=1000)
        """How long the last alerts waited for the disk."""

    def __enter__(self) -> Self:
        if self._files is None:
            return self
        try:
            self._files.open()
        except OSError as error:
            self._fail(error)
        self.found = self._files.records
        if self._files.cut_bytes:
            self._tell(f"journal: cut {self._files.cut_bytes} half-written bytes from its end")
        if self._files.damaged:
            self._tell(f"journal: passed over {self._files.damaged} damaged records")
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._files is None:
            return
        self._batches.put(None)
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._files.close()

    @property
    def state(self) -> JournalState:
        """`written`: all of it is on the disk. `late`: it hangs. `failed`: it takes nothing."""
        if self._files is None:
            return "off"
        if self._failed is not None:
            return "failed"
        return "late" if self._late else "written"

    @property
    def reason(self) -> str | None:
        """Why not everything is written, in one line."""
        if self._failed is not None:
            return self._failed
        return "the disk has not answered in time" if self.state == "late" else None

    def remember(self, records: list[Record]) -> None:
        """Of what was found: what must outlive its segment. Before the first `commit`."""
        if self._files is not None:
            self._files.remember(records)

    def commit(self, records: list[Record], patience_s: float = PATIENCE_S) -> bool:
        """Whether they are on the disk; waits for that, but not longer than `patience_s`."""
        if self._files is None or not records:
            return True
        if self._batches.qsize() > UNWRITTEN_MAX:  # hangs for hours
            self.given_up += len(records)
            return False
        started_s, done = time.perf_counter(), threading.Event()
        self._batches.put((records, done))
        # While it fails or hangs nobody waits for it: it is told.
        if patience_s <= 0 or self.state != "written":
            return done.is_set()
        self._late = not done.wait(patience_s)
        if self._late and done.is_set():  # just now: the writer has said so before we did
            self._late = False
        self.waited_ms.append((time.perf_counter() - started_s) * 1e3)
        if self._late:
            self._tell(f"journal: {self.reason}; alerts go out before they are on the disk")
        return not self._late and self._failed is None

    def _write(self) -> None:
        while True:
            try:
                batch = self._batches.get(timeout=AGAIN_S if self._unwritten else None)
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
            self._tell("journal: writes again, and what was held back is on the disk")

    def _fail(self, error: Exception) -> None:
        assert self._files is not None
        reason = getattr(error, "strerror", None) or str(error)
        mend = {
            errno.ENOSPC: "free some space",
            errno.EROFS: "the disk is read-only: mount it writable",
            errno.EACCES: "give this user the right to write there",
        }.get(getattr(error, "errno", 0) or 0, "name another folder: wire.journal")
        reason = f"{self._files.path}: {reason}; {mend}"
        if self._failed is None:
            self._tell(f"journal: NOT WRITTEN: {reason}. Alerts go out, a restart would lose them")
        self._failed = reason
