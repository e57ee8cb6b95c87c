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


class SaysSo(Garbled):
    """A camera with a loose cable: each broken picture leaves a line."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        self.unreadable.append(f"picture {self.grabbed}")
        return super().retrieve(into)


def test_what_is_said_of_broken_pictures_does_not_pile_up_over_weeks(tmp_path: Path) -> None:
    camera = SaysSo(str(tmp_path / "lives"), frames=500)
    latest, counters, (said, told) = LatestFrame(), Tally.descriptor(), os.pipe()
    settings = CaptureSettings("fake", None, True, False, 5.0, 2.0, None, "unused:unused")
    spec = CaptureSpec(settings, latest.new_writer(), counters, told, os.getpid(), None)
    try:
        end = CaptureLoop(spec, camera, Tally(counters)).run()
    finally:
        latest.close()
        for descriptor in (counters, said, told):
            os.close(descriptor)
    assert end.state is CameraState.ENDED
    assert end.reason.endswith("after 500 frames (picture 500)")
    assert len(camera.unreadable) <= 2
