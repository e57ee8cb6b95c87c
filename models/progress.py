"""How far long work has come, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""(what, done, total)"""


def told() -> Progress:
    """Progress as one line that renews itself in a terminal and stays short in a log."""
    last = 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > (0.2 if sys.stderr.isatty() else 20):
            last = now
            end = "\n" if done == total or not sys.stderr.isatty() else "\r"
            print(f"{what}: {done}/{total}", end=end, file=sys.stderr, flush=True)

    return tell
