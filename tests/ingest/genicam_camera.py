"""Aravis' GigE Vision camera, `arv-fake-gv-camera-0.8`: a process that streams on loopback."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.ingest import SourceError, open_source

PROGRAM = "arv-fake-gv-camera-0.8"
SERIAL = f"VT{os.getpid()}"
ADDRESS = "127.0.0.1"
"""GigE Vision's port is fixed, so there is one such camera on an address of this machine."""


def genicam_missing() -> str:
    """Why no such camera can run here; empty: it can."""
    if shutil.which(PROGRAM) is None:
        return f"no {PROGRAM} here (Debian: aravis-tools)"
    return ""


def wait_for_camera() -> None:
    """Asks at the address: a search would wait a second for answers."""
    for _ in range(100):
        try:
            open_source(f"genicam://{ADDRESS}?pixel_format=Mono8").close()
        except SourceError as error:
            if "not installed" in error.why:
                pytest.skip("no Aravis here (Debian: libaravis-0.8-0)")
        else:
            return
    pytest.fail(f"{PROGRAM} does not answer")


class GenicamProcess:
    """The camera, which can be unplugged and plugged in again."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def plug_in(self) -> None:
        command = [PROGRAM, "-i", ADDRESS, "-s", SERIAL, *self._options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def unplug(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def genicam_process(*options: str) -> Iterator[GenicamProcess]:
    """One at a time on this machine, whatever test run it is of."""
    why = genicam_missing()
    if why:
        pytest.skip(why)
    camera = GenicamProcess(*options)
    with (Path(tempfile.gettempdir()) / "vigitri-gigevision.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        camera.plug_in()
        try:
            wait_for_camera()
            yield camera
        finally:
            camera.unplug()
