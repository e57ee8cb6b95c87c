from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from detector.delivery.publisher import Publisher
from detector.wire.samples import BOOT_ID, LINE
from tests.small_line import PATIENCE_S, read_terminal

ENTERS_SCREEN, LEAVES_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_terminal_is_restored_after_sigterm_and_sigint(number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    with Publisher("tcp://127.0.0.1:*", line=LINE, boot_id=BOOT_ID) as publisher:
        process = subprocess.Popen(
            [sys.executable, "-m", "detector.cli", "watch", publisher.endpoint],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        shown = b""
        while publisher.endpoint.encode() not in shown:  # the first screen is drawn
            shown += os.read(ours, 65536)
        process.send_signal(number)
        shown += read_terminal(ours)
        assert process.wait(PATIENCE_S) == 0
    assert ENTERS_SCREEN in shown
    assert LEAVES_SCREEN in shown
    assert b"Traceback" not in shown
