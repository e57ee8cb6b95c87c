from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.runtime.inference_lock import IGNORE_S, MAX_SKIPS, WAIT_S, InferenceLock
from tests.small_line import PATIENCE_S


def test_a_line_alone_always_has_its_turn(tmp_path: Path) -> None:
    line = InferenceLock(1, tmp_path)
    for _ in range(5):
        with line as mine:
            assert mine


def test_while_another_line_looks_a_line_passes_and_looks_after_it(tmp_path: Path) -> None:
    first, second = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    with first as mine, second as other:
        assert (mine, other) == (True, False)
    with second as other:
        assert other


def test_so_many_lines_look_at_once_as_there_are_cores_for(tmp_path: Path) -> None:
    first, second, third = (InferenceLock(2, tmp_path) for _ in range(3))
    with first as one, second as two, third as three:
        assert (one, two, three) == (True, True, False)


def test_a_look_that_fails_gives_its_turn_back(tmp_path: Path) -> None:
    first, second = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    with pytest.raises(RuntimeError), first:
        raise RuntimeError
    with second as mine:
        assert mine


def test_a_line_that_hangs_in_its_look_blinds_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    hangs, line = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    with hangs:
        turns = []
        for _ in range(MAX_SKIPS + 1):
            with line as mine:
                turns.append(mine)
        assert turns == [False] * MAX_SKIPS + [True]
        assert now_s == pytest.approx(100 + WAIT_S, abs=0.01)
        for _ in range(10):  # from then on it waits for nobody
            with line as mine:
                assert mine
        now_s += IGNORE_S
        with line as mine:
            assert not mine


def test_a_line_that_died_in_its_look_holds_nobody_up(tmp_path: Path) -> None:
    dies = """
import os, sys
from pathlib import Path
from detector.runtime.inference_lock import InferenceLock
assert InferenceLock(1, Path(sys.argv[1])).__enter__()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", dies, tmp_path], check=True, timeout=PATIENCE_S)
    with InferenceLock(1, tmp_path) as mine:
        assert mine


def test_where_no_lock_can_be_made_each_line_looks_when_it_likes(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing"
    with InferenceLock(1, nowhere) as one, InferenceLock(1, nowhere) as two:
        assert (one, two) == (True, True)


def test_turns_that_were_closed_leave_nothing_open(tmp_path: Path) -> None:
    line = InferenceLock(2, tmp_path)
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    line.close()
    assert len(list(open_files.iterdir())) == before - 2
