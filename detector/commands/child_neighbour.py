"""A neighbour of the wire as a child process of `vigitri run`."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from detector.child_process import VIGITRI, ChildProcess
from detector.profile.line import LineProfile
from detector.wire.endpoints import reachable

logger = logging.getLogger(__name__)

RESTART_DELAY_S = 1.0
"""Wait before a neighbour that has ended is restarted."""


class ChildNeighbour:
    """Keeps a `vigitri bridge` or `station` running beside the detector; a context manager.

    A separate process, so that neither a PLC nor a page can delay the detector. It ends when its
    stdin ends, so that it never outlives the detector, even if that is killed.
    """

    def __init__(self, name: str, options: Sequence[str]) -> None:
        """`name`: of the command, and in the log."""
        self.name = name
        self._command = [*VIGITRI, name, "--until-stdin-ends", *options]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running)

    def use_keys(self, own: Path, line_key: str) -> None:
        """For a line that requires keys: the neighbour's secret key file, the line's public key."""
        self._command += ["--own-key", str(own), "--line-key", line_key]

    def __enter__(self) -> Self:
        # In a session of its own: Ctrl-C ends only the detector, so that its last messages still
        # reach the neighbour.
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
            logger.error("the %s has ended (exit code %s); restarting it", self.name, code)
            self._child.end()
            if not self._stopping.wait(RESTART_DELAY_S):
                self._restart()
        self._child.end()

    def _restart(self) -> None:
        try:
            self._child.start()
        except OSError as error:  # no memory or process left; possibly only for now
            why = (error.strerror or str(error)).lower()
            logger.error("the %s can't be started: %s", self.name, why)


def child_bridge(publish: str, requests: str, listen: str) -> ChildNeighbour:
    """The bridge of one line, at `listen`."""
    ends = ["--subscribe", reachable(publish), "--requests", reachable(requests)]
    return ChildNeighbour("bridge", [*ends, "--listen", listen])


def child_station(
    profile: LineProfile,
    ends: tuple[str, str],
    evidence: str | None,
    listen: str,
    folder: Path | None,
) -> ChildNeighbour:
    """The station of one line, at `listen`. `evidence`: endpoint of its images, if it sends any."""
    publish, requests = ends
    options = ["--name", profile.line, "--model", profile.model.name]
    options += ["--subscribe", reachable(publish), "--requests", reachable(requests)]
    options += [] if evidence is None else ["--evidence", reachable(evidence)]
    options += [] if folder is None else ["--folder", str(folder)]
    return ChildNeighbour("station", [*options, "--listen", listen])
