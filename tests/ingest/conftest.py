"""Small footage, and the fake cameras that a capture process can import."""

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

Video = Callable[..., Path]


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """Makes a video whose frame `i` is all of one grey, `levels[i]`; by default `8 * i`."""

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
        partial.rename(path)  # appears in one piece, for those who wait for it
        return path

    return make


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`factory="fake_cameras:…"` works: the capture process finds what this one finds."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def children(parent: int | None = None) -> set[int]:
    found = set()
    for task in Path(f"/proc/{parent or os.getpid()}/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return children(parent)  # that thread has ended, and another has its children
        for pid in pids:
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"capture.child" in command.read_bytes():
                found.add(int(pid))
    return found


def open_files() -> Counter[str]:
    """What this process holds open, and how often."""
    held: Counter[str] = Counter()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            # The number of a pipe or socket tells only that it is another one.
            held[str(file.readlink()).partition(":[")[0]] += 1
    return held


@pytest.fixture
def capture_pids() -> Callable[..., set[int]]:
    """Tells the capture processes started by a process (this one) that still run."""
    return children


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """No process, no shared memory, no open file: after every test of this folder."""
    files = open_files()
    yield
    gc.collect()  # frames in the tracebacks of expected errors hold their memory
    assert children() == set()
    assert open_files() - files == Counter()
    assert not list(Path("/dev/shm").glob("*vigitri*"))
