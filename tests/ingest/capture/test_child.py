"""The loop of the capture process, in this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from detector.ingest.capture import child
from detector.ingest.capture.child import CaptureLoop
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec, Status
from detector.ingest.capture.tally import Tally
from detector.ingest.health import CameraState
from detector.ingest.source import Image, NoAnswerError
from tests.ingest.fake_cameras import FakeCamera, Garbled


class LooseCable(Garbled):
    """A camera with a loose cable: each damaged image adds a line."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        self.unreadable.append(f"image {self.grabbed}")
        return super().retrieve(into)


class Phone(FakeCamera):
    """A film of a phone, whose rate varies."""

    live = False
    time_notes = ("film.mp4: its rate varies",)

    def __init__(self, url: str) -> None:
        super().__init__(url, frames=3)
        self.fps = 1000.0

    def open(self) -> None:
        self._frames = 0 if self.life else 3
        self.life += 1


def test_what_is_unusual_about_a_films_times_is_logged_once_at_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = Phone(str(tmp_path / "lives"))
    end = played(film, loop=True)
    assert end.state is CameraState.ENDED
    assert [record.getMessage() for record in caplog.records] == ["film.mp4: its rate varies"]


def played(source: FakeCamera, *, loop: bool) -> Status:
    """The final status of the loop over this source."""
    latest, counters, (reader, status) = LatestFrame(), Tally.descriptor(), os.pipe()
    settings = CaptureSettings("fake", None, loop, 5.0, 2.0, None, "unused:unused", "l")
    spec = CaptureSpec(settings, latest.new_writer(), counters, status, os.getpid(), None)
    try:
        return CaptureLoop(spec, source, Tally(counters)).run()
    finally:
        latest.close()
        for descriptor in (counters, reader, status):
            os.close(descriptor)


def test_lines_about_damaged_images_do_not_pile_up(tmp_path: Path) -> None:
    camera = LooseCable(str(tmp_path / "lives"), frames=500)
    end = played(camera, loop=False)
    assert end.state is CameraState.ENDED
    assert end.reason.endswith("after 500 frames (image 500)")
    assert len(camera.unreadable) <= 2


_ATTEMPTS: list[str] = []


def away_twice(url: str, **_: object) -> FakeCamera:
    """A camera that answers the third time."""
    _ATTEMPTS.append(url)
    if len(_ATTEMPTS) < 3:
        raise NoAnswerError(url, "connection refused", "check the camera")
    return FakeCamera(url, frames=1)


def test_a_camera_that_is_away_is_asked_again_by_the_same_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "ASK_AGAIN_S", 0.0)
    factory = f"{__name__}:{away_twice.__name__}"
    monkeypatch.setitem(sys.modules, __name__, sys.modules[away_twice.__module__])
    settings = CaptureSettings(str(tmp_path / "lives"), None, False, 5.0, 2.0, 0, factory, "l")
    latest, counters, (reader, status) = LatestFrame(), Tally.descriptor(), os.pipe()
    spec = CaptureSpec(settings, latest.new_writer(), counters, status, os.getpid(), None)
    try:
        final = child.capture(spec)
        lines = [Status.from_line(line) for line in os.read(reader, 65536).splitlines()]
    finally:
        latest.close()
        for descriptor in (counters, reader, status):
            os.close(descriptor)
    assert len(_ATTEMPTS) == 3
    opening = [line for line in lines if not line.is_open]
    assert sum(line.state is CameraState.UNREACHABLE for line in opening) == 2
    assert opening[-2].state is CameraState.STARTING  # the last line is LIVE
    assert not any(line.final for line in lines)
    assert final.state is CameraState.ENDED
