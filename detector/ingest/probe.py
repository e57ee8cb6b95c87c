"""Image size, frame rate and colours of a source, for `vigitri doctor`."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from detector.ingest.capture.camera_process import CameraProcess
from detector.ingest.health import CameraBlind
from detector.ingest.source import SourceError
from detector.vocabulary import StampSource

PROBE_TIMEOUT_S = 10.0
"""Covers a new process, the connection of the slowest camera, and its first key frame."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Image size and rate of a source; as text such as `1920 × 1080 px at 30 fps`."""

    size_px: tuple[int, int]
    """Width, height."""
    fps: float | None
    """Frame rate that the source states; None: it states none."""
    colours: str = ""
    """How its colours are coded, such as `BT.709`; empty: its driver converts them."""
    stamp_source: StampSource | None = None
    """What the times of a network camera's images are taken from; None: not of the network."""

    def __str__(self) -> str:
        rate = f"at {self.fps:.4g} fps" if self.fps else "of unknown rate"
        return f"{self.size_px[0]} × {self.size_px[1]} px {rate}"


def describe_source(
    url: str,
    timeout_s: float = PROBE_TIMEOUT_S,
    *,
    fps: float | None = None,
    settle_s: float = 0.0,
) -> SourceFacts:
    """Open `url`, read one image, and return its size, rate and colours.

    This runs in a capture process, so that a library that hangs or crashes does not stop the
    caller. `fps`: as for `CameraProcess`. `settle_s`: longest wait until the times of a network
    camera's images are taken from its own clocks.

    Raises:
        SourceError: No image within `timeout_s`.
    """
    with CameraProcess(url, name="doctor", fps=fps, open_timeout_s=timeout_s) as camera:
        try:
            frame = camera.read_latest(timeout_s)
        except CameraBlind as blind:
            why = blind.reason.removeprefix(f"{camera.source}: ")
            what, _, fix = why.partition("; ")
            fix = fix or f"the limit is {timeout_s:g} s"
            raise SourceError(url, what, fix) from None
        size_px, end_s = frame.size_px, time.monotonic() + settle_s
        while camera.health.stamp_source is StampSource.ARRIVAL and time.monotonic() < end_s:
            with contextlib.suppress(CameraBlind):  # it has shown its size
                camera.read_latest(0.1)
        return SourceFacts(size_px, camera.fps, camera.colours, camera.health.stamp_source)
