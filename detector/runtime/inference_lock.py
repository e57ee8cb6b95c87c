"""One inference pass at a time: if the lines of a machine run them at once, all end late.

Two passes that share the cores each take twice their time. So a line that finds the lock taken
skips its pass and runs it on its next frame: new belt waits one frame longer, but the pass itself
ends in time. Lines with steady frame rates soon alternate and skip no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

MAX_SKIPS = 2
"""Frames skipped in a row; then the line waits for the lock."""
WAIT_S = 0.06
"""Maximum wait for the lock: a pass is over by then, or its line hangs."""
IGNORE_S = 5.0
"""After a wait in vain the lock is ignored for this long."""
_STEP_S = 0.001


NO_LOCK: AbstractContextManager[bool] = contextlib.nullcontext(enter_result=True)
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
        with contextlib.suppress(OSError):
            for number in range(at_once):
                name = f"vigitri-{os.getuid()}-inference-{number}.lock"
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._locks.append(os.open(folder / name, flags, 0o600))
        self._acquired: int | None = None
        self._skipped = 0
        self._ignored_until_s = 0.0

    def __enter__(self) -> bool:
        if not self._locks or time.monotonic() < self._ignored_until_s or self._try_acquire():
            self._skipped = 0
            return True
        if self._skipped < MAX_SKIPS:
            self._skipped += 1
            return False
        self._skipped = 0
        deadline_s = time.monotonic() + WAIT_S
        while not self._try_acquire():
            if time.monotonic() >= deadline_s:
                self._ignored_until_s = deadline_s + IGNORE_S
                break
            time.sleep(_STEP_S)
        return True

    def __exit__(self, *_: object) -> None:
        if self._acquired is not None:
            fcntl.flock(self._acquired, fcntl.LOCK_UN)
            self._acquired = None

    def close(self) -> None:
        """Close the lock files."""
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    def _try_acquire(self) -> bool:
        for lock in self._locks:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._acquired = lock
                return True
        return False
