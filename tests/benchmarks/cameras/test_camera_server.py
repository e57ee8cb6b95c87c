"""The live RTSP camera of the benches, where GStreamer is installed."""

from __future__ import annotations

import time

import pytest

from benchmarks.cameras.camera_server import CameraServer, missing
from benchmarks.cameras.picture_clock import read_clock
from detector.ingest import open_source


def test_an_image_shows_its_capture_and_a_change_of_size_is_seen() -> None:
    if why := missing():
        pytest.skip(why)
    with CameraServer("--fps", "30", "--clock") as camera:
        source = open_source(camera.url)
        assert source.grab()
        image = source.retrieve()
        assert image is not None
        assert image.shape == (360, 640, 3)
        shown_ns = read_clock(image, time.monotonic_ns())
        assert shown_ns is not None
        assert shown_ns < time.monotonic_ns()
        camera.order("size 320x240")
        while source.grab():
            image = source.retrieve()
            if image is not None and image.shape != (360, 640, 3):
                break
        assert image is not None
        assert image.shape == (240, 320, 3)
        with pytest.raises(ValueError, match="no order"):
            camera.order("sing")
        source.close()
