"""Log lines on stderr; a line that cannot be written never stops the process."""

from __future__ import annotations

import sys
from contextlib import suppress


def log(line: str) -> None:
    """Print `line` on stderr.

    Write errors (a full disk, a pipe without a reader) are ignored: detection and publishing do
    not depend on the log.
    """
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
