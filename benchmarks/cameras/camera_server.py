"""The RTSP camera as a process of the system's Python, and the orders to it."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import NoReturn, Self

from detector.child_process import ChildFailedError, ChildProcess

PYTHON = "/usr/bin/python3"
"""Debian's, which has the bindings of GStreamer."""
SERVER = Path(__file__).parent / "rtsp_server.py"
_SERVING = re.compile(r"serving (\S+)$")
_DONE = re.compile(r"done (.*) (\d+)$")
START_S = 30.0
DONE_S = 15.0


class CameraServer(ChildProcess):
    """A network camera with faults to order; a context manager."""

    def __init__(self, *options: str) -> None:
        """options: as for `rtsp_server.py`, whose docstring lists the orders."""
        super().__init__(
            [PYTHON, str(SERVER), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._answers: Queue[str | None] = Queue()
        self.url = ""

    def __enter__(self) -> Self:
        """Raises `ChildFailedError`."""
        super().__enter__()
        threading.Thread(target=self._read_answers, daemon=True).start()
        serving = _SERVING.match(self._answer(START_S))
        if serving is None:
            self.fail()
        self.url = serving[1]
        return self

    def order(self, order: str) -> int:
        """Carry out an order; returns CLOCK_MONOTONIC (ns) from which it holds.

        Raises `ChildFailedError`.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n".encode())
        self.process.stdin.flush()
        done = _DONE.match(self._answer(DONE_S))
        if done is None or done[1] != order:
            self.fail()
        return int(done[2])

    def fail(self) -> NoReturn:
        """End it. Raises `ChildFailedError` with what it has printed."""
        self.end(hung=True)
        needs = f"{PYTHON} {SERVER.name}: it needs Debian's packages that its docstring names"
        raise ChildFailedError("\n".join([needs, *self.stderr_lines]))

    def _answer(self, within_s: float) -> str:
        try:
            return self._answers.get(timeout=within_s) or ""
        except Empty:
            return ""

    def _read_answers(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line.decode(errors="replace").rstrip("\n"))
        self._answers.put(None)
