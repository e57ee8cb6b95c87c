"""`vigitri bench faults`: what was injected and what came of it, from the line to the PLC."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import faults, fuzz, plc_faults
from benchmarks.line_process import LineFailedError
from detector.commands.progress import progress_bar


def run(runs: int, seed: int, malformed: int, out: Path | None, *, plc_runs: int) -> bool:
    """Print the table; whether nothing was lost, doubled, wrongly clear or brought down."""
    console = Console()
    try:
        with progress_bar("line and consumer") as advance:
            line = faults.inject(runs, seed, advance)
        with progress_bar("bridge and PLC") as advance:
            bridge = plc_faults.injure(plc_runs, seed=seed, progress=advance)
        with progress_bar("malformed messages") as advance:
            wire = fuzz.fuzz(malformed, seed, advance)
        modbus = plc_faults.fuzz(malformed, seed=seed)
    except LineFailedError as error:
        console.print(f"[bold red]did not start:[/] {error}", highlight=False)
        return False
    console.print(_table(line, bridge, wire, modbus, f"seed {seed}, line {line.elapsed_s:.0f} s"))
    for wrong in (*line.lost[:5], *line.duplicates[:5], *bridge.wrong_clear[:5]):
        console.print(f"[bold red]{wrong}[/]", highlight=False)
    if out is not None:
        said = {
            "line": asdict(line),
            "bridge": {"injuries": dict(bridge.injuries), "readings": bridge.readings},
            "wrong_clear": bridge.wrong_clear,
            "wire": asdict(wire),
            "modbus": {"frames": modbus.fuzzed_frames, "crashes": modbus.crashes},
        }
        out.write_text(json.dumps(said, indent=2), encoding="utf-8")
    crashes = bridge.crashes + wire.crashes + modbus.crashes
    return line.sound and not bridge.wrong_clear and not crashes


def _table(
    line: faults.Tally,
    bridge: plc_faults.Tally,
    wire: fuzz.Fuzzed,
    modbus: plc_faults.Tally,
    title: str,
) -> Table:
    table = Table("injected", "times", "and then", title=title)
    ways = ", ".join(f"{count} {how}" for how, count in line.ways.items())
    for kind, count in line.injected.items():
        table.add_row(kind, str(count), "")
    table.add_section()
    told = f"{line.alerts} alerts in {line.revisions} revisions; noted {ways}"
    table.add_row("line and consumer", str(sum(line.injected.values())), told)
    table.add_row("", "", f"lost {len(line.lost)}, under a new id {len(line.duplicates)}")
    table.add_section()
    for kind, count, said in bridge.rows():
        table.add_row(kind, str(count), said)
    table.add_section()
    said = f"crashes {wire.crashes}; refused {wire.refused}, unreadable {wire.malformed}"
    table.add_row("malformed messages", str(wire.messages), said)
    for kind, count, said in modbus.rows():
        table.add_row(kind, str(count), said)
    return table
