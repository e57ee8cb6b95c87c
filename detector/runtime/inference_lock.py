"""One look at a time: the lines of a machine that look at once all look late.

Two looks that share the cores each take twice their time. So a line that finds another one looking
passes, and looks in its next frame: what is new on the belt waits a frame longer, and the look
itself is over in time. Lines that run evenly soon look in turn and pass no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

PASSES_MOST = 2
"""So many frames in a row are passed; then the turn is awaited."""
WAIT_S = 0.06
"""A turn is awaited no longer: a look is over by then, or its line hangs."""
ALONE_S = 5.0
"""After a turn that was awaited in vain no other line is heeded for so long."""
_STEP_S = 0.001


HEEDS_NOBODY: AbstractContextManager[bool] = contextlib.nullcontext(enter_result=True)
"""For a pipeline that looks whenever a look is due."""


class Turns:
    """A line's turns; a context manager for each look, which is True where the look may be done.

    A turn is a lock on a file, which the kernel takes back from a line that dies.
    """

    def __init__(self, at_once: int, folder: Path | None = None) -> None:
        """`at_once`: so many lines may look at the same time. `folder`: of the locks; without it,
        the system's for temporary files. Where it can't be used, each line looks when it likes.
        """
        folder = folder or Path(tempfile.gettempdir())
        self._locks: list[int] = []
        with contextlib.suppress(OSError):
            for number in range(at_once):
                name = f"vigitri-{os.getuid()}-look-{number}.lock"
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._locks.append(os.open(folder / name, flags, 0o600))
        self._mine: int | None = None
        self._passed = 0
        self._alone_until_s = 0.0

    def __enter__(self) -> bool:
        if not self._locks or time.monotonic() < self._alone_until_s or self._taken():
            self._passed = 0
            return True
        if self._passed < PASSES_MOST:
            self._passed += 1
            return False
        self._passed = 0
        deadline_s = time.monotonic() + WAIT_S
        while not self._taken():
            if time.monotonic() >= deadline_s:
                self._alone_until_s = deadline_s + ALONE_S
                break
            time.sleep(_STEP_S)
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._mine is not None:
            fcntl.flock(self._mine, fcntl.LOCK_UN)
            self._mine = None

    def close(self) -> None:
        """Let go of the files."""
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    def _taken(self) -> bool:
        for lock in self._locks:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._mine = lock
                return True
        return False
