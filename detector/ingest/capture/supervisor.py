"""Supervises a capture process: tracks the camera's state, and restarts the process on failure."""

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
from detector.vocabulary import StampSource

START_TIMEOUT_S = 20.0
"""A new Python with numpy and OpenCV starts in 0.3 s; a loaded machine may take many times that,
and with a short limit it would be killed at every start."""

KILL_GRACE_S = 0.5
"""After a stall has been reported: time for the source's own timeout to end the read properly."""


REFUSALS_MOST = 3
"""After this many refused logins in a row, attempts are minutes apart: a camera that locks the
account does so after five or more, often for half an hour, for the people who use it too."""


class Supervisor:
    """A thread that owns the capture process, from `start` to `stop`.

    The capture process reports its state through a pipe; while it is silent, the state is derived
    from its counters. Both this thread and the reader's process its status lines.
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
        # A daemon, so that a program that does not close it still ends (and the process with it).
        self._thread = threading.Thread(target=self._supervise, name=f"camera {name}", daemon=True)
        self._stopping = False
        self._stuck: list[CaptureProcess] = []
        """Killed processes that have not ended yet."""

        self._lock = threading.Lock()  # for all attributes below
        self._state = CameraState.STARTING
        self._reason = f"{self.source}: being opened"
        self._has_new_fault = False
        self._child: CaptureProcess | None = None
        self._started: Status | None = None
        self._final: Status | None = None
        self._gap = False
        """The recording has a gap, as its capture process has reported; its next image ends it."""
        self._frozen_digest: int | None = None
        """Digest of the image at which the camera froze, until it gives another one."""
        self._since_ns = 0
        self._live_since_ns = 0
        self._starts = 0
        self._stale = 0
        self._refusals = 0
        """Refused logins in a row."""
        self._stamp_source: StampSource | None = None
        self._lost = 0
        self._shift_px: float | None = None

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
        """Readable when there is a new fault."""
        return self._wake_read

    def new_fault(self) -> tuple[CameraState, str] | None:
        """State and reason of a fault that has not been returned yet."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        with self._lock:
            self._process_statuses()
            if not self._has_new_fault:
                return None
            self._has_new_fault = False
            return self._state, self._reason

    def state(self) -> tuple[CameraState, str]:
        """The camera's state and its reason."""
        with self._lock:
            self._process_statuses()
            return self._state, self._reason

    def is_stale(self, t_mono_ns: int) -> bool:
        """Whether an image of this time (ns) is too old to be handed out; counts it if so."""
        if time.monotonic_ns() - t_mono_ns <= self._frame_timeout_s() * 1e9:
            return False
        with self._lock:
            self._stale += 1
        return True

    def health(self) -> CameraHealth:
        with self._lock:
            self._process_statuses()
            tally, reason = self._tally, self._reason
            if tally.late:
                slow = f"{tally.late} frames were late: this machine is too slow"
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
                stamp_source=self._stamp_source,
            )

    def fps(self) -> float | None:
        with self._lock:
            # The first image may be here before the supervising thread has run.
            self._process_statuses()
            return None if self._started is None else self._started.fps

    @property
    def shift_px(self) -> float | None:
        """See `CameraProcess.shift_px`; read for each frame, so without the lock."""
        return self._shift_px

    def colours(self) -> str:
        with self._lock:
            self._process_statuses()
            return "" if self._started is None else self._started.colours

    # --- under the lock, in any thread ---------------------------------------------------------

    def _process_statuses(self) -> bool:
        """Apply the capture process's status lines. False when it has ended."""
        if self._child is None:
            return False
        statuses, alive = self._child.statuses()
        for status in statuses:
            self._stamp_source = status.stamp_source or self._stamp_source
            self._shift_px = self._shift_px if status.shift_px is None else status.shift_px
            if status.final:
                self._refusals = self._refusals + 1 if status.refused else 0
                self._final = status
                self._frozen_digest = status.frozen_digest or self._frozen_digest
                self._set(status.state, status.reason)
            elif status.state is CameraState.STARTING:
                # No image yet: the previous fault remains.
                self._started, self._since_ns = status, status.at_ns
            else:
                self._gap = status.state is CameraState.STALLED
                self._set(status.state, status.reason)
        stalled = self._state is CameraState.STALLED and self._final is None and not self._gap
        if stalled and self._live_since_ns and self._overdue_s() <= 0:
            self._set(CameraState.LIVE, "")  # it has recovered by itself
        return alive

    def _set(self, state: CameraState, reason: str) -> None:
        if state is CameraState.LIVE:
            self._has_new_fault = False
            self._frozen_digest = None
            self._refusals = 0
            self._live_since_ns = self._live_since_ns or time.monotonic_ns()
        elif state is not self._state:
            self._has_new_fault = True
            with contextlib.suppress(BlockingIOError):  # a full pipe wakes the reader too
                os.write(self._wake_write, b"!")
        self._state, self._reason = state, reason

    def _frame_timeout_s(self) -> float:
        """Longest time for an image; one period more in a recording, which may be slow."""
        started = self._started
        if started is None or started.live or not started.fps:
            return self._settings.frame_timeout_s
        return self._settings.frame_timeout_s + 1 / started.fps

    def _overdue_s(self) -> float:
        """Seconds by which the capture process's progress is overdue; negative: time left."""
        progress_ns = self._since_ns
        if self._started is None:
            limit_s = START_TIMEOUT_S
        elif not self._started.is_open:
            limit_s = self._settings.open_timeout_s
        elif self._tally.alive_at_ns < self._since_ns:  # open, and the sensor is being started
            limit_s = self._settings.open_timeout_s + self._frame_timeout_s()
        else:
            limit_s, progress_ns = self._frame_timeout_s(), self._tally.alive_at_ns
        return (time.monotonic_ns() - progress_ns) / 1e9 - limit_s

    # --- in the supervising thread -------------------------------------------------------------

    def _supervise(self) -> None:
        rng = random.Random()
        attempt = 0
        while True:
            try:
                child = self._spawn()
            except OSError as error:  # no memory, process or open file left; possibly only for now
                self._set_not_started(error)
                lived_s = 0.0
            else:
                hung = self._wait_for_end(child)
                lived_s = self._reap(child, hung)
                self._stuck.append(child)
            if self._stopping or (self._final is not None and not self._final.again):
                return
            if lived_s >= self._backoff.settled_s:
                attempt = 0
            if _readable((self._stop_read,), self._delay_s(attempt, rng)):
                return
            attempt += 1

    def _delay_s(self, attempt: int, rng: random.Random) -> float:
        """The wait before the next attempt (s)."""
        with self._lock:
            if self._refusals < REFUSALS_MOST:
                return self._backoff.delay_s(attempt, rng)
            wait_s = self._backoff.refused_s
            self._reason += (
                f"; {self._refusals} refusals: the next attempt is in {wait_s / 60:g} min, because "
                "cameras lock an account"
            )
            return wait_s

    def _spawn(self) -> CaptureProcess:
        self._stuck = [child for child in self._stuck if not child.has_ended]
        if len(self._stuck) >= STUCK_MOST:
            raise OSError(errno.EBUSY, f"{len(self._stuck)} earlier ones hang in a driver")
        ends = self._latest.new_writer()
        with self._lock:
            tally = self._tally
            # Images that the last process was handling when it died, or that were left unread.
            accounted = tally.overwritten + tally.withheld + tally.unreadable + self._latest.popped
            self._lost = tally.grabbed - accounted
            self._started = self._final = None
            self._gap = False
            self._stamp_source = None
            self._live_since_ns = 0
            self._since_ns = time.monotonic_ns()
        child = CaptureProcess(self._settings, ends, self._tally_descriptor, self._frozen_digest)
        with self._lock:
            self._child = child
            self._starts += 1
        return child

    def _set_not_started(self, error: OSError) -> None:
        why = (error.strerror or str(error)).lower()
        with self._lock:
            self._set(
                CameraState.RESTARTING,
                f"{self.source}: its capture process can't be started: {why}; free or restart the "
                "machine",
            )

    def _wait_for_end(self, child: CaptureProcess) -> bool:
        """Wait until the process has ended or hangs, or `stop` is called; True if it hangs."""
        wait_s = 0.0
        while True:
            _readable((child.fileno(), self._stop_read), wait_s)
            with self._lock:
                if self._stopping or not self._process_statuses():
                    return False
                overdue_s = self._overdue_s()
                if overdue_s >= KILL_GRACE_S:
                    return True
                if overdue_s >= 0 and self._state is CameraState.LIVE:
                    self._set(CameraState.STALLED, f"{self.source}: {self._stall_reason()}")
            wait_s = KILL_GRACE_S - overdue_s if overdue_s >= 0 else -overdue_s

    def _stall_reason(self) -> str:
        if self._started is None or not self._started.is_open:
            return "opening it takes too long; check camera and network"
        waited_s = (time.monotonic_ns() - max(self._since_ns, self._tally.alive_at_ns)) / 1e9
        return f"no image for {waited_s:.1f} s; check camera and network"

    def _reap(self, child: CaptureProcess, hung: bool) -> float:
        """End the process if it still runs. Returns how long it gave images (s)."""
        how = child.end(hung=hung)
        with self._lock:
            self._process_statuses()  # its last lines
            self._child = None
            if self._final is None and not self._stopping:
                what = f"it hangs, {self._stall_reason()}" if hung else f"its capture process {how}"
                self._set(CameraState.RESTARTING, f"{self.source}: {what}")
            lived_ns = time.monotonic_ns() - self._live_since_ns if self._live_since_ns else 0
        child.close()
        return lived_ns / 1e9


def _readable(descriptors: tuple[int, ...], timeout_s: float) -> bool:
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(math.ceil(timeout_s * 1000)))
