"""The bridge beside a detector, on a machine that cannot start a process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from detector.commands import child_neighbour
from detector.commands.child_neighbour import child_bridge
from tests.small_line import PATIENCE_S

WAITS = (sys.executable, "-c", "import sys; sys.stdin.read()")
ENDS = (sys.executable, "-c", "")


def test_a_bridge_that_cannot_be_started_is_retried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started, runs_again = subprocess.Popen, threading.Event()
    attempts = iter([ENDS, OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), WAITS])

    def start(_: Any, **settings: Any) -> subprocess.Popen[bytes]:
        attempt = next(attempts)
        if isinstance(attempt, OSError):
            raise attempt
        process = started(attempt, **settings)
        if attempt is WAITS:
            runs_again.set()
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(child_neighbour, "RESTART_DELAY_S", 0.001)
    ends = ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557")
    with child_bridge(*ends, "127.0.0.1:0"):
        assert runs_again.wait(PATIENCE_S)
    assert "the bridge can't be started: cannot allocate memory" in caplog.messages
