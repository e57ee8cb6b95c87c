"""The bridge as a child process of `vigitri run --with-bridge`."""

from __future__ import annotations

import logging
import subprocess
import threading
from pathlib import Path
from typing import Self

from detector.child_process import VIGITRI, ChildProcess
from detector.wire.endpoints import reachable

logger = logging.getLogger(__name__)

RESTART_DELAY_S = 1.0
"""Wait before a bridge that has ended is restarted."""


class ChildBridge:
    """Keeps a `vigitri bridge` running beside the detector; a context manager.

    A separate process, so that a PLC cannot delay the detector. It ends when its stdin ends, so
    that it never outlives the detector, even if that is killed.
    """

    def __init__(self, publish: str, requests: str, listen: str) -> None:
        self._command = [
            *(*VIGITRI, "bridge", "--until-stdin-ends"),
            *("--subscribe", reachable(publish), "--requests", reachable(requests)),
            *("--listen", listen),
        ]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running)

    def use_keys(self, own: Path, line_key: str) -> None:
        """For a line that requires keys: the bridge's secret key file and the line's public key."""
        self._command += ["--own-key", str(own), "--line-key", line_key]

    def __enter__(self) -> Self:
        # In a session of its own: Ctrl-C ends only the detector, so that the bridge can still
        # pass the detector's last messages on to the PLC.
        self._child = ChildProcess(self._command, stdin=subprocess.PIPE, start_new_session=True)
        self._child.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._child.end()
        self._thread.join()

    def _keep_running(self) -> None:
        while not self._stopping.is_set():
            code = self._child.process.wait()
            if self._stopping.is_set():
                return
            logger.error("the bridge has ended (exit code %s); restarting it", code)
            self._child.end()
            if not self._stopping.wait(RESTART_DELAY_S):
                self._restart()
        self._child.end()

    def _restart(self) -> None:
        try:
            self._child.start()
        except OSError as error:  # no memory or process left; possibly only for now
            why = (error.strerror or str(error)).lower()
            logger.error("the bridge can't be started: %s", why)
