"""`vigitri bench station`: the store under a week's load, and a recorder that is killed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from benchmarks.station import kills as killing
from benchmarks.station import volume
from detector.cli_support.progress import progress_bar

START_S, QUERY_MS = 2.0, 100.0
"""Targets of a store with 100,000 alerts."""


def run(out: Path | None, *, alerts: int, kills: int, seed: int, as_json: bool = False) -> bool:
    """Measure, print, write; returns whether nothing was lost."""
    with TemporaryDirectory() as folder:
        with progress_bar("a week of alerts") as advance:
            week = volume.run(alerts, Path(folder) / "week", seed=seed, advance=advance)
        with progress_bar("kills") as advance:
            outcome = killing.run(kills, Path(folder), seed=seed, advance=advance)
    report = {
        "machine": machine(),
        "seed": seed,
        "volume": asdict(week),
        "targets": {"start_s": START_S, "query_p95_ms": QUERY_MS},
        "kills": asdict(outcome),
    }
    write_report(report, out, _print, as_json=as_json)
    return not outcome.missing and not outcome.damaged and not outcome.images_broken


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    here, week, killed = report["machine"], report["volume"], report["kills"]
    console.print(
        f"{here['processor']}, {here['cores']} cores, load {here['load_1min']}, {here['date']}"
    )
    table = Table(title=f"{week['alerts']} alerts in {week['revisions']} revisions")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("processor", justify="right")
    table.add_column("target", justify="right")
    table.add_row("size of the database, MB", f"{week['size_mb']:.0f}", "", "")
    start_s = f"{week['start_s']:.2f}", f"{week['start_cpu_s']:.2f}"
    table.add_row("start, longest, s", *start_s, f"{START_S:g}")
    for name, value in week["query_p95_ms"].items():
        cpu = week["query_cpu_p95_ms"][name]
        table.add_row(f"{name}, p95, ms", f"{value:.1f}", f"{cpu:.1f}", f"{QUERY_MS:g}")
    console.print(table)
    table = Table(title=f"recorder killed under load (SIGKILL), {killed['elapsed_s']:.0f} s")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("target", justify="right")
    for name, count, target in (
        ("kills", killed["kills"], ""),
        ("alert revisions sent", killed["sent"], ""),
        ("of them in the journal", killed["journalled"], ""),
        ("missing from the store", len(killed["missing"]), "0"),
        ("starts with a damaged database", killed["damaged"], "0"),
        ("images in the store", killed["images"], ""),
        ("incomplete or missing images", killed["images_broken"], "0"),
    ):
        table.add_row(name, str(count), target)
    console.print(table)
