"""Capture processes on a machine that cannot start or end processes."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from detector.ingest import CameraBlind, CameraState
from detector.ingest.capture.process import STUCK_MOST, CaptureProcess
from tests.ingest.capture.test_camera_process import Video, blind, seen
from tests.ingest.capture_camera import AT_ONCE, camera_of

pytestmark = pytest.mark.usefixtures("fakes")


def test_a_capture_process_that_cannot_be_started_is_retried(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = subprocess.Popen
    refused = iter([OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))] * 2)

    def start(*order: Any, **settings: Any) -> subprocess.Popen[bytes]:
        for error in refused:
            raise error
        return started(*order, **settings)

    monkeypatch.setattr(subprocess, "Popen", start)
    path = video(frames=200, fps=200)
    with camera_of(str(path), loop=True, backoff=AT_ONCE) as camera:
        error = blind(camera, CameraState.RESTARTING)
        assert error.reason == (
            f"{path}: its capture process can't be started: cannot allocate memory; "
            "free or restart the machine"
        )
        assert seen(camera)
        assert camera.health.restarts == 0


def test_processes_that_survive_sigkill_do_not_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CaptureProcess, "has_ended", False)
    lives = tmp_path / "lives"
    with camera_of(str(lives), fake="closes_after_three", backoff=AT_ONCE) as camera:
        while "3 earlier ones hang in a driver" not in camera.health.reason:
            blind(camera, CameraState.ENDED, CameraState.RESTARTING)
        with pytest.raises(CameraBlind, match="3 earlier ones hang in a driver; free or restart"):
            camera.read_latest(0.05)
        assert lives.read_text() == str(STUCK_MOST)
        monkeypatch.setattr(CaptureProcess, "has_ended", True)
        seen(camera)
        assert int(lives.read_text()) > STUCK_MOST
