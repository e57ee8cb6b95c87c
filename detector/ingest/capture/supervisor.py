"""Watches over a capture process: knows how the camera is, and starts it again when it fails."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import random
import select
import threading
import time

from detector.ingest.capture.backoff import Backoff
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.process import STUCK_MOST, CaptureProcess
from detector.ingest.capture.spec import CaptureSettings, Status
from detector.ingest.capture.tally import Tally
from detector.ingest.health import CameraHealth, CameraState
from detector.ingest.names import without_credentials

START_TIMEOUT_S = 20.0
"""A new Python with numpy and OpenCV is there in 0.3 s; a loaded machine may take many times that,
and killing it for it would never let it start."""

KILL_GRACE_S = 0.5
"""After a stall has been told: time for the source's own timeout to end the read in good order."""


class Supervisor:
    """A thread that owns the capture process; from `start` to `stop`.

    The state is told by the capture process through a pipe, and judged here from its counters when
    it says nothing. Whoever asks first, this thread or the reader's, takes in what was said.
    """

    def __init__(
        self, settings: CaptureSettings, backoff: Backoff, latest: LatestFrame, name: str
    ) -> None:
        self.source = without_credentials(settings.url)
        self._settings = settings
        self._backoff = backoff
        self._latest = latest
        self._tally_descriptor = Tally.descriptor()
        self._tally = Tally(self._tally_descriptor)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A daemon, so that a program that forgets to close still ends (and the process with it).
        self._thread = threading.Thread(target=self._supervise, name=f"camera {name}", daemon=True)
        self._stopping = False
        self._stuck: list[CaptureProcess] = []
        """Were killed, and have not gone."""

        self._lock = threading.Lock()  # over all that follows
        self._state = CameraState.STARTING
        self._reason = f"{self.source}: being opened"
        self._news = False
        self._child: CaptureProcess | None = None
        self._started: Status | None = None
        self._final: Status | None = None
        self._frozen_digest: int | None = None
        """Of the picture at which the camera froze, until it gives another one."""
        self._since_ns = 0
        self._live_since_ns = 0
        self._starts = 0
        self._stale = 0
        self._lost = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the capture process and the thread, within a second."""
        self._stopping = True
        os.write(self._stop_write, b"!")
        self._thread.join()
        for descriptor in (
            self._tally_descriptor,
            self._wake_read,
            self._wake_write,
            self._stop_read,
            self._stop_write,
        ):
            os.close(descriptor)

    # --- for the reader ------------------------------------------------------------------------

    def fileno(self) -> int:
        """Readable when there is bad news."""
        return self._wake_read

    def bad_news(self) -> tuple[CameraState, str] | None:
        """A change for the worse that has not been told yet."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        with self._lock:
            self._hear()
            if not self._news:
                return None
            self._news = False
            return self._state, self._reason

    def state(self) -> tuple[CameraState, str]:
        """How the camera is, and why."""
        with self._lock:
            self._hear()
            return self._state, self._reason

    def is_stale(self, t_mono_ns: int) -> bool:
        """True, and counted, if a picture of that time (ns) is too old to be handed out."""
        if time.monotonic_ns() - t_mono_ns <= self._patience_s() * 1e9:
            return False
        with self._lock:
            self._stale += 1
        return True

    def health(self) -> CameraHealth:
        with self._lock:
            self._hear()
            tally, reason = self._tally, self._reason
            if tally.late:
                slow = f"{tally.late} frames came late, this machine is too slow for them"
                reason = f"{reason}; {slow}" if reason else f"{self.source}: {slow}"
            return CameraHealth(
                state=self._state,
                reason=reason,
                frames_grabbed=tally.grabbed,
                frames_overwritten=tally.overwritten + self._stale + self._lost,
                restarts=max(0, self._starts - 1),
                unreadable=tally.unreadable,
                frames_withheld=tally.withheld,
                frames_late=tally.late,
            )

    def fps(self) -> float | None:
        with self._lock:
            self._hear()  # the first picture may be here before this thread's turn has come
            return None if self._started is None else self._started.fps

    # --- under the lock, in any thread ---------------------------------------------------------

    def _hear(self) -> bool:
        """Take in what the capture process has said. False when it has ended."""
        if self._child is None:
            return False
        statuses, alive = self._child.statuses()
        for status in statuses:
            if status.final:
                self._final = status
                self._frozen_digest = status.frozen_digest or self._frozen_digest
                self._set(status.state, status.reason)
            elif status.state is CameraState.STARTING:
                # No picture yet: what was wrong before stays wrong.
                self._started, self._since_ns = status, status.at_ns
            else:
                self._set(status.state, status.reason)
        stalled = self._state is CameraState.STALLED and self._final is None
        if stalled and self._live_since_ns and self._overdue_s() <= 0:
            self._set(CameraState.LIVE, "")  # it came back by itself
        return alive

    def _set(self, state: CameraState, reason: str) -> None:
        if state is CameraState.LIVE:
            self._news = False
            self._frozen_digest = None
            self._live_since_ns = self._live_since_ns or time.monotonic_ns()
        elif state is not self._state:
            self._news = True
            with contextlib.suppress(BlockingIOError):  # full: enough to wake up for
                os.write(self._wake_write, b"!")
        self._state, self._reason = state, reason

    def _patience_s(self) -> float:
        """How long a picture may take: in a slow recording, a period more."""
        started = self._started
        if started is None or started.live or not started.fps:
            return self._settings.frame_timeout_s
        return self._settings.frame_timeout_s + 1 / started.fps

    def _overdue_s(self) -> float:
        """Seconds since the capture process should have got something done; negative: in hand."""
        done_ns = self._since_ns
        if self._started is None:
            patience_s = START_TIMEOUT_S
        elif not self._started.is_open:
            patience_s = self._settings.open_timeout_s
        elif self._tally.alive_at_ns < self._since_ns:  # open, and the sensor is being started
            patience_s = self._settings.open_timeout_s + self._patience_s()
        else:
            patience_s, done_ns = self._patience_s(), self._tally.alive_at_ns
        return (time.monotonic_ns() - done_ns) / 1e9 - patience_s

    # --- in the supervising thread -------------------------------------------------------------

    def _supervise(self) -> None:
        chance = random.Random()
        attempt = 0
        while True:
            try:
                child = self._spawn()
            except OSError as error:  # no memory, process or open file left: perhaps just now
                self._not_started(error)
                lived_s = 0.0
            else:
                hung = self._watch(child)
                lived_s = self._reap(child, hung)
                self._stuck.append(child)
            if self._stopping or (self._final is not None and not self._final.again):
                return
            if lived_s >= self._backoff.settled_s:
                attempt = 0
            if _readable((self._stop_read,), self._backoff.delay_s(attempt, chance)):
                return
            attempt += 1

    def _spawn(self) -> CaptureProcess:
        self._stuck = [child for child in self._stuck if not child.gone]
        if len(self._stuck) >= STUCK_MOST:
            raise OSError(errno.EBUSY, f"{len(self._stuck)} before it hang in a driver")
        ends = self._latest.new_writer()
        with self._lock:
            tally = self._tally
            # What the last process had in its hands when it died, or had left unread.
            accounted = tally.overwritten + tally.withheld + tally.unreadable + self._latest.taken
            self._lost = tally.grabbed - accounted
            self._started = self._final = None
            self._live_since_ns = 0
            self._since_ns = time.monotonic_ns()
        child = CaptureProcess(self._settings, ends, self._tally_descriptor, self._frozen_digest)
        with self._lock:
            self._child = child
            self._starts += 1
        return child

    def _not_started(self, error: OSError) -> None:
        why = (error.strerror or str(error)).lower()
        with self._lock:
            self._set(
                CameraState.RESTARTING,
                f"{self.source}: its capture process can't be started: {why}; free or restart the "
                "machine",
            )

    def _watch(self, child: CaptureProcess) -> bool:
        """Come back when the process has ended, hangs (True), or we are to stop."""
        patience_s = 0.0
        while True:
            _readable((child.fileno(), self._stop_read), patience_s)
            with self._lock:
                if self._stopping or not self._hear():
                    return False
                overdue_s = self._overdue_s()
                if overdue_s >= KILL_GRACE_S:
                    return True
                if overdue_s >= 0 and self._state is CameraState.LIVE:
                    self._set(CameraState.STALLED, f"{self.source}: {self._silence()}")
            patience_s = KILL_GRACE_S - overdue_s if overdue_s >= 0 else -overdue_s

    def _silence(self) -> str:
        if self._started is None or not self._started.is_open:
            return "opening it takes too long; check camera and network"
        waited_s = (time.monotonic_ns() - max(self._since_ns, self._tally.alive_at_ns)) / 1e9
        return f"no picture for {waited_s:.1f} s; check camera and network"

    def _reap(self, child: CaptureProcess, hung: bool) -> float:
        """End the process if it has not. Returns for how long it gave pictures (s)."""
        how = child.end(hung=hung)
        with self._lock:
            self._hear()  # its last words
            self._child = None
            if self._final is None and not self._stopping:
                what = f"it hangs, {self._silence()}" if hung else f"its capture process {how}"
                self._set(CameraState.RESTARTING, f"{self.source}: {what}")
            lived_ns = time.monotonic_ns() - self._live_since_ns if self._live_since_ns else 0
        child.close()
        return lived_ns / 1e9


def _readable(descriptors: tuple[int, ...], timeout_s: float) -> bool:
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(math.ceil(timeout_s * 1000)))
