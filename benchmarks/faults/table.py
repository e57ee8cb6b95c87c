"""`vigitri bench faults`: injected faults and their effects, from the line to the PLC."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.faults import plc as plc_faults
from benchmarks.faults import tour as faults
from benchmarks.report_out import write_json
from detector.child_process import ChildFailedError
from detector.cli_support.progress import progress_bar


def run(runs: int, seed: int, out: Path | None, *, plc_runs: int) -> bool:
    """Print the table; returns whether nothing was lost, doubled, wrongly clear or crashed."""
    console = Console()
    try:
        with progress_bar("line and consumer") as advance:
            line = faults.inject(runs, seed, advance)
        with progress_bar("bridge and PLC") as advance:
            bridge = plc_faults.inject_faults(plc_runs, seed=seed, progress=advance)
    except ChildFailedError as error:
        console.print(f"[bold red]did not start:[/] {error}", highlight=False)
        return False
    console.print(_injected(line, bridge, seed))
    console.print(_effects(line, bridge))
    for wrong in (*line.lost[:5], *line.duplicates[:5], *bridge.wrong_clear[:5]):
        console.print(f"[bold red]{wrong}[/]", highlight=False)
    document = {
        "seed": seed,
        "line": asdict(line),
        "bridge": {**vars(bridge), "injuries": dict(bridge.injuries)},
    }
    write_json(document, out)
    return line.sound and not bridge.wrong_clear and not bridge.crashes


def _injected(
    line: faults.Tally,
    bridge: plc_faults.Tally,
    seed: int,
) -> Table:
    title = f"injected at random instants, seed {seed}"
    table = Table("into", "what", "times", title=title, title_justify="left")
    for kind, count in line.injected.items():
        table.add_row("detector → consumer", kind, str(count))
    table.add_section()
    for kind, count in sorted(bridge.injuries.items()):
        table.add_row("detector → bridge → PLC", kind, str(count))
    return table


def _effects(
    line: faults.Tally,
    bridge: plc_faults.Tally,
) -> Table:
    table = Table("result", "", "target", "of", title_justify="left")
    runs = sum(line.injected.values()) + sum(bridge.injuries.values())
    sources = ", ".join(f"{count} {how}" for how, count in line.ways.items())
    alerts = f"{line.alerts} in {line.revisions} revisions, {line.starts} starts; noted {sources}"
    for name, count, target, of in (
        ("faults", runs, "≥ 200", f"in {line.elapsed_s:.0f} s and {bridge.elapsed_s:.0f} s"),
        ("alerts lost", len(line.lost), "0", alerts),
        ("alerts under a new id", len(line.duplicates), "0", f"{line.alerts} alerts"),
        ("wrong clear", len(bridge.wrong_clear), "0", _readings(bridge)),
        ("crashes", bridge.crashes, "0", ""),
    ):
        table.add_row(name, f"{count:,}", target, of)
    return table


def _readings(bridge: plc_faults.Tally) -> str:
    return f"{bridge.readings:,} readings of a PLC, {bridge.watched:,} of them not unknown"
