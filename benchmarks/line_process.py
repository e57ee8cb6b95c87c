"""`vigitri run` as a process of its own, as a user starts it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent
DEMO_LINE = ROOT / "calibration" / "sites" / "demo.toml"
DEMO_CLIP = ROOT / "twin" / "clips" / "demo"
_ANNOUNCED = re.compile(r"publishing at (\S+), taking answers at (\S+)$")
_ANY_PORT = "tcp://127.0.0.1:*"


class LineFailedError(RuntimeError):
    """The line's process did not start; holds what it said."""


class LineProcess:
    """Runs one line at ports that the system chooses; a context manager that ends it."""

    def __init__(self, line: Path, *options: str, start_s: float = 30.0) -> None:
        self._command = [
            *(sys.executable, "-m", "detector.cli", "run", str(line)),
            *("--publish", _ANY_PORT, "--answers", _ANY_PORT, *options),
        ]
        self._start_s = start_s
        self.said: list[str] = []
        """The lines of its stderr so far."""
        self.publish = self.answers = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        while not self.publish:
            try:
                line = self._lines.get(timeout=self._start_s)
            except Empty:
                line = None
            if line is None:
                self.__exit__(None, None, None)
                raise LineFailedError("\n".join(self.said) or "the line's process said nothing")
            announced = _ANNOUNCED.search(line)
            if announced:
                self.publish, self.answers = announced.groups()
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

    def next_line(self, timeout_s: float) -> str | None:
        """The next line of its stderr; None if it ended or said nothing for so long."""
        try:
            return self._lines.get(timeout=timeout_s)
        except Empty:
            return None

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
