"""What the workshop's modules share: its error, and progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from detector.errors import VigitriError

Progress = Callable[[str, int, int], None]
"""(what, done, total)"""


class WorkshopError(VigitriError, ValueError):
    """Data, recipe, weights or tools that the workshop cannot use; one line with the fix."""


def progress_on_stderr() -> Progress:
    """Progress as one line, rewritten in a terminal and printed every 20 s in a log."""
    last = 0.0

    def show(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > (0.2 if sys.stderr.isatty() else 20):
            last = now
            end = "\n" if done == total or not sys.stderr.isatty() else "\r"
            print(f"{what}: {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show
