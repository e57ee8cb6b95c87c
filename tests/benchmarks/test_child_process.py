from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from benchmarks.child_process import children
from tests.small_line import PATIENCE_S

WAITS = [sys.executable, "-c", "print(flush=True); input()  # a child"]


def test_a_thread_that_ends_meanwhile_hides_no_child_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, over = threading.Event(), threading.Event()
    pids: list[int] = []

    def has_a_child() -> None:
        with subprocess.Popen(WAITS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()  # before it is up it has no command line
            pids.append(child.pid)
            started.set()
            over.wait(PATIENCE_S)
            child.communicate(b"\n")

    read_text = Path.read_text

    def ended(path: Path, *how: Any, **more: Any) -> str:
        if path.parent.name == str(os.getpid()):  # the first thread of all
            raise FileNotFoundError(path)
        return read_text(path, *how, **more)

    thread = threading.Thread(target=has_a_child)
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        monkeypatch.setattr(Path, "read_text", ended)
        assert children(os.getpid(), b"# a child") == pids
    finally:
        over.set()
        thread.join()
