"""One inference pass at a time: if the lines of a machine run them at once, all end late.

Two passes that share the cores each take twice their time. So a line that finds the lock taken
skips its pass and runs it on its next frame: new belt waits one frame longer, but the pass itself
ends in time. Lines with steady frame rates soon alternate and skip no more.

A pass that an object wants, but that new belt does not need yet, gives way to all others: it is
skipped until new belt needs it too. Where lines have many objects each of them wants a pass in most
frames, and a line that waits with its frame is a late line.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

MAX_SKIPS = 2
"""Due passes skipped in a row; then the line waits for the lock."""
WAIT_S = 0.06
"""Maximum wait for the lock: a pass is over by then, or its line hangs."""
IGNORE_S = 5.0
"""After a wait in vain the lock is ignored for this long."""
_STEP_S = 0.001


class Turns(Protocol):
    """Says when a line may run its pass."""

    def turn(self, *, can_wait: bool) -> AbstractContextManager[bool]:
        """A context for one pass, True if it may run. `can_wait`: new belt does not need it yet."""
        ...


class _NoLock:
    def turn(self, *, can_wait: bool) -> AbstractContextManager[bool]:  # noqa: ARG002
        return contextlib.nullcontext(enter_result=True)


NO_LOCK: Turns = _NoLock()
"""For a pipeline that runs each inference pass as soon as it is due."""


class InferenceLock:
    """One line's view of the lock; a context manager for each pass, True if the pass may run.

    The lock is a lock on a file, which the kernel releases when a line dies.
    """

    def __init__(self, at_once: int, folder: Path | None = None) -> None:
        """`at_once`: how many lines may run a pass at the same time. `folder`: for the lock files
        (default: the system's folder for temporary files). If it can't be used, passes are not
        locked at all.
        """
        folder = folder or Path(tempfile.gettempdir())
        self._locks: list[int] = []
        self._waiting: int | None = None
        """A lock that all lines share that wait."""
        with contextlib.suppress(OSError):
            for number in range(at_once):
                self._locks.append(_open(folder / f"vigitri-{os.getuid()}-inference-{number}.lock"))
            self._waiting = _open(folder / f"vigitri-{os.getuid()}-inference-waiting.lock")
        self._acquired: int | None = None
        self._can_wait = False
        self._skipped = 0
        self._ignored_until_s = 0.0

    def turn(self, *, can_wait: bool) -> InferenceLock:
        """This lock for one pass, see `Turns`."""
        self._can_wait = can_wait
        return self

    def __enter__(self) -> bool:
        is_ignored = not self._locks or time.monotonic() < self._ignored_until_s
        if self._can_wait and not is_ignored:
            return not self._others_wait() and self._try_acquire()
        if is_ignored or self._try_acquire():
            self._skipped = 0
            return True
        if self._skipped < MAX_SKIPS:
            self._skipped += 1
            return False
        self._skipped = 0
        self._wait()
        return True

    def _wait(self) -> None:
        """Until the lock is acquired, or WAIT_S are over."""
        if self._waiting is not None:
            fcntl.flock(self._waiting, fcntl.LOCK_SH)
        deadline_s = time.monotonic() + WAIT_S
        while not self._try_acquire():
            if time.monotonic() >= deadline_s:
                self._ignored_until_s = deadline_s + IGNORE_S
                break
            time.sleep(_STEP_S)
        if self._waiting is not None:
            fcntl.flock(self._waiting, fcntl.LOCK_UN)

    def _others_wait(self) -> bool:
        if self._waiting is None:
            return False
        try:
            fcntl.flock(self._waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._waiting, fcntl.LOCK_UN)
        return False

    def __exit__(self, *_: object) -> None:
        if self._acquired is not None:
            fcntl.flock(self._acquired, fcntl.LOCK_UN)
            self._acquired = None

    def close(self) -> None:
        """Close the lock files."""
        for lock in (*self._locks, *([] if self._waiting is None else [self._waiting])):
            os.close(lock)
        self._locks.clear()
        self._waiting = None

    def _try_acquire(self) -> bool:
        for lock in self._locks:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._acquired = lock
                return True
        return False


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
