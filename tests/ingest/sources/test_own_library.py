from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.ingest import CameraProcess, CameraState, SourceError, camera_identity, open_source
from detector.ingest.capture.camera_process import OPEN_SOURCE
from detector.ingest.capture.child import capture
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec, Status
from detector.ingest.capture.tally import Tally

CAMERA = """
import time
import numpy as np
from detector.ingest import LiveSource

class Camera(LiveSource):
    def open(self): pass
    def grab(self):
        time.sleep(0.01)
        self.captured_ns = time.monotonic_ns() - 50_000_000
        return True
    def retrieve(self, into=None):
        return np.random.default_rng().integers(0, 255, (48, 64, 3), np.uint8)
    def close(self): pass

def open_camera(url, *, fps, open_timeout_s, read_timeout_s):
    assert url.endswith("?serial=7")
    return Camera(url)

class Wrong(Camera):
    def grab(self):
        first = self.captured_ns is None
        self.captured_ns = time.time_ns()  # of another clock
        return first
    def retrieve(self, into=None):
        image = super().retrieve(into)
        kinds = {"16 bits": image.astype(np.uint16) * 16, "bits": image > 99, "grey": image[..., 0],
                 "list": image.tolist(), "nothing": image[:0]}
        return kinds.get(self.kind, image)

def open_wrong(url, **_):
    camera = Wrong(url)
    camera.kind = url.partition("?")[2]
    return camera

def open_nothing(url, **_):
    return object()
"""


@contextlib.contextmanager
def read_in_this_process(url: str) -> Iterator[tuple[Status, LatestFrame]]:
    """Capture from a source until it ends: its final status, and what it has handed out."""
    latest, tally = LatestFrame(), Tally.descriptor()
    status_read, status = os.pipe()
    settings = CaptureSettings(url, None, False, 1.0, 1.0, None, OPEN_SOURCE, "l", None)
    try:
        spec = CaptureSpec(settings, latest.new_writer(), tally, status, os.getpid(), None)
        yield capture(spec), latest
    finally:
        latest.close()
        for each in (tally, status_read, status):
            os.close(each)


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own_camera.py"
    path.write_text(CAMERA)
    return f"python://{path}"


def test_a_file_s_camera_runs_in_the_capture_process_with_its_own_times(own: str) -> None:
    with CameraProcess(f"{own}:open_camera?serial=7", name="belt") as camera:
        first = camera.read_latest(20)
        assert first.size_px == (64, 48)
        assert camera.read_latest(5).t_mono_ns > first.t_mono_ns


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("16 bits", r"\(48, 64, 3\) uint16"),
        ("bits", r"\(48, 64, 3\) bool"),
        ("grey", r"\(48, 64\) uint8"),
        ("nothing", r"\(0, 64, 3\) uint8"),
        ("list", "list"),
    ],
)
def test_what_is_no_image_is_named_and_never_looked_at(own: str, kind: str, found: str) -> None:
    with read_in_this_process(f"{own}:open_wrong?{kind}") as (final, latest):
        assert final.state is CameraState.RESTARTING
        assert re.search(f"gave {found} for an image; return .* uint8, BGR", final.reason)
        assert latest.pop() is None


def test_an_image_dated_by_another_clock_is_not_of_the_future(own: str) -> None:
    with read_in_this_process(f"{own}:open_wrong?future") as (_, latest):
        stamped = latest.pop()
        assert stamped is not None
        assert stamped.t_mono_ns <= time.monotonic_ns()


def test_a_reason_is_one_short_line_however_much_a_library_says() -> None:
    reader, writer = os.pipe()
    try:
        Status(CameraState.RESTARTING, "dump:\n" + "é" * 100_000, final=True).send(writer)
        sent = os.read(reader, 1_000_000)
    finally:
        os.close(reader)
        os.close(writer)
    assert len(sent) < 4096
    reason = Status.from_line(sent).reason
    assert reason.startswith("dump: éé")
    assert reason.endswith("é…")


def test_its_identity_is_not_its_folder(own: str) -> None:
    identity = camera_identity(f"{own}:open_camera?serial=7")
    assert identity == "python://own_camera.py:open_camera?serial=7"


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ("", "names no function; write python://FILE.py:FUNCTION"),
        (":missing", "has no function missing; check its name"),
        (":open_nothing", "returned object without .*passed_over.*; return a subclass"),
    ],
)
def test_a_file_without_a_camera_is_refused(own: str, rest: str, line: str) -> None:
    with pytest.raises(SourceError, match=line):
        open_source(own + rest)


def test_a_missing_file_or_library_is_named(own: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file .*; check the path"):
        open_source(f"python://{tmp_path}/other.py:open_camera")
    with pytest.raises(SourceError, match="No module named 'no_such'; install what it imports"):
        open_source("python://no_such:open_camera")
    Path(own.removeprefix("python://")).write_text("import no_such\n")
    with pytest.raises(SourceError, match=r"own_camera.py: No module named 'no_such'; install"):
        open_source(f"{own}:open_camera")
