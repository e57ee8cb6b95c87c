"""A `CameraProcess` with other limits, or with a fake source in place of `open_source`."""

from __future__ import annotations

from typing import Any

import pytest

from detector.ingest import CameraProcess
from detector.ingest.capture import camera_process
from detector.ingest.capture.backoff import Backoff

AT_ONCE = Backoff(first_s=0.001, longest_s=0.001)


def camera_of(
    url: str,
    *,
    fake: str | None = None,
    backoff: Backoff | None = None,
    frame_timeout_s: float | None = None,
    **options: Any,
) -> CameraProcess:
    """`fake`: a function of `fake_cameras`; needs the fixture `fakes`."""
    with pytest.MonkeyPatch.context() as patch:
        if fake is not None:
            patch.setattr(camera_process, "OPEN_SOURCE", f"fake_cameras:{fake}")
        if backoff is not None:
            patch.setattr(camera_process, "BACKOFF", backoff)
        if frame_timeout_s is not None:
            patch.setattr(camera_process, "READ_TIMEOUT_S", frame_timeout_s)
        return CameraProcess(url, name="belt", **options)
