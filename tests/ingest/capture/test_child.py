"""The loop of the capture process, in this process."""

from __future__ import annotations

import os
from pathlib import Path

from detector.ingest.capture.child import CaptureLoop
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec
from detector.ingest.capture.tally import Tally
from detector.ingest.health import CameraState
from detector.ingest.source import Image
from tests.ingest.fake_cameras import Garbled


class LooseCable(Garbled):
    """A camera with a loose cable: each damaged image adds a line."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        self.unreadable.append(f"image {self.grabbed}")
        return super().retrieve(into)


def test_lines_about_damaged_images_do_not_pile_up(tmp_path: Path) -> None:
    camera = LooseCable(str(tmp_path / "lives"), frames=500)
    latest, counters, (reader, status) = LatestFrame(), Tally.descriptor(), os.pipe()
    settings = CaptureSettings("fake", None, False, 5.0, 2.0, None, "unused:unused", "l")
    spec = CaptureSpec(settings, latest.new_writer(), counters, status, os.getpid(), None)
    try:
        end = CaptureLoop(spec, camera, Tally(counters)).run()
    finally:
        latest.close()
        for descriptor in (counters, reader, status):
            os.close(descriptor)
    assert end.state is CameraState.ENDED
    assert end.reason.endswith("after 500 frames (image 500)")
    assert len(camera.unreadable) <= 2
