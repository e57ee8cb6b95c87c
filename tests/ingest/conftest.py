"""Small videos, and fake cameras that a capture process can import."""

from __future__ import annotations

import contextlib
import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.small_line import capture_processes

Video = Callable[..., Path]


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """Writes a video whose frame `i` is uniform grey, `levels[i]`; default: `8 * i`."""

    def make(
        name: str = "clip.avi",
        *,
        frames: int = 20,
        fps: float = 25.0,
        levels: list[int] | None = None,
        size_px: tuple[int, int] = (64, 48),
    ) -> Path:
        path = tmp_path / name
        code = "mp4v" if path.suffix == ".mp4" else "MJPG"
        partial = path.with_stem(f"{path.stem}-partial")
        writer = cv2.VideoWriter(str(partial), cv2.VideoWriter.fourcc(*code), fps, size_px)
        for level in levels or [(i * 8) % 256 for i in range(frames)]:
            writer.write(np.full((size_px[1], size_px[0], 3), level, np.uint8))
        writer.release()
        partial.rename(path)  # appears complete, for a camera process that waits for it
        return path

    return make


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `fake_cameras` importable: the capture process inherits the import path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def children(parent: int | None = None) -> set[int]:
    return capture_processes(parent or os.getpid())


def open_files() -> Counter[str]:
    """The files that this process has open, with their number."""
    files: Counter[str] = Counter()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            # Without the number of a pipe or socket, which only identifies it.
            files[str(file.readlink()).partition(":[")[0]] += 1
    return files


@pytest.fixture
def capture_pids() -> Callable[..., set[int]]:
    """Returns the running capture processes that a process (default: this one) started."""
    return children


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Checks after every test of this folder for processes, shared memory and open files."""
    files = open_files()
    yield
    gc.collect()  # frames in the tracebacks of expected errors keep their memory
    assert children() == set()
    assert open_files() - files == Counter()
    assert not list(Path("/dev/shm").glob("*vigitri*"))
