"""The capture process's counters, in memory that it shares with the detector and that outlives it.

Each number is written by one process only, as one aligned 8-byte word, so a reader sees the old
value or the new one. They go on counting when the capture process is started again.
"""

from __future__ import annotations

import mmap
import os

import numpy as np

_WORDS = ("grabbed", "overwritten", "withheld", "unreadable", "late", "alive_at_ns")


def _word(name: str) -> property:
    place = _WORDS.index(name)

    def read(tally: Tally) -> int:
        return int(tally._words[place])

    def write(tally: Tally, value: int) -> None:
        tally._words[place] = value

    return property(read, write)


class Tally:
    """What became of the pictures so far: grabbed = handed out + all the others + one waiting."""

    grabbed = _word("grabbed")
    """Pictures that left the driver; the index of the next one."""
    overwritten = _word("overwritten")
    """Pictures that a newer one replaced before they were taken."""
    withheld = _word("withheld")
    """Pictures that were not handed on because the camera was frozen, or they were of the past."""
    unreadable = _word("unreadable")
    """Pictures that could not be decoded."""
    late = _word("late")
    """Pictures of a recording that this machine was too slow to play in time."""
    alive_at_ns = _word("alive_at_ns")
    """CLOCK_MONOTONIC when the capture process last got something done (ns)."""

    def __init__(self, descriptor: int) -> None:
        self._words = np.frombuffer(mmap.mmap(descriptor, 0), np.int64)

    @staticmethod
    def descriptor() -> int:
        """A file descriptor of new, zeroed counters; the caller closes it."""
        descriptor = os.memfd_create("vigitri-tally")
        os.ftruncate(descriptor, 8 * len(_WORDS))
        return descriptor
