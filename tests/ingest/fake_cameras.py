"""Cameras with known images and known faults, imported by the capture process.

The URL is the path of a file that counts how often the camera was opened, so that a fault can be
limited to the first time.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np

from detector.ingest import Image, Source, SourceError, open_source
from detector.ingest.capture import frozen

LARGE_PX = (640, 480)
LEVELS = 251
"""Frame `i` has the level `i % 251`: a prime, so that no buffer gets the same levels repeatedly."""


class FakeCamera:
    """Gives uniform images, as fast as they are read or every `period_s`."""

    live = True
    frame_count = None
    position_ns = None
    colours = ""
    time_notes = ()
    passed_over = 0

    def __init__(self, url: str, *, frames: int | None = None, period_s: float = 0.0) -> None:
        self.name = "fake"
        self.fps: float | None = None
        self.unreadable: list[str] = []
        self._frames = frames
        self._period_s = period_s
        lives = Path(url)
        self.life = int(lives.read_text()) if lives.exists() else 0
        lives.write_text(str(self.life + 1))
        self.grabbed = 0

    def open(self) -> None:
        pass

    def grab(self) -> bool:
        if self.grabbed == self._frames:
            return self.at_end()
        time.sleep(self._period_s)
        self.grabbed += 1
        return True

    def at_end(self) -> bool:
        return False

    def retrieve(self, into: Image | None = None) -> Image | None:
        width, height = LARGE_PX
        image = np.empty((height, width, 3), np.uint8) if into is None else into
        image[:] = (self.grabbed - 1) % LEVELS
        return image

    def close(self) -> None:
        pass


class Hanging(FakeCamera):
    """Hangs inside the native read after its images, and ignores SIGTERM."""

    def at_end(self) -> bool:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Event().wait()
        return False


class Garbled(FakeCamera):
    """Gives images that cannot be decoded."""

    def retrieve(self, into: Image | None = None) -> Image | None:  # noqa: ARG002
        return None


class Still(FakeCamera):
    """Repeats one image."""

    def retrieve(self, into: Image | None = None) -> Image | None:  # noqa: ARG002
        width, height = LARGE_PX
        return np.full((height, width, 3), 40, np.uint8)


class FrozenUntilResumed(FakeCamera):
    """A recording that freezes after three images until the file `URL.resume` exists. It then
    writes its image number to the file `URL.resumed`, and ends after three more images."""

    live = False

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.fps = 100.0
        self._resume, self._resumed = (Path(f"{url}.{name}") for name in ("resume", "resumed"))
        self._resumed_at: int | None = None

    def grab(self) -> bool:
        if self._resumed_at is None and self.grabbed > 3 and self._resume.exists():
            self._resumed_at = self.grabbed
            self._resumed.write_text(str(self._resumed_at))
        if self._resumed_at is not None and self.grabbed == self._resumed_at + 3:
            return False
        self.grabbed += 1
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:  # noqa: ARG002
        index = self.grabbed - 1
        is_frozen = index >= 3 and self._resumed_at is None
        width, height = LARGE_PX
        level = 40 if is_frozen else 100 + index % 100
        return np.full((height, width, 3), level, np.uint8)


class Shrinking(FakeCamera):
    """Changes the image size with every image."""

    def retrieve(self, into: Image | None = None) -> Image | None:  # noqa: ARG002
        index = self.grabbed - 1
        return np.full((20 + index * 7 % 50, 30 + index * 11 % 40, 3), index % LEVELS, np.uint8)


def fast(url: str, **_: object) -> FakeCamera:
    return FakeCamera(url)


def steady(url: str, **_: object) -> FakeCamera:
    return FakeCamera(url, period_s=0.005)


def closes_after_three(url: str, **_: object) -> FakeCamera:
    return FakeCamera(url, frames=3, period_s=0.005)


def hangs_once(url: str, **_: object) -> FakeCamera:
    hanging = Hanging(url, frames=3, period_s=0.005)
    return FakeCamera(url, period_s=0.005) if hanging.life else hanging


def hangs_while_opening_once(url: str, **_: object) -> FakeCamera:
    camera = Hanging(url, period_s=0.005)
    if camera.life == 0:
        camera.at_end()
    return camera


def hangs(url: str, **_: object) -> FakeCamera:
    return Hanging(url, frames=1)


def garbled(url: str, **_: object) -> FakeCamera:
    return Garbled(url, period_s=0.005)


def shrinking(url: str, **_: object) -> FakeCamera:
    return Shrinking(url, period_s=0.002)


def refused_twice(url: str, **_: object) -> FakeCamera:
    camera = FakeCamera(url, period_s=0.005)
    if camera.life < 2:
        raise SourceError("rtsp://u:secret@camera/", "refused", "wait")
    return camera


def complains(url: str, **_: object) -> FakeCamera:
    logging.getLogger("camera_maker").warning("the driver dropped a buffer")
    return FakeCamera(url)


def crashes(url: str, **_: object) -> FakeCamera:
    raise ZeroDivisionError(f"while opening {url}")


def reconnects_soon_when_frozen(url: str, **settings: float) -> Source:
    frozen.RECONNECT_S = 0.02
    return open_source(url, **settings)


def frozen_until_resumed(url: str, **_: object) -> FakeCamera:
    return FrozenUntilResumed(url)


def frozen_and_once_unreachable(url: str, **_: object) -> FakeCamera:
    frozen.RECONNECT_S = 0.02
    camera = Still(url, period_s=0.005)
    if camera.life == 1:
        raise SourceError("fake", "busy", "wait")
    return camera


def dies(url: str, **_: object) -> FakeCamera:
    os.kill(os.getpid(), signal.SIGSEGV)
    return FakeCamera(url)
