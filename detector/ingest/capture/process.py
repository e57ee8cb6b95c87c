"""Starts and ends a capture process, and reads its status lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from detector.child_process import ChildProcess
from detector.ingest.capture.latest_frame import WriterEnds
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec, Status

LEAVE_S = 0.3
"""Time to close a camera properly; then SIGKILL."""

REAP_S = 0.5
"""Time for the kernel to clean up after SIGKILL. With LEAVE_S, below the second within which a
detector has to end. A process that is stuck inside a driver dies only when the driver returns; it
never runs our code again, and up to `STUCK_MOST` of them are left beside the next one."""

STUCK_MOST = 3
"""With this number of stuck processes, no more are started until one is gone: each keeps its
memory, and over a weekend they would use up that of every line of the machine."""


class CaptureProcess:
    """A running capture process.

    Not `multiprocessing`: a fresh interpreter that imports only `child`, and not the detector's
    main module, starts faster, is smaller, needs no guard in the main module and has no resource
    tracker.
    """

    def __init__(
        self, settings: CaptureSettings, ends: WriterEnds, tally: int, frozen_digest: int | None
    ) -> None:
        """Start it. The calling thread must live longer than the process (see `child`).

        Raises:
            OSError: No memory, process or open file is left.
        """
        self._status_read, status_write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._status_read, False)
        self._rest = b""
        spec = CaptureSpec(settings, ends, tally, status_write, os.getpid(), frozen_digest)
        # The child has our import path, and never imports from the current folder.
        search = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
        self._child = ChildProcess(
            [sys.executable, "-P", "-m", "detector.ingest.capture.child"],
            end_s=LEAVE_S,
            kill_s=REAP_S,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the detector, even while this one starts
            # numpy's BLAS would start a thread per core, and is not used there.
            env={**os.environ, "PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=(*spec.ends.descriptors, spec.tally, spec.status),
        )
        try:
            self._child.start()
        except OSError:
            self.close()
            raise
        finally:
            os.close(status_write)  # so that the pipe ends when the process does
        assert self._child.process.stdin is not None
        try:
            with self._child.process.stdin as order:
                order.write(spec.to_json().encode())
        except BrokenPipeError:
            return  # it is already dead, which its status pipe shows

    def fileno(self) -> int:
        """Readable when there is a status, or when the process has ended."""
        return self._status_read

    def statuses(self) -> tuple[list[Status], bool]:
        """Its status lines since the last call, and whether more can follow."""
        received, alive = b"", True
        while True:
            try:
                part = os.read(self._status_read, 65536)
            except BlockingIOError:
                break
            if not part:
                alive = False
                break
            received += part
        if not received:
            return [], alive
        *lines, self._rest = (self._rest + received).split(b"\n")
        return [Status.from_line(line) for line in lines], alive

    def end(self, *, hung: bool) -> str:
        """End it if it runs, with SIGTERM first unless `hung`. Returns how it ended."""
        code = self._child.end(hung=hung)
        if code is None:
            return "hangs in a driver"
        return (
            f"was killed ({signal.Signals(-code).name})" if code < 0 else f"left with code {code}"
        )

    @property
    def has_ended(self) -> bool:
        """It has ended."""
        return not self._child.running

    def close(self) -> None:
        os.close(self._status_read)
