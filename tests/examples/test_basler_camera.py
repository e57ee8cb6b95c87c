from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from detector.ingest import CameraBlind, CameraProcess, CameraState

EXAMPLE = Path(__file__).parents[2] / "examples" / "basler_camera.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pypylon") is None, reason="no pypylon here (240 MB)"
)


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Basler's own library emulates a camera."""
    monkeypatch.setenv("PYLON_CAMEMU", "1")


def test_the_example_reads_a_camera_of_basler_s_library() -> None:
    url = f"python://{EXAMPLE}:open_camera?serial=0815-0000&exposure_us=2000"
    with CameraProcess(url, name="belt", fps=20, frozen_after=0) as camera:
        frame = camera.read_latest(20)
        assert frame.size_px == (1024, 1040)
        assert camera.colours == "Mono8"


def test_a_serial_number_that_is_not_there_is_named() -> None:
    url = f"python://{EXAMPLE}:open_camera?serial=7"
    with CameraProcess(url, name="belt") as camera, pytest.raises(CameraBlind) as blind:
        camera.read_latest(20)
    assert blind.value.state is CameraState.UNREACHABLE
    assert "no camera with serial=7; there is 0815-0000" in blind.value.reason
