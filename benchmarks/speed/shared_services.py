"""One bridge and one station for many lines: CPU time, memory, and what a PLC waits for.

    python -m benchmarks.speed.shared_services 1 10 40 -o report.json

The detectors are replaced by publishers that send what lines send: ten inference messages and one
state a second each, and an alert every ten seconds. Bridge and station are the real processes; a
PLC reads all registers of one line after the other, a request each 10 ms.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bridge_process import BridgeProcess
from benchmarks.report_out import write_json
from benchmarks.speed.latency import machine
from benchmarks.speed.plc_latency import ANY_PORT, ScanningPlc
from benchmarks.station_process import StationProcess
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.messages import Inference

NOBODY = "tcp://127.0.0.1:9"
"""For requests and images, which these lines do not serve."""
TICK_S, STATE_TICKS, ALERT_TICKS = 0.1, 10, 100
SETTLE_S = 5.0


def publish(count: int, ends: Connection) -> None:
    """Publish as `count` lines until this process is ended; sends their endpoints first."""
    lines = [f"line{number}" for number in range(count)]
    publishers = [Publisher(ANY_PORT, line=name, boot_id=f"bench-{name}") for name in lines]
    for publisher in publishers:
        publisher.__enter__()
    ends.send([publisher.endpoint for publisher in publishers])
    next_s = time.monotonic()
    for tick in range(1, 1 << 30):
        for number, (publisher, line) in enumerate(zip(publishers, lines, strict=True)):
            now: dict[str, Any] = {
                "t_capture_utc_ns": time.time_ns(),
                "t_capture_mono_ns": time.monotonic_ns(),
            }
            looked = Inference(line=line, inferences=tick, frame_index=tick, next_within_ms=1000)
            publisher.publish(looked, **now)
            if tick % STATE_TICKS == 0:
                publisher.publish(samples.STATE.model_copy(update={"line": line}), **now)
            if (tick + number) % ALERT_TICKS == 0:
                told = {
                    "line": line,
                    "boot_id": publisher.boot_id,
                    "event_id": f"a{tick:06d}",
                    "t_capture_mono_ns": now["t_capture_mono_ns"],
                    "arrivals": (),
                }
                publisher.publish(samples.ALERT.model_copy(update=told), **now)
        next_s += TICK_S
        time.sleep(max(0.0, next_s - time.monotonic()))


def measure(count: int, seconds: float) -> dict[str, Any]:
    """The figures of `count` lines, over some seconds."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    lines = multiprocessing.get_context("spawn").Process(target=publish, args=(count, theirs))
    lines.start()
    try:
        endpoints: list[str] = ours.recv()
        names = [f"line{number}" for number in range(count)]
        of_station = [
            (name, end, NOBODY, NOBODY) for name, end in zip(names, endpoints, strict=True)
        ]
        with (
            TemporaryDirectory(prefix="vigitri-station-") as folder,
            BridgeProcess([(end, NOBODY) for end in endpoints]) as bridge,
            StationProcess(of_station, Path(folder)) as station,
        ):
            time.sleep(SETTLE_S)
            pids = {"bridge": bridge.process.pid, "station": station.process.pid}
            before = {name: _cpu_s(pid) for name, pid in pids.items()}
            started_s = time.monotonic()
            replies_ms = _poll(bridge, count, seconds)
            elapsed_s = time.monotonic() - started_s
            return {
                "lines": count,
                "replies": len(replies_ms),
                "reply_p50_ms": round(float(np.percentile(replies_ms, 50)), 3),
                "reply_p99_ms": round(float(np.percentile(replies_ms, 99)), 3),
                **{
                    f"{name}_cores": round((_cpu_s(pid) - before[name]) / elapsed_s, 4)
                    for name, pid in pids.items()
                },
                **{f"{name}_mib": round(_resident_mib(pid), 1) for name, pid in pids.items()},
            }
    finally:
        lines.terminate()
        lines.join()


def _poll(bridge: BridgeProcess, count: int, seconds: float) -> list[float]:
    """Time of each reply, ms: one line after the other, a request each 10 ms."""
    taken: list[float] = []
    ends_s = time.monotonic() + seconds
    with ScanningPlc(bridge) as plc:
        for unit in cycle(range(1, count + 1)):
            if time.monotonic() >= ends_s:
                return taken
            plc.unit = unit
            reading = plc.scan()
            taken.append((reading.t_ns - reading.asked_ns) / 1e6)
    return taken


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("lines", type=int, nargs="+", help="numbers of lines to try")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each measurement")
    parser.add_argument("-o", "--out", type=Path, help="write the report to this file (JSON)")
    asked = parser.parse_args()
    rows = [measure(count, asked.seconds) for count in asked.lines]
    table = Table(title="one bridge, one station", title_justify="left")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False).print(table)
    write_json({"machine": machine(), "runs": rows}, asked.out)


if __name__ == "__main__":
    main()
