"""A Vigitri command as a separate process, as a user starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Self

from detector.errors import VigitriError
from detector.log_output import VARIABLE


class LineFailedError(VigitriError, RuntimeError):
    """The process did not start; the message is its stderr."""


class ChildProcess:
    """Starts a command and waits until its stderr announces that it is ready; a context manager."""

    def __init__(self, *arguments: str, start_s: float = 30.0) -> None:
        self._command = [sys.executable, "-m", "detector.cli", *arguments]
        self._start_s = start_s
        self.said: list[str] = []
        """Lines of its stderr so far."""

    def announced(self, line: str) -> bool:
        """Whether a line of its stderr announces that it is ready."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        readable = {**os.environ, VARIABLE: "text"}  # the log's format, whatever ours is
        self.process = subprocess.Popen(
            self._command, stderr=subprocess.PIPE, text=True, env=readable
        )
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        while True:
            try:
                line = self._lines.get(timeout=self._start_s)
            except Empty:
                line = None
            if line is None:
                self.__exit__(None, None, None)
                raise LineFailedError("\n".join(self.said) or "the process printed nothing")
            if self.announced(line):
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


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
