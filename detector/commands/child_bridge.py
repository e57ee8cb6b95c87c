"""The bridge as a child of `vigitri run --with-bridge`."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from detector.wire.endpoints import reachable

AGAIN_S = 1.0
"""Before a bridge that has ended is started again."""
ENDS_S = 5.0


class ChildBridge:
    """Keeps a `vigitri bridge` running beside the detector; a context manager.

    A process of its own, so that nothing a PLC does can hold up the belt's watch. It ends when its
    stdin does, so that it outlives no detector, even one that is killed.
    """

    def __init__(
        self, publish: str, requests: str, listen: str, tell: Callable[[str], None]
    ) -> None:
        self._command = [
            *(sys.executable, "-m", "detector.cli", "bridge", "--until-stdin-ends"),
            *("--subscribe", reachable(publish), "--requests", reachable(requests)),
            *("--listen", listen),
        ]
        self._tell = tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def use_keys(self, own: Path, line_key: str) -> None:
        """Where the line asks for keys: the bridge's own secret file, and the line's public key."""
        self._command += ["--own-key", str(own), "--line-key", line_key]

    def __enter__(self) -> Self:
        self._process = self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._end(self._process)
        self._thread.join()

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C is the detector's, whose last words the PLC is to hear.
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)

    def _keep(self) -> None:
        while not self._over.is_set():
            code = self._process.wait()
            if self._over.is_set():
                return
            self._tell(f"the bridge has ended (exit code {code}); it is started again")
            self._end(self._process)
            if not self._over.wait(AGAIN_S):
                self._start_again()
        self._end(self._process)

    def _start_again(self) -> None:
        try:
            self._process = self._start()
        except OSError as error:  # no memory or process left: perhaps just now
            self._tell(f"the bridge can't be started: {(error.strerror or str(error)).lower()}")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
