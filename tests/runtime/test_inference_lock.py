from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.runtime.inference_lock import IGNORE_S, MAX_SKIPS, WAIT_S, InferenceLock
from tests.small_line import PATIENCE_S


def test_a_single_line_always_acquires_the_lock(tmp_path: Path) -> None:
    line = InferenceLock(1, tmp_path)
    for _ in range(5):
        with line as acquired:
            assert acquired


def test_a_line_skips_its_pass_while_another_line_holds_the_lock(
    tmp_path: Path,
) -> None:
    first, second = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    with first as acquired, second as other:
        assert (acquired, other) == (True, False)
    with second as other:
        assert other


def test_as_many_lines_run_passes_at_once_as_allowed(tmp_path: Path) -> None:
    first, second, third = (InferenceLock(2, tmp_path) for _ in range(3))
    with first as one, second as two, third as three:
        assert (one, two, three) == (True, True, False)


def test_a_pass_that_fails_releases_the_lock(tmp_path: Path) -> None:
    first, second = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    with pytest.raises(RuntimeError), first:
        raise RuntimeError
    with second as acquired:
        assert acquired


def test_a_line_that_hangs_in_its_pass_does_not_block_others(
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
        results = []
        for _ in range(MAX_SKIPS + 1):
            with line as acquired:
                results.append(acquired)
        assert results == [False] * MAX_SKIPS + [True]
        assert now_s == pytest.approx(100 + WAIT_S, abs=0.01)
        for _ in range(10):  # the lock is ignored from then on
            with line as acquired:
                assert acquired
        now_s += IGNORE_S
        with line as acquired:
            assert not acquired


def test_a_line_that_dies_in_its_pass_releases_the_lock(tmp_path: Path) -> None:
    dies = """
import os, sys
from pathlib import Path
from detector.runtime.inference_lock import InferenceLock
assert InferenceLock(1, Path(sys.argv[1])).__enter__()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", dies, tmp_path], check=True, timeout=PATIENCE_S)
    with InferenceLock(1, tmp_path) as acquired:
        assert acquired


def test_passes_are_not_locked_if_no_lock_file_can_be_created(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing"
    with InferenceLock(1, nowhere) as one, InferenceLock(1, nowhere) as two:
        assert (one, two) == (True, True)


def test_close_closes_the_lock_files(tmp_path: Path) -> None:
    line = InferenceLock(2, tmp_path)
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    line.close()
    assert len(list(open_files.iterdir())) == before - 2
