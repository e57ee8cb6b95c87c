"""`vigitri bench start`: from the start of `vigitri run` to its first look, and its memory.

The time is from the start of the process to the arrival of the first inference message with a pass,
and ends at a subscriber on this machine. Memory is the proportional set size (PSS) of the detector
and of its capture process some seconds later: pages that both share count once.

Another checkout is run in turn with this one, each with its own packages.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.child_process import children
from benchmarks.line_process import ROOT
from benchmarks.report_out import write_report
from benchmarks.speed.full_hd import full_hd_line
from benchmarks.speed.latency import machine
from detector import client
from detector.child_process import ChildProcess
from detector.cli_support.progress import progress_bar
from detector.client import Received
from detector.profile.loading import load_profile
from detector.wire.messages import Inference

START_S = 60.0
HERE, BESIDE = "here", "beside"
_ANNOUNCED = re.compile(r"publishing at (\S+), serving requests at (\S+)$")


def run(
    line: Path | None, out: Path | None, *, beside: Path | None, runs: int, settle_s: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure, print, write. Raises `RuntimeError` if a line does not look within a minute."""
    path = (line or full_hd_line()).resolve()
    checkouts = {HERE: ROOT} | ({} if beside is None else {BESIDE: beside.resolve()})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    with progress_bar("starting") as advance:
        for number in range(runs):
            for name, checkout in checkouts.items():
                found[name].append(_started(path, checkout, settle_s))
            advance(number + 1, runs)
    report = {
        "machine": machine(),
        "line": load_profile(path).line,
        "settle_s": settle_s,
        "runs": found,
        "median": {
            name: {key: round(median(each[key] for each in rows), 3) for key in rows[0]}
            for name, rows in found.items()
        },
    }
    write_report(report, out, _print, as_json=as_json)


def _started(line: Path, checkout: Path, settle_s: float) -> dict[str, float]:
    """One start, and the memory after `settle_s`."""
    python = checkout / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as journal:
        command = [str(python), "-m", "detector.cli", "run", str(line)]
        command += ["--publish", "tcp://127.0.0.1:*", "--requests", "tcp://127.0.0.1:*"]
        detector = ChildProcess(
            [*command, "--journal", journal],
            stderr=subprocess.PIPE,
            cwd=checkout,  # whose modules come first
            env={**os.environ, "VIGITRI_LOG": "text"},
        )
        started_s = time.monotonic()
        with detector:
            publish = detector.wait_for(_ANNOUNCED, START_S)[1]
            announced_s = time.monotonic() - started_s
            looked_s = _first_look(publish, started_s)
            time.sleep(settle_s)
            capture = children(detector.process.pid, b"capture.child")
            mib = {"detector_mib": _pss_mib(detector.process.pid)}
            mib["capture_mib"] = sum(map(_pss_mib, capture))
    return {
        "to_endpoints_s": round(announced_s, 3),
        "to_look_s": round(looked_s - started_s, 3),
        **{name: round(each, 1) for name, each in mib.items()},
        "together_mib": round(sum(mib.values()), 1),
    }


def _first_look(publish: str, started_s: float) -> float:
    with client.Line(publish) as line:
        while time.monotonic() - started_s < START_S:
            item = line.receive(0.5)
            if not isinstance(item, Received):
                continue
            if isinstance(item.payload, Inference) and item.payload.inferred:
                return item.t_received_mono_ns / 1e9
    raise RuntimeError(f"the line did not look within {START_S:g} s")


def _pss_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(json.dumps(report["machine"]), soft_wrap=True)
    table = Table(title=f"start of {report['line']}, medians", title_justify="left")
    table.add_column("checkout")
    columns = list(report["median"][HERE])
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, row in report["median"].items():
        table.add_row(name, *(str(row[key]) for key in columns))
    console.print(table)
