"""A Vigitri command as a separate process, as a user starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from detector.child_process import VIGITRI, ChildProcess
from detector.log_output import VARIABLE


class CommandProcess(ChildProcess):
    """Runs a command, and reads its log."""

    def __init__(
        self, *arguments: str, start_s: float, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment`: variables in addition to ours."""
        # The log's format, whatever ours is.
        readable = {**os.environ, VARIABLE: "text", **(environment or {})}
        super().__init__([*VIGITRI, *arguments], stderr=subprocess.PIPE, env=readable)
        self.start_s = start_s


def children(parent: int, word: bytes) -> list[int]:
    """Ids of a process's children whose command line contains `word`."""
    gone = contextlib.suppress(FileNotFoundError, ProcessLookupError)
    pids: list[str] = []
    with gone:
        for task in Path(f"/proc/{parent}/task").iterdir():
            with gone:  # one thread may have ended while others have not
                pids += (task / "children").read_text(encoding="ascii").split()
    found = []
    for pid in pids:
        with gone:
            if word in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found
