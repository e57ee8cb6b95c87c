"""`vigitri bench twin`: cost of a frame of the simulated line, in CPU time of one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from benchmarks.report_out import write_json
from twin.line.line import SimulatedLine
from twin.line.render import load_with_overrides
from twin.line.scenario import find

FRAMES = 60
"""Frames per scenario, spread over its run: enough for a mean within 10 %."""


def run(scenarios: Sequence[str], strips: Path | None, out: Path | None) -> None:
    """Print the table; raises `ScenarioError`.

    CPU time, not wall time, because other work on the machine disturbs it little.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rows = [_cost(name, strips) for name in scenarios]
    finally:
        cv2.setNumThreads(threads)
    table = Table(title="a frame of the simulated line, CPU time of one thread")
    for column in (
        "scenario",
        "renderer",
        "laid out, s",
        "frame, ms",
        "frames/s",
        "ground truth alone, ms",
    ):
        table.add_column(column, justify="left" if column in {"scenario", "renderer"} else "right")
    for row in rows:
        table.add_row(
            str(row["scenario"]),
            str(row["renderer"]),
            f"{row['laid_out_s']:.1f}",
            f"{row['frame_ms']:.1f}",
            f"{1000 / float(row['frame_ms']):.0f}",
            f"{row['truth_ms']:.1f}",
        )
    Console().print(table)
    write_json(rows, out)


def _cost(name: str, strips: Path | None) -> dict[str, float | str]:
    path = find(name)
    plan = load_with_overrides(path, strips=strips)
    start_s = time.process_time()
    line = SimulatedLine(plan, strips or path.parent)
    laid_s = time.process_time()
    step = max(1, plan.frames // FRAMES)
    only = range(0, plan.frames, step)
    for _ in line.run(images=False, only=only):
        pass
    truth_s = time.process_time()
    for _ in line.run(only=only):
        pass
    drawn_s = time.process_time()
    return {
        "scenario": path.stem,
        "renderer": plan.renderer,
        "laid_out_s": laid_s - start_s,
        "frame_ms": (drawn_s - truth_s) / len(only) * 1000,
        "truth_ms": (truth_s - laid_s) / len(only) * 1000,
    }
