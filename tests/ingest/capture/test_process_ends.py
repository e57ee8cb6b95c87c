"""When the detector ends, in any way, no capture process or shared memory is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DETECTOR = """
import sys
from detector.ingest import CameraProcess
from detector.ingest.capture import camera_process
camera_process.OPEN_SOURCE = "fake_cameras:" + sys.argv[2]
with CameraProcess(sys.argv[1], name="belt") as camera:
    camera.read_latest(20)
    print("live", flush=True)
    sys.stdin.read()
"""


def start(tmp_path: Path, kind: str = "fast") -> subprocess.Popen[str]:
    here = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "dev", "-c", DETECTOR, str(tmp_path / "n"), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": here},
    )


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("fast", None),
        ("fast", signal.SIGINT),
        ("fast", signal.SIGTERM),
        ("hangs", None),
        ("hangs", signal.SIGKILL),
    ],
)
def test_no_process_memory_or_warning_is_left(
    tmp_path: Path, kind: str, how: signal.Signals | None, capture_pids: Callable[..., set[int]]
) -> None:
    detector = start(tmp_path, kind)
    assert detector.stdout is not None
    assert detector.stdout.readline() == "live\n"
    (child,) = capture_pids(detector.pid)
    # Its shared memory has no name, so nothing can be left in /dev/shm.
    maps = Path(f"/proc/{child}/maps").read_text()
    assert "memfd:vigitri-frame" in maps
    assert "/dev/shm" not in maps
    end_of_child = os.pidfd_open(child)
    if how is not None:
        detector.send_signal(how)
    _, errors = detector.communicate()  # also the end of its input
    assert select.select([end_of_child], [], [], 20)[0]
    os.close(end_of_child)
    assert detector.returncode == (0 if how is None else -how)
    if how is not signal.SIGINT:  # for which Python prints KeyboardInterrupt
        assert errors == ""
    assert "resource_tracker" not in errors
