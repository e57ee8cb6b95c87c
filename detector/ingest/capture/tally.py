"""The capture process's counters, in memory shared with the detector that outlives the process.

Each number is written by one process only, as one aligned 8-byte word, so a reader sees the old
value or the new one. They continue when the capture process is restarted.
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
    """Counts of images: grabbed = read + overwritten + withheld + unreadable + one waiting."""

    grabbed = _word("grabbed")
    """Images that left the driver; the index of the next one."""
    overwritten = _word("overwritten")
    """Images that a newer one replaced before they were read."""
    withheld = _word("withheld")
    """Images not passed on because the camera was frozen or they were out of date."""
    unreadable = _word("unreadable")
    """Images that could not be decoded."""
    late = _word("late")
    """Images of a recording that this machine was too slow to play in time."""
    alive_at_ns = _word("alive_at_ns")
    """CLOCK_MONOTONIC of the capture process's last progress (ns)."""

    def __init__(self, descriptor: int) -> None:
        self._words = np.frombuffer(mmap.mmap(descriptor, 0), np.int64)

    @staticmethod
    def descriptor() -> int:
        """A file descriptor of new, zeroed counters; the caller closes it."""
        descriptor = os.memfd_create("vigitri-tally")
        os.ftruncate(descriptor, 8 * len(_WORDS))
        return descriptor
