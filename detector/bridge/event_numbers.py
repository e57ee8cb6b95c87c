"""Numbers of events that grow over restarts of the bridge, even if its clock was set back."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from detector.state_folder import state_folder

logger = logging.getLogger(__name__)

EPOCH_S = 1_767_225_600
"""2026-01-01: tenths of seconds since then fit 32 bits until 2039. No line has ten events a second,
so that the clock alone is enough unless it is set back, or starts at 1970."""
RESERVED = 1000
"""Numbers reserved on disk at a time: one write in many events, none on the way of an event."""
MAX = 0xFFFF_FFFF


def numbers_file(consumer: str) -> Path:
    return state_folder() / "bridge" / f"{consumer}.seq"


class EventNumbers:
    """The highest number that may have been given out, kept in a file."""

    def __init__(self, path: Path | None, clock_s: Callable[[], float] = time.time) -> None:
        """`path`: None: nothing is kept, and numbers follow the clock alone."""
        self._path, self._reserved, self._warned = path, 0, False
        by_clock = max(0, round((clock_s() - EPOCH_S) * 10)) % MAX
        self.first = max(self._kept(), by_clock)
        """The number before that of the first event."""
        self.reserve(self.first)

    def reserve(self, last: int) -> None:
        """Keep room on disk for numbers after `last`, the last one given out. Never raises."""
        # After the highest number they start again at 1.
        left = self._reserved - last
        if self._path is None or RESERVED // 2 < left <= RESERVED:
            return
        reserved = last + RESERVED
        # Another bridge may keep its numbers in the same file; those that wrapped are lower.
        kept = self._kept()
        ahead = kept if 0 < kept - reserved < MAX // 2 else reserved
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            with new.open("w", encoding="ascii") as file:
                file.write(f"{ahead}\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            self._warn(f"can't write it: {error.strerror}")
        self._reserved = reserved  # also if it failed: once per block is often enough

    def _kept(self) -> int:
        if self._path is None:
            return 0
        try:
            kept = int(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except OSError as error:
            self._warn(f"can't read it: {error.strerror}")
            return 0
        except ValueError:
            kept = -1
        if not 0 <= kept <= MAX + RESERVED:
            self._warn("its content is no event number")
            return 0
        return kept % MAX

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "bridge: %s: %s. If the clock is set back, event numbers (registers 11, 12) may "
                "repeat after a restart: make the file writable, or set STATE_DIRECTORY",
                self._path,
                reason,
            )
