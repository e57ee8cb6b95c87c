"""A camera in its own process: its newest frame, or the reason why there is none."""

from __future__ import annotations

import math
import select
import time

from detector.ingest.capture.backoff import Backoff
from detector.ingest.capture.belt_mask import Polygon
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, LandmarkReference
from detector.ingest.capture.supervisor import Supervisor
from detector.ingest.frame import Frame
from detector.ingest.health import CameraBlind, CameraHealth, CameraState
from detector.ingest.names import without_credentials
from detector.ingest.source import OPEN_TIMEOUT_S, READ_TIMEOUT_S

OPEN_SOURCE = "detector.ingest.sources.opening:open_source"
"""Opens the source, in the capture process, which alone imports what it needs."""
BACKOFF = Backoff()
"""Waits between attempts to open it."""


class CameraProcess:
    """Reads a camera, a stream or a recording in another process and hands out the newest frame.

        with CameraProcess("rtsp://user:secret@10.0.0.7/stream", name="infeed") as camera:
            while True:
                frame = camera.read_latest(timeout_s=0.1)

    The capture process stamps each image. A supervising thread here kills it if it hangs, and
    restarts it after a growing, random wait; the reading thread never waits for that. A recording
    is played at its own times, as if it were a camera; if its process is restarted, it plays from
    the beginning. Frame indices continue over restarts and loops.

    `read_latest` may be called from one thread, `health` from any.
    """

    def __init__(
        self,
        source_url: str,
        *,
        name: str,
        fps: float | None = None,
        loop: bool = False,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        frozen_after: int | None = None,
        kept_px: tuple[Polygon, ...] | None = None,
        landmarks: LandmarkReference | None = None,
    ) -> None:
        """Args:
            source_url: As for `open_source`.
            name: Name of this camera on the line.
            fps: As for `open_source`.
            loop: Restart a recording at its end.
            open_timeout_s: Longest time for opening.
            frozen_after: Number of identical images after which the camera is frozen; 0 for never;
                None for the source's default (3 for a local camera, 50 for a network stream, never
                for a recording).
            kept_px: Polygons of the image, px: what is outside of them is masked before an image
                leaves the capture process. None: images are whole, for calibration.
            landmarks: Fixed structures by which `shift_px` is measured; None: it is not.

        Raises:
            ValueError: A time, rate or count is invalid.
        """
        self.name = name
        self.source = without_credentials(source_url)
        self._settings = CaptureSettings(
            source_url,
            fps,
            loop,
            open_timeout_s,
            READ_TIMEOUT_S,
            frozen_after,
            OPEN_SOURCE,
            name,
            kept_px,
            landmarks,
        )
        self._backoff = BACKOFF
        self._open = False

    def __enter__(self) -> CameraProcess:
        """Start the capture process; returns at once, while the source is still being opened."""
        self._latest = LatestFrame()
        self._supervisor = Supervisor(self._settings, self._backoff, self._latest, self.name)
        self._last_s = time.monotonic()
        """Time of the last frame that was handed out, CLOCK_MONOTONIC."""
        self._waiting = select.poll()
        self._waiting.register(self._latest, select.POLLIN)
        self._waiting.register(self._supervisor, select.POLLIN)
        self._supervisor.start()
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        """End the capture process, within a second; the last frame stays valid."""
        self._open = False
        self._last_health = self._supervisor.health()
        self._supervisor.stop()
        self._latest.close()

    def read_latest(self, timeout_s: float) -> Frame:
        """Wait for the newest frame that has not been handed out yet.

        The previous frame becomes invalid. A new fault is raised at once, and then every
        `timeout_s` while it lasts.

        Args:
            timeout_s: The longest wait. For a camera, three frame periods.

        Returns:
            A frame, at most `READ_TIMEOUT_S` old; its image is read-only.

        Raises:
            CameraBlind: No new frame in time, or the camera is in a state that gives none.
        """
        if not self._open:
            raise RuntimeError("a CameraProcess is read inside its `with`")
        deadline_s = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            ready = [descriptor for descriptor, _ in self._waiting.poll(math.ceil(left_s * 1000))]
            if self._latest.fileno() in ready:
                frame = self._newest()
                if frame is not None:
                    return frame
            if self._supervisor.fileno() in ready:
                fault = self._supervisor.new_fault()
                if fault is not None:
                    raise CameraBlind(*fault)
            if time.monotonic() >= deadline_s:
                state, reason = self._supervisor.state()
                if state is CameraState.LIVE:  # this timeout is shorter than the supervisor's
                    state = CameraState.STALLED
                    # Since the last frame: this call may have waited less, if it came late.
                    waited_s = max(timeout_s, time.monotonic() - self._last_s)
                    reason = f"{self.source}: no new image for {waited_s:.2g} s"
                raise CameraBlind(state, reason)

    @property
    def health(self) -> CameraHealth:
        """The camera's health now; after the `with`, its health at the end."""
        return self._supervisor.health() if self._open else self._last_health

    @property
    def shift_px(self) -> float | None:
        """How far the camera has moved since commissioning, px; infinite: its landmarks have not
        been found for 30 s; None: not known, or not measured."""
        return self._supervisor.shift_px

    @property
    def fps(self) -> float | None:
        """Frame rate that the source states; None before it is open, or if unknown."""
        return self._supervisor.fps()

    @property
    def colours(self) -> str:
        """How the source's colours are coded; empty before it is open, or if its driver converts
        them."""
        return self._supervisor.colours()

    def _newest(self) -> Frame | None:
        stamped = self._latest.pop()
        if stamped is None or self._supervisor.is_stale(stamped.t_mono_ns):
            return None
        self._last_s = stamped.t_mono_ns / 1e9
        return Frame(
            stamped.image,
            stamped.index,
            stamped.t_mono_ns,
            stamped.t_utc_ns,
            self.source,
            stamped.position_ns,
        )
