"""A process that this one starts and ends."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from queue import Empty, Queue
from typing import Any, Self

from detector.errors import VigitriError

VIGITRI = (sys.executable, "-m", "detector.cli")


class ChildFailedError(VigitriError, RuntimeError):
    """The process did not start; the message is its stderr."""


class ChildProcess:
    """A command in a process of its own, from `start` to `end`; a context manager."""

    def __init__(
        self, command: Sequence[str], *, end_s: float = 5.0, kill_s: float = 5.0, **settings: Any
    ) -> None:
        """
        end_s: Time to end by itself; then SIGKILL.
        kill_s: Time for the kernel to clean up after SIGKILL.
        settings: As for `subprocess.Popen`. A `stderr` that is a pipe is read.
        """
        self._command, self._settings = command, settings
        self._end_s, self._kill_s = end_s, kill_s
        self.stderr_lines: list[str] = []
        """Lines of its stderr so far."""

    def start(self) -> None:
        """Start it, or start it again once it has ended. Raises `OSError`."""
        self.process: subprocess.Popen[bytes] = subprocess.Popen(self._command, **self._settings)
        if self.process.stderr is not None:
            self._lines: Queue[str | None] = Queue()
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()

    def wait_for(self, line: re.Pattern[str], start_s: float) -> re.Match[str]:
        """Wait until its stderr has such a line.

        Raises `ChildFailedError`, and ends it, if it ends before or is silent for `start_s`.
        """
        while True:
            try:
                text = self._lines.get(timeout=start_s)
            except Empty:
                text = None
            if text is None:
                self.__exit__()
                raise ChildFailedError(
                    "\n".join(self.stderr_lines) or "the process printed nothing"
                )
            if found := line.search(text):
                return found

    def end(self, *, hung: bool = False) -> int | None:
        """End it if it runs, with SIGKILL at once if `hung`; returns its exit code.

        It is asked by the end of its stdin if that is an open pipe, or else by SIGTERM. None: it
        is stuck inside a driver and ends when that returns.
        """
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        elif not hung:
            self.process.terminate()
        code = self._wait(0.0 if hung else self._end_s)
        if code is None:
            self.process.kill()
            code = self._wait(self._kill_s)
        if self.process.stderr is not None:
            self._reader.join(timeout=5)
            self.process.stderr.close()
        return code

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _wait(self, timeout_s: float) -> int | None:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr_lines.append(line.decode(errors="replace").rstrip("\n"))
            self._lines.put(self.stderr_lines[-1])
        self._lines.put(None)
