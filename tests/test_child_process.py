"""Starting, awaiting and ending a process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from detector.child_process import ChildFailedError, ChildProcess
from tests.small_line import PATIENCE_S

READY = re.compile(r"ready at (\d+)$")


def child(program: str, *, end_s: float = PATIENCE_S, stdin: int | None = None) -> ChildProcess:
    return ChildProcess(
        (sys.executable, "-c", program), end_s=end_s, stdin=stdin, stderr=subprocess.PIPE
    )


def writes(*lines: str) -> str:
    return "import signal, sys\n" + "".join(
        f"print({line!r}, file=sys.stderr, flush=True)\n" for line in lines
    )


def test_it_is_awaited_until_its_stderr_says_that_it_is_ready() -> None:
    with child(writes("starting", "ready at 5020") + "signal.pause()") as process:
        assert process.wait_for(READY, PATIENCE_S)[1] == "5020"
        assert process.stderr_lines == ["starting", "ready at 5020"]
        assert process.running
    assert process.process.returncode == -signal.SIGTERM


def test_one_that_ends_before_it_is_ready_is_reported_with_its_stderr() -> None:
    process = child(writes("no such camera", "name another"))
    process.start()
    with pytest.raises(ChildFailedError, match=r"^no such camera\nname another$"):
        process.wait_for(READY, PATIENCE_S)
    assert not process.running


def test_one_that_stays_silent_is_ended() -> None:
    process = child("import signal\nsignal.pause()")
    process.start()
    with pytest.raises(ChildFailedError, match="printed nothing"):
        process.wait_for(READY, 0.01)
    assert not process.running


def test_one_that_ignores_the_order_to_end_is_killed() -> None:
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    program = "import signal\n" + ignores + writes("ready at 1") + "while True: signal.pause()"
    with child(program, end_s=0.01) as process:
        process.wait_for(READY, PATIENCE_S)
        assert process.end() == -signal.SIGKILL


def test_one_that_hangs_is_killed_at_once() -> None:
    with child("import signal\nsignal.pause()") as process:
        assert process.end(hung=True) == -signal.SIGKILL


def test_one_that_listens_to_us_is_asked_by_the_end_of_its_stdin_and_starts_again() -> None:
    program = writes("ready at 1") + "sys.stdin.read()\nsys.exit(7)"
    process = child(program, stdin=subprocess.PIPE)
    for _ in range(2):
        process.start()
        process.wait_for(READY, PATIENCE_S)
        assert process.end() == 7
