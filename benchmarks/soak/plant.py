"""The whole line: camera, detector, bridge, station, a consumer and a PLC, each a process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from benchmarks.bridge_process import BridgeProcess
from benchmarks.cameras.camera_server import CameraServer
from benchmarks.child_process import CommandProcess, children
from benchmarks.line_process import ROOT, LineProcess
from benchmarks.soak.footage import FPS, SIZE, write_film, write_profile
from benchmarks.station_process import StationProcess
from benchmarks.tcp_proxy import TcpProxy, free_ports
from detector.child_process import ChildProcess

START_S = 180.0
"""Start-up limit of a process on a loaded machine."""


class Plant:
    """Runs all of it at fixed ports, so that each may be killed and started; a context manager.

    Detector and station talk directly, as on one machine. The consumer and the bridge are
    connected through proxies that can be cut and delayed.
    """

    def __init__(
        self, folder: Path, *, scan_ms: float = 20.0, station: bool = True, journal: Path | None
    ) -> None:
        """
        folder: for logs, film, profile, store and the consumer's notes; exists.
        scan_ms: scan time of the PLC.
        journal: the detector's journal; None: in `folder`.
        """
        self.folder, self._scan_ms, self._with_station = folder, scan_ms, station
        self.journal = journal or folder / "journal"
        self.notes, self.readings = folder / "notes.jsonl", folder / "readings.bin"
        self.store = folder / "station"
        self._running: dict[str, ChildProcess] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            film = self.folder / "film.mp4"
            write_film(film)
            self.camera = stack.enter_context(
                CameraServer(
                    *("--fps", f"{FPS:g}", "--size", SIZE, "--footage", str(film)),
                    *("--clock", "--protocol", "tcp"),
                )
            )
            self._profile = self.folder / "line.toml"
            write_profile(self._profile, self.camera.url)
            publish, requests, images, modbus, opcua = free_ports(5)
            self.ends = f"tcp://127.0.0.1:{publish}", f"tcp://127.0.0.1:{requests}"
            self._images = f"tcp://127.0.0.1:{images}"
            self._modbus = f"127.0.0.1:{modbus}"
            self._opcua = f"opc.tcp://127.0.0.1:{opcua}/vigitri"
            self.to_consumer = [stack.enter_context(TcpProxy(port)) for port in (publish, requests)]
            self.to_bridge = [stack.enter_context(TcpProxy(port)) for port in (publish, requests)]
            stack.callback(self._end)
            # All but the PLC start before the detector, so that nothing is missed.
            for name in ("bridge", *(["station"] if self._with_station else []), "consumer"):
                self.start(name)
            self.start("detector")
            self.start("plc")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def names(self) -> list[str]:
        return list(self._running)

    def start(self, name: str) -> None:
        """Start a process that is not running. Raises `ChildFailedError`."""
        process = self._made(name)
        self._running[name] = process
        process.__enter__()

    def stop(self, name: str) -> None:
        """End it as a user does."""
        self._end_one(name, hung=False)

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self._end_one(name, hung=True)

    def signal(self, name: str, number: int) -> None:
        self._running[name].process.send_signal(number)

    def is_running(self, name: str) -> bool:
        return self._running[name].running

    def pids(self) -> Iterator[tuple[str, int]]:
        """Name and id of each process, and of the detector's capture process."""
        yield "camera", self.camera.pid
        for name, process in self._running.items():
            yield name, process.process.pid
        if "detector" in self._running:
            pid = self._running["detector"].process.pid
            yield from (("capture", child) for child in children(pid, b"capture.child"))

    def _made(self, name: str) -> ChildProcess:
        if name == "detector":
            return LineProcess(
                self._profile,
                *("--evidence", self._images),
                start_s=START_S,
                journal=self.journal,
                endpoints=self.ends,
            )
        if name == "bridge":
            ends = [(self.to_bridge[0].endpoint, self.to_bridge[1].endpoint)]
            options = "--opcua", self._opcua, "--name", "soak"
            return BridgeProcess(ends, *options, listen=self._modbus, start_s=START_S)
        if name == "station":
            lines = [("soak", *self.ends, self._images)]
            return StationProcess(lines, self.store, start_s=START_S)
        arguments = {
            "consumer": [
                "benchmarks.faults.consumer",
                *(proxy.endpoint for proxy in self.to_consumer),
                str(self.notes),
            ],
            "plc": [
                "benchmarks.soak.plc_process",
                *(self._modbus, str(self.readings), f"{self._scan_ms:g}"),
            ],
        }[name]
        return ChildProcess([sys.executable, "-m", *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)

    def _end_one(self, name: str, *, hung: bool) -> None:
        process = self._running.pop(name)
        if hung:
            process.process.kill()
        process.end(hung=hung)
        if isinstance(process, CommandProcess):
            self._log(name, process.stderr_lines)

    def _log(self, name: str, lines: list[str]) -> None:
        with (self.folder / f"{name}.log").open("a", encoding="utf-8") as log:
            log.writelines(f"{line}\n" for line in lines)
            log.write(f"--- ended, {time.strftime('%Y-%m-%d %H:%M:%S')}\n")

    def _end(self) -> None:
        for name in reversed(self.names):
            self._end_one(name, hung=False)
