"""`vigitri bench lines`: how many lines this machine runs within the latency budget.

Each line is `vigitri run` as a separate process, with a camera, a subscriber and ordinary settings:
a belt of 1.2 m at 0.5 m/s, three inference passes per object. One bridge serves them all, and a
Modbus client reads every line's registers each 10 ms, as a PLC does. One more line runs at a time
until an inference pass reaches the registers too late, or vision is degraded. The camera is a clip
in real time. An uncompressed one costs as much as a GigE or USB camera, whose images are read and
converted; an H.264 one as much as a network camera, whose stream is decoded.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bridge_process import BridgeProcess
from benchmarks.child_process import children
from benchmarks.line_process import ROOT, LineProcess
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from benchmarks.speed.line_scan import LineScan, UnitReadings
from benchmarks.speed.uncompressed import uncompressed
from benchmarks.subscription import RunMessages, listen
from benchmarks.tcp_proxy import free_ports
from detector.cli_support.progress import progress_bar
from detector.profile.line import DEPLOYED_MODEL
from detector.wire.messages import VisionState

SCENARIO = Path(__file__).parent / "lines.toml"
TARGET_LINES = 4
BUDGET_MS = 60.0
"""Capture to the PLC's register, 99th percentile of the inference passes of the slowest line."""
START_S = 3.0
"""After the start of the last line, for the engines' warm-up; later passes count."""
CAMERA = b"capture.child"
PERCENTILES = (("p50", 50), ("p99", 99), ("max", 100))


def run(
    out: Path | None,
    *,
    most: int = 6,
    model_name: str = DEPLOYED_MODEL,
    engine: str = "auto",
    threads: int = 0,
    mm_per_px: float = 1.5,
    compressed: bool = False,
    duration_s: float | None = None,
    folder: Path = ROOT / "out" / "lines",
    as_json: bool = False,
) -> None:
    """Measure, print, write.

    threads: of each line's engine, 0: the line's default. compressed: the camera sends H.264.
    Raises one-line errors for input that cannot be measured.
    """
    settings = settings_of(_clip(folder, duration_s), mm_per_px, compressed=compressed) + (
        f'\n[model]\nname = "{resolved_model(model_name)}"\n'
        f'engine = "{engine}"\nthreads = {threads}\n'
    )
    rows = []
    with progress_bar("lines") as advance:
        for count in range(1, most + 1):
            rows.append(_together(settings, count))
            advance(count, most)
            if not rows[-1]["in_budget"]:
                break
    fit = max((row["lines"] for row in rows if row["in_budget"]), default=0)
    report = {
        "machine": machine(),
        "model": model_name,
        "engine": engine,
        "threads": threads,
        "mm_per_px": mm_per_px,
        "camera": "H.264" if compressed else "uncompressed",
        "budget_p99_ms": BUDGET_MS,
        "target_lines": TARGET_LINES,
        "lines": fit,
        "rows": rows,
    }
    write_report(report, out, _print, as_json=as_json)


def _clip(folder: Path, duration_s: float | None) -> Path:
    """Profile of the lines' footage, which is rendered if it is missing."""
    from twin.line.render import render

    if not (folder / "lines.truth.jsonl").exists():
        with progress_bar("rendering") as advance:
            render(SCENARIO, folder, duration_s=duration_s, progress=advance)
    return folder / "lines.line.toml"


def settings_of(profile: Path, mm_per_px: float, *, compressed: bool) -> str:
    """The profile's text with absolute paths, the given scale and the clip's encoding."""
    folder = profile.parent.resolve()
    text = profile.read_text(encoding="utf-8")
    name = tomllib.loads(text)["camera"]["source"]
    clip = folder / name if compressed else uncompressed(folder / name)
    text = text.replace(f'source = "{name}"', f'source = "{clip}"')
    text, found = re.subn(r"(?m)^mm_per_px = .*$", f"mm_per_px = {mm_per_px:g}", text)
    if found != 1:
        raise ValueError(f"{profile}: needs one view.mm_per_px. Delete the folder to render again")
    return text.replace('empty_belt = "', f'empty_belt = "{folder}/')


def resolved_model(model_name: str) -> str:
    """A model's name, or its absolute path; a relative one would start at the lines' profiles."""
    return str(Path(model_name).resolve()) if "/" in model_name else model_name


def _together(settings: str, count: int) -> dict[str, Any]:
    """Run `count` lines at once, each to the end of its clip."""
    ports = free_ports(2 * count)
    ends = [
        (f"tcp://127.0.0.1:{ports[at]}", f"tcp://127.0.0.1:{ports[at + 1]}")
        for at in range(0, 2 * count, 2)
    ]
    with TemporaryDirectory() as own, ExitStack() as running, ThreadPoolExecutor(count + 1) as pool:
        bridge = running.enter_context(BridgeProcess(ends))
        scan = running.enter_context(LineScan(bridge.host, bridge.port, count))
        processes = []
        for number, own_ends in enumerate(ends, start=1):
            path = Path(own) / f"line{number}.toml"
            path.write_text(settings.replace('line = "lines"', f'line = "line{number}"'), "utf-8")
            processes.append(LineProcess(path, "--until-end", start_s=120, endpoints=own_ends))
        # At once: one after the other, the first line would end before the last one starts.
        for starting in [pool.submit(line.__enter__) for line in processes]:
            running.push(starting.result())
        used = pool.submit(_cores_used, processes, bridge)
        received = list(pool.map(listen, processes))
    if scan.failed is not None:
        raise RuntimeError(f"the PLC's requests failed: {scan.failed}")
    return _row(received, scan, used.result())


def _cores_used(lines: list[LineProcess], bridge: BridgeProcess) -> dict[str, float]:
    """Cores used by the lines, their cameras and the bridge, while all run."""
    time.sleep(START_S)
    pids = {
        "lines": [line.process.pid for line in lines],
        "cameras": [pid for line in lines for pid in children(line.process.pid, CAMERA)],
        "bridge": [bridge.process.pid],
    }
    before, since_s = {name: _cpu_s(each) for name, each in pids.items()}, time.monotonic()
    time.sleep(START_S)
    over_s = time.monotonic() - since_s
    return {name: round((_cpu_s(each) - before[name]) / over_s, 3) for name, each in pids.items()}


def _cpu_s(pids: list[int]) -> float:
    """CPU time of processes so far, s; of one that has ended nothing."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        except OSError:
            continue
        user, system = fields.split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def _row(received: list[RunMessages], scan: LineScan, cores: dict[str, float]) -> dict[str, Any]:
    """One table row. Only the time in which all lines ran counts."""
    units = scan.units
    all_read = all(unit.captured_ns for unit in units)
    from_ns = max((unit.captured_ns[0] for unit in units), default=0.0) if all_read else 0.0
    from_ns += START_S * 1e9
    to_ns = min((unit.captured_ns[-1] for unit in units), default=0.0) if all_read else 0.0
    timed = [_between(unit, from_ns, to_ns) for unit in units]
    states = [
        state
        for each in received
        for state, t_ns in zip(each.states, each.states_ns, strict=True)
        if from_ns <= t_ns <= to_ns
    ]
    degraded = sum(state.vision is VisionState.DEGRADED for state in states)
    worst = {
        name: round(max(float(np.percentile(each, at)) for each in timed), 1)
        for name, at in PERCENTILES
        if all(timed)
    }
    over_s = max((to_ns - from_ns) / 1e9, 1e-9)
    return {
        "lines": len(received),
        "seconds": round(over_s, 1) if all_read else 0.0,
        "passes": sum(map(len, timed)),
        "passes_per_s_slowest": round(min(map(len, timed)) / over_s, 2) if all(timed) else 0.0,
        "alerts": sum(len(each.alerts) for each in received),
        "frames_overwritten": sum(each.states[-1].frames_overwritten for each in received),
        "capture_to_register_ms": worst,
        "of_each_line_ms": [
            {name: round(float(np.percentile(each, at)), 1) for name, at in PERCENTILES if each}
            for each in timed
        ],
        "late_plc_scans": scan.late_scans,
        "cores_used": cores,
        "states": len(states),
        "states_degraded": degraded,
        "reasons": sorted({state.reason for state in states if state.reason})[:3],
        "in_budget": bool(worst) and worst["p99"] <= BUDGET_MS and not degraded,
    }


def _between(unit: UnitReadings, from_ns: float, to_ns: float) -> list[float]:
    """Latencies of the passes that were captured in between, ms."""
    passes = zip(unit.captured_ns, unit.latencies_ms, strict=True)
    return [latency_ms for at_ns, latency_ms in passes if from_ns <= at_ns <= to_ns]


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    here = report["machine"]
    console.print(
        f"{here['processor']}, {here['cores']} cores, load {here['load_1min']}; "
        f"{report['model']}, engine {report['engine']}, threads {report['threads'] or 'all'}; "
        f"camera {report['camera']}; 1.2 m of belt at 0.5 m/s, {report['mm_per_px']:g} mm/px, "
        "three passes per object"
    )
    table = Table(title="lines at once; capture → PLC's register of the slowest, ms")
    for column in ("lines", "passes/s", "p50", "p99", "max", "cores", "degraded", "in budget"):
        table.add_column(column, justify="right")
    for row in report["rows"]:
        table.add_row(
            str(row["lines"]),
            f"{row['passes_per_s_slowest']:.1f}",
            *(
                f"{row['capture_to_register_ms'].get(name, float('nan')):.0f}"
                for name in ("p50", "p99", "max")
            ),
            f"{sum(row['cores_used'].values()):.2f}",
            f"{row['states_degraded']} of {row['states']} s",
            "yes" if row["in_budget"] else "no",
        )
    console.print(table)
    console.print(
        f"{report['lines']} lines fit, the target is {report['target_lines']} "
        f"(p99 <= {report['budget_p99_ms']:g} ms, never degraded)"
    )
