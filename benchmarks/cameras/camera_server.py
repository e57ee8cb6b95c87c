"""The live RTSP camera as a process, with its faults to order."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
_CHECK = (
    "import gi, numpy; gi.require_version('GstRtspServer', '1.0'); "
    "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
    "[Gst.ElementFactory.make(name).get_name() for name in ('x264enc', 'rtph264pay')]"
)


def missing() -> str:
    """Why there can be no server here, or an empty text."""
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", _CHECK], capture_output=True, check=False)
    except OSError:
        return f"no {SYSTEM_PYTHON}"
    return "no GStreamer RTSP server (its packages: see rtsp_server.py)" if done.returncode else ""


class CameraServer:
    """A running camera; a context manager."""

    def __init__(self, *options: str) -> None:
        """`options`: of `rtsp_server.py`. Raises `RuntimeError` if it does not serve."""
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SERVER), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        word, _, self.url = self._answer().partition(" ")
        if word != "serving":
            self.close()
            raise RuntimeError(f"the camera does not serve: {missing()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, line: str) -> int:
        """Give an order; CLOCK_MONOTONIC from which it holds (ns)."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer, *_, done_ns = self._answer().split()
        if answer != "done":
            raise ValueError(f"the camera knows no order {line}")
        return int(done_ns)

    def hang(self) -> None:
        """The whole camera stops, its connections stay; until `wake`."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
