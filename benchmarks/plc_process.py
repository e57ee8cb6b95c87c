"""`vigitri plc-sim` as a separate process, as a user starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

ENDS_S = 10.0


class PlcProcess:
    """Polls a bridge and writes its log to a file as JSON lines; the log is complete on exit."""

    def __init__(self, address: str, log: Path, *options: str) -> None:
        self._log = log
        self._command = [sys.executable, "-m", "detector.cli", "plc-sim", address, "--json"]
        self._command += options

    def __enter__(self) -> Self:
        self._out = self._log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(self._command, stdout=self._out, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
