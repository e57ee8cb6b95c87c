"""`vigitri bench lines`: how many lines this machine runs within the latency budget.

Each line is `vigitri run` as a separate process, with a camera, a subscriber and ordinary settings:
a belt of 1.2 m at 0.5 m/s, three inference passes per object. One more line runs at a time
until an inference pass is too late, or vision is degraded. The camera is a clip in real time. An
uncompressed one costs as much as a GigE or USB camera, whose images are read and converted; an
H.264 one as much as a network camera, whose stream is decoded.
"""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.line_process import ROOT, LineProcess
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from benchmarks.speed.uncompressed import uncompressed
from benchmarks.subscription import RunMessages, listen
from detector.cli_support.progress import progress_bar
from detector.profile.line import DEPLOYED_MODEL
from detector.wire.messages import VisionState

SCENARIO = Path(__file__).parent / "lines.toml"
TARGET_LINES = 4
BUDGET_MS = 50.0
"""Capture to subscriber, 99th percentile of the inference passes."""
START_FRAMES = 75
"""Three seconds for the engines' warm-up; later frames count."""


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
        "\n[wire]\ndetections = true\n"
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
    text = text.replace("mm_per_px = 1.5", f"mm_per_px = {mm_per_px:g}")
    return text.replace('empty_belt = "', f'empty_belt = "{folder}/')


def resolved_model(model_name: str) -> str:
    """A model's name, or its absolute path; a relative one would start at the lines' profiles."""
    return str(Path(model_name).resolve()) if "/" in model_name else model_name


def _together(settings: str, count: int) -> dict[str, Any]:
    """Run `count` lines at once, each to the end of its clip."""
    with TemporaryDirectory() as own, ExitStack() as running, ThreadPoolExecutor(count) as pool:
        lines = []
        for number in range(1, count + 1):
            path = Path(own) / f"line{number}.toml"
            path.write_text(settings.replace('line = "lines"', f'line = "line{number}"'), "utf-8")
            lines.append(running.enter_context(LineProcess(path, "--until-end", start_s=120)))
        received = list(pool.map(listen, lines))
    return _row(received)


def _row(received: list[RunMessages]) -> dict[str, Any]:
    timed = [_after_start(each) for each in received]
    worst = {
        name: round(max(float(np.percentile(each, at)) for each in timed), 1)
        for name, at in (("p50", 50), ("p99", 99), ("max", 100))
        if all(timed)
    }
    states = [
        state
        for each, late in zip(received, timed, strict=True)
        for state in each.states[:-1]  # the last one reports the end
        if state.inferences > len(each.latencies_ms) - len(late)
    ]
    degraded = sum(state.vision is VisionState.DEGRADED for state in states)
    return {
        "lines": len(received),
        "passes": sum(map(len, timed)),
        "alerts": sum(len(each.alerts) for each in received),
        "frames_overwritten": sum(each.states[-1].frames_overwritten for each in received),
        "capture_to_subscriber_ms": worst,
        "states_degraded": degraded,
        "reasons": sorted({state.reason for state in states if state.reason})[:3],
        "in_budget": bool(worst) and worst["p99"] <= BUDGET_MS and not degraded,
    }


def _after_start(received: RunMessages) -> list[float]:
    """Capture to subscriber of each inference pass after the warm-up, ms."""
    passes = zip(received.detections, received.latencies_ms, strict=True)
    return [latency_ms for index, latency_ms in passes if index >= START_FRAMES]


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    here = report["machine"]
    console.print(
        f"{here['processor']}, {here['cores']} cores, load {here['load_1min']}; "
        f"{report['model']}, engine {report['engine']}, threads {report['threads'] or 'all'}; "
        f"camera {report['camera']}; 1.2 m of belt at 0.5 m/s, {report['mm_per_px']:g} mm/px, "
        "three passes per object"
    )
    table = Table(title="lines at once; capture → subscriber of the slowest, ms")
    for column in ("lines", "passes", "p50", "p99", "max", "overwritten", "degraded", "in budget"):
        table.add_column(column, justify="right")
    for row in report["rows"]:
        table.add_row(
            str(row["lines"]),
            str(row["passes"]),
            *(
                f"{row['capture_to_subscriber_ms'].get(name, float('nan')):.0f}"
                for name in ("p50", "p99", "max")
            ),
            str(row["frames_overwritten"]),
            str(row["states_degraded"]),
            "yes" if row["in_budget"] else "no",
        )
    console.print(table)
    console.print(
        f"{report['lines']} lines fit, the target is {report['target_lines']} "
        f"(p99 <= {report['budget_p99_ms']:g} ms, never degraded)"
    )
