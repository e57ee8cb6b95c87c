"""What the station costs the detector beside it: pairs of runs without and with it, in turn.

    python -m benchmarks.station.beside [PAIRS] [--folder DIR]

Each run plays the full-HD clip once through `vigitri run`. In every second run a station records
the line and serves eight pages, one of which does not read; half way it is killed. DIR is the
station's folder: give one on a full disk to include that.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.line_process import LineProcess
from benchmarks.speed.full_hd import full_hd_line
from benchmarks.station_process import StationProcess
from benchmarks.subscription import listen
from benchmarks.tcp_proxy import free_ports

PAGES = 8
KILLED_AFTER_S = 18.0
"""Half of the clip."""


def run_once(line: Path, folder: Path | None) -> list[float]:
    """Capture to subscriber of each inference pass, ms. folder: of a station beside it, or None."""
    publish, requests, images = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
    with ExitStack() as stack:
        runner = LineProcess(line, "--until-end", "--evidence", images,
                             endpoints=(publish, requests))  # fmt: skip
        started = stack.enter_context(runner)
        if folder is not None:
            ends = [("full-hd", publish, requests, images)]
            station = stack.enter_context(StationProcess(ends, folder))
            for number in range(PAGES):
                page = threading.Thread(
                    target=_read_stream, args=(station.url, number == 0), daemon=True
                )
                page.start()
            killer = threading.Timer(KILLED_AFTER_S, station.process.kill)
            killer.start()
            stack.callback(killer.cancel)
        return listen(started).latencies_ms


def _read_stream(url: str, stalled: bool) -> None:
    """A page's stream, until the station ends. stalled: it is opened and never read."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname or "", at.port or 80)) as page:
        page.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
        if stalled:
            time.sleep(3 * KILLED_AFTER_S)
        else:
            try:
                while page.recv(65536):
                    pass
            except OSError:
                pass


def measure(pairs: int, folder: Path) -> dict[str, Any]:
    """Quantiles of all passes without and with the station, and of each pair's difference."""
    line = full_hd_line()
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    for number in range(pairs):
        alone.append(run_once(line, None))
        beside.append(run_once(line, folder / f"station-{number}"))
    report: dict[str, Any] = {}
    for name, runs in (("alone", alone), ("beside", beside)):
        every = np.concatenate([np.array(run) for run in runs])
        report[name] = {f"p{q}": float(np.percentile(every, q)) for q in (50, 95, 99)}
        report[name]["passes"] = len(every)
        report[name]["p99_of_runs"] = [float(np.percentile(run, 99)) for run in runs]
    return report


def main() -> None:
    arguments = sys.argv[1:]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "--folder" in arguments:
            at = arguments.index("--folder")
            folder = Path(arguments[at + 1])
            del arguments[at : at + 2]
        report = measure(int(arguments[0]) if arguments else 3, folder)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, row in report.items():
        each = ", ".join(f"{value:.1f}" for value in row["p99_of_runs"])
        print(
            f"{name}: {row['passes']} passes, p50 {row['p50']:.1f} ms, p95 {row['p95']:.1f} ms, "
            f"p99 {row['p99']:.1f} ms; p99 of each run {each} ms"
        )


if __name__ == "__main__":
    main()
