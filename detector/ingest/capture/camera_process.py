"""A camera in a process of its own: its newest picture, or the reason why there is none."""

from __future__ import annotations

import math
import select
import time
from types import TracebackType

from detector.ingest.capture.backoff import Backoff
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings
from detector.ingest.capture.supervisor import Supervisor
from detector.ingest.frame import Frame
from detector.ingest.health import CameraBlind, CameraHealth, CameraState
from detector.ingest.names import without_credentials
from detector.ingest.source import OPEN_TIMEOUT_S, READ_TIMEOUT_S

OPEN_SOURCE = "detector.ingest.sources.opening:open_source"


class CameraProcess:
    """Reads a camera, a stream or a recording in another process and hands out the newest picture.

        with CameraProcess("rtsp://user:secret@10.0.0.7/stream", name="infeed") as camera:
            while True:
                frame = camera.read_latest(timeout_s=0.1)

    That process stamps each picture; a thread here watches over it, kills it when it hangs, and
    starts it again after a growing, random wait. The reading thread never waits for any of that. A
    recording is played at its own rate, as if it were a camera; when its process has to be started
    again, it plays from the beginning. Frame indices go on over restarts and loops.

    `read_latest` is for one thread, `health` for any.
    """

    def __init__(
        self,
        source_url: str,
        *,
        name: str,
        fps: float | None = None,
        realtime: bool = True,
        loop: bool = False,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        frame_timeout_s: float = READ_TIMEOUT_S,
        frozen_after: int | None = None,
        backoff: Backoff | None = None,
        factory: str = OPEN_SOURCE,
    ) -> None:
        """Args:
            source_url: As for `open_source`.
            name: What the line calls this camera.
            fps: As for `open_source`.
            realtime: Play a recording at its own rate; False: as fast as it can be decoded.
            loop: Start a recording over at its end.
            open_timeout_s: When to give up on opening.
            frame_timeout_s: Without a new picture for so long, the camera is stalled and opened
                again. Also the greatest age of a picture that is handed out.
            frozen_after: So many identical pictures are a frozen camera; 0 for never, None for
                what suits the source (3 for a local camera, 50 for a network stream, never for a
                recording).
            backoff: Waits between attempts.
            factory: `module:function` with the signature of `open_source`, imported in the
                capture process: the way in for a camera maker's own library.

        Raises:
            ValueError: A time, rate or count that cannot be.
        """
        self.name = name
        self.source = without_credentials(source_url)
        self._settings = CaptureSettings(
            source_url,
            fps,
            realtime,
            loop,
            open_timeout_s,
            frame_timeout_s,
            frozen_after,
            factory,
        )
        self._backoff = backoff or Backoff()
        self._open = False

    def __enter__(self) -> CameraProcess:
        """Start watching; returns at once, while the source is still being opened."""
        self._latest = LatestFrame()
        self._supervisor = Supervisor(self._settings, self._backoff, self._latest, self.name)
        self._last_s = time.monotonic()
        """When the last picture that was handed out was taken, CLOCK_MONOTONIC."""
        self._waiting = select.poll()
        self._waiting.register(self._latest, select.POLLIN)
        self._waiting.register(self._supervisor, select.POLLIN)
        self._supervisor.start()
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the capture process, within a second; a frame still held stays valid."""
        self._open = False
        self._last_health = self._supervisor.health()
        self._supervisor.stop()
        self._latest.close()

    def read_latest(self, timeout_s: float) -> Frame:
        """Wait for the newest picture that has not been handed out yet.

        The frame before becomes invalid. A change for the worse is told at once, and after that
        every `timeout_s` as long as it lasts.

        Args:
            timeout_s: The longest wait. For a camera, three frame periods.

        Returns:
            A frame stamped "grab", at most `frame_timeout_s` old; its image is read-only.

        Raises:
            CameraBlind: No new picture in time, or the camera is in a state that gives none.
        """
        if not self._open:
            raise RuntimeError("a CameraProcess is read inside its `with`")
        deadline_s = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            ready = [descriptor for descriptor, _ in self._waiting.poll(math.ceil(left_s * 1000))]
            if self._latest.fileno() in ready:
                frame = self._take()
                if frame is not None:
                    return frame
            if self._supervisor.fileno() in ready:
                news = self._supervisor.bad_news()
                if news is not None:
                    raise CameraBlind(*news)
            if time.monotonic() >= deadline_s:
                state, reason = self._supervisor.state()
                if state is CameraState.LIVE:  # we are less patient than the supervisor
                    state = CameraState.STALLED
                    # Of the camera, not of this wait: it is short where the reader came late.
                    waited_s = max(timeout_s, time.monotonic() - self._last_s)
                    reason = f"{self.source}: no new picture for {waited_s:.2g} s"
                raise CameraBlind(state, reason)

    @property
    def health(self) -> CameraHealth:
        """How the camera is now; after the `with`, how it was at its end."""
        return self._supervisor.health() if self._open else self._last_health

    @property
    def fps(self) -> float | None:
        """Frames per second as the source states them; None before it is open or if unknown."""
        return self._supervisor.fps()

    def _take(self) -> Frame | None:
        picture = self._latest.take()
        if picture is None or self._supervisor.is_stale(picture.t_mono_ns):
            return None
        self._last_s = picture.t_mono_ns / 1e9
        return Frame(
            picture.image,
            picture.index,
            picture.t_mono_ns,
            picture.t_utc_ns,
            "grab",
            self.source,
        )
