"""Lines for people, on stderr, from a process that goes on whatever becomes of them."""

from __future__ import annotations

import sys
from contextlib import suppress


def tell(line: str) -> None:
    """Where it can't be written (a log on a disk that is full, a pipe whose reader has gone) the
    belt is watched on: what the line says of itself on the wire does not depend on it."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
