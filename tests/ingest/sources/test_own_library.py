from __future__ import annotations

from pathlib import Path

import pytest

from detector.ingest import CameraProcess, SourceError, camera_identity, open_source

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

def open_nothing(url, **_):
    return object()
"""


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
