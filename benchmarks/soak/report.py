"""The report of a soak: text, JSON and a plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.soak.cameras import table as blindness_table
from benchmarks.soak.evaluation import LEAK_MIB_PER_H, PRODUCT, figures, verdict


def report(folder: Path, *, as_json: bool) -> bool:
    """Evaluate a run, which may be going on or cut off; write `report.json`, `report.txt` and
    `soak.png` into its folder. Returns whether every target was met.

    Raises `FileNotFoundError` for a folder without a run.
    """
    found = figures(folder)
    result = verdict(found)
    found["verdict"] = result
    (folder / "report.json").write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")
    with (folder / "report.txt").open("w", encoding="utf-8") as text:
        show(found, Console(file=text, width=110, highlight=False))
    try:
        from benchmarks.soak.plot import draw

        draw(folder)
    except ModuleNotFoundError as error:
        print(f"no plot: install {error.name} (extra `bench`)")
    if as_json:
        print(json.dumps(found))
    else:
        show(found, Console(highlight=False))
    leak = result["leak_mib_per_h"]
    return (
        not result["alerts_lost"]
        and not result["wrong_clear"]
        and (leak is None or leak < LEAK_MIB_PER_H)
    )


def show(found: dict[str, Any], console: Console) -> None:
    """Print all tables."""
    here = found["machine"]
    how = "whole" if found["whole"] else "CUT OFF"
    console.print(
        f"{here['processor']}, {here['cores']} cores; {found['hours']:g} h, {how}, "
        f"{sum(found['faults'].values())} faults, seed {found['seed']}"
    )
    console.print(_verdict(found))
    injected = ", ".join(f"{kind} {count}" for kind, count in sorted(found["faults"].items()))
    console.print(f"injected: {injected}")
    console.print("What the PLC read beyond three frame periods after a fault, until it ended:")
    console.print(blindness_table(found["blind"]))
    console.print(_growth(found["growth"]))
    console.print(_latency(found["latency"]))
    objects = found["objects"]
    console.print(
        f"hazards that passed undisturbed: {objects['undisturbed']}, of them alerted "
        f"{objects['undisturbed_found']}; of {objects['sure_hazards']} hazards of the film that "
        f"the model finds ({objects['sure_undisturbed']} passages), not alerted "
        f"{len(objects['sure_missed'])}. During a fault passed {objects['disturbed']}, alerted "
        f"{objects['disturbed_found']}. Under a second id: {len(objects['under_a_second_id'])}"
    )


def _verdict(found: dict[str, Any]) -> Table:
    result, alerts, plc = found["verdict"], found["alerts"], found["plc"]
    leak = result["leak_mib_per_h"]
    shown = Table("result", "", "target", "of", title_justify="left")
    shown.add_row(
        "alerts lost",
        str(result["alerts_lost"]),
        "0",
        f"{alerts['raised']:,} in {alerts['revisions']:,} revisions, at the consumer and in the "
        "station's store",
    )
    shown.add_row(
        "wrong clear",
        f"{result['wrong_clear']:,}",
        "0",
        f"{plc['readings']:,} readings, {plc['seen']:,} of them say seen",
    )
    shown.add_row(
        "leak, MiB/h",
        "unknown" if leak is None else f"{leak:g}",
        f"< {LEAK_MIB_PER_H:g}",
        f"the steepest of {', '.join(PRODUCT)}",
    )
    return shown


def _growth(growth: dict[str, dict[str, Any]]) -> Table:
    """Starts, hours of the longest, the most memory, handles and threads, their slopes, and the
    share of a core."""
    shown = Table("process", title_justify="left")
    for column in ("starts", "h", "MiB", "MiB/h", "handles, /h", "threads, /h", "core"):
        shown.add_column(column, justify="right")
    for name, each in sorted(growth.items()):
        shown.add_row(
            name,
            str(each["starts"]),
            f"{each['longest_h']:.2f}",
            f"{each['rss_mib_most']:.0f}",
            _known(each["rss_mib_per_h"]),
            f"{each['handles_most']}, {_known(each['handles_per_h'])}",
            f"{each['threads_most']}, {_known(each['threads_per_h'])}",
            _known(each["cpu_share"]),
        )
    return shown


def _latency(latency: dict[str, Any]) -> Table:
    shown = Table("capture to subscriber, ms", title_justify="left")
    for column in ("passes", "p50", "p99"):
        shown.add_column(column, justify="right")
    rows = [("whole run", latency["all"])]
    rows += [(f"quarter {at}", each) for at, each in enumerate(latency["quarters"], start=1)]
    for name, each in rows:
        if each is not None:
            passes = f"{each['passes']:,}"
            shown.add_row(name, passes, f"{each['p50_ms']:g}", f"{each['p99_ms']:g}")
    return shown


def _known(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
