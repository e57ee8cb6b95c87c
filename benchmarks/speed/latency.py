"""`vigitri bench latency`: capture to subscriber, and the cost of each stage of a frame.

Three measurements, on the demo's belt under a 1080p camera unless a line is given. *Stages*: the
pipeline alone in this process on the frames of the clip, each stage timed by the pipeline's own
clock. *Live*: `vigitri run` as a separate process on the same clip in real time, every frame with
inference timed from its capture to its receipt by this subscriber on the same clock. *PLC*: see
`plc_latency`.
"""

from __future__ import annotations

import os
import platform
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.line_process import LineProcess
from benchmarks.report_out import write_json
from benchmarks.speed import plc_latency
from benchmarks.speed.full_hd import full_hd_line
from benchmarks.subscription import listen
from detector import __version__
from detector.cli_support.progress import progress_bar
from detector.cores import available_cores
from detector.ingest import Recording
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.vision.catalogue import find_model
from detector.vision.engines import open_engine, open_verifier
from detector.vision.onnx_runtime import ort

WARM_UP_FRAMES = 20
STAGE_FRAMES = 600
BLIND_BEYOND_MS = 50.0
"""Limit for reporting that vision is unavailable, beyond three frame periods."""


def run(line: Path | None, out: Path | None, *, alerts: int = 500, blind_runs: int = 3) -> None:
    """Measure and print; write the JSON to `out` if given."""
    path = line or full_hd_line()
    profile = load_profile(path)
    report = {
        "machine": machine(),
        "line": profile.line,
        "model": profile.model.name,
        "stages": _stages(profile),
        "live": _live(path),
        "plc": _plc(path, alerts, blind_runs),
    }
    _print(report)
    write_json(report, out)


def _plc(line: Path, alerts: int, blind_runs: int) -> dict[str, Any]:
    figures = plc_latency.measure(line, count=alerts, blind_runs=blind_runs)
    blind = figures.pop("blind_to_fault_ms")
    quantiles = {
        name: {"count": len(values), **_quantiles(values)} for name, values in figures.items()
    }
    with Recording(load_profile(line).camera.source) as recording:
        period_ms = 1000 / recording.fps
    return {
        **quantiles,
        "blind_to_fault_ms": blind,
        "blind_most_ms": round(3 * period_ms + BLIND_BEYOND_MS, 1),
    }


def machine() -> dict[str, Any]:
    """Processor, cores, load and versions, for a report."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "onnxruntime": ort.__version__,
        "vigitri": __version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _stages(profile: LineProfile) -> list[dict[str, Any]]:
    model = find_model(profile.model.name, profile.model.signed_by)
    engine = open_engine(model, profile.model)
    verifier = open_verifier(model, profile.model)
    pipeline = Pipeline(Line(profile, model, engine, "bench", verifier))
    with Recording(profile.camera.source) as recording, progress_bar("stages") as advance:
        frames = iter(recording)
        for frame in islice(frames, WARM_UP_FRAMES):
            pipeline.process(frame)
        pipeline.stage_timer.report()
        for number, frame in enumerate(islice(frames, STAGE_FRAMES), start=1):
            pipeline.process(frame)
            advance(number, STAGE_FRAMES)
    _, stages = pipeline.stage_timer.report()
    return [stage.model_dump() for stage in stages]


def _live(path: Path) -> dict[str, Any]:
    with LineProcess(path, "--until-end") as line:
        received = listen(line)
    last = received.states[-1]
    return {
        "frames_timed": len(received.latencies_ms),
        "inferences": last.inferences,
        "frames_overwritten": last.frames_overwritten,
        "messages_missed": received.missed,
        "capture_to_subscriber_ms": _quantiles(received.latencies_ms),
        "capture_to_alert_ms": _quantiles(received.alert_latencies_ms),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    named = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
    return {name: round(float(np.percentile(values, at)), 2) for name, at in named.items()}


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    machine = report["machine"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_1min']}; "
        f"onnxruntime {machine['onnxruntime']}; line {report['line']}, model {report['model']}"
    )
    table = Table(title="stages of a frame, ms (in process)", title_justify="left")
    for column in ("stage", "frames", "p50", "p95", "p99", "max"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage in report["stages"]:
        figures = (stage[f"{name}_ms"] for name in ("p50", "p95", "p99", "max"))
        table.add_row(stage["stage"], str(stage["count"]), *(f"{value:.2f}" for value in figures))
    rest = sum(stage["p50_ms"] for stage in report["stages"] if stage["stage"] != "model")
    table.add_row("all but the model (p50s added up)", "", f"{rest:.2f}", "", "", "")
    console.print(table)
    live = report["live"]
    table = Table(title="live, ms (two processes)", title_justify="left")
    for column in ("from capture to", "p50", "p95", "p99", "p99.9", "max"):
        table.add_column(column, justify="left" if column.startswith("from") else "right")
    for name, key in (
        ("a subscriber, every frame", "capture_to_subscriber_ms"),
        ("a subscriber, alerts", "capture_to_alert_ms"),
    ):
        table.add_row(name, *(f"{value:.1f}" for value in live[key].values()))
    console.print(table)
    _print_plc(console, report["plc"])
    console.print(
        f"{live['inferences']} frames seen, {live['frames_overwritten']} overwritten by newer "
        f"ones, {live['messages_missed']} messages missed"
    )


def _print_plc(console: Console, plc: dict[str, Any]) -> None:
    table = Table(title="on the wire and at the PLC (10 ms scan), ms", title_justify="left")
    for column in ("path", "count", "p50", "p95", "p99", "p99.9", "max", "target"):
        table.add_column(column, justify="left" if column == "path" else "right")

    def row(name: str, figures: dict[str, float], quantile: str, most_ms: float) -> None:
        count, *values = figures.values()
        style = "" if figures[quantile] <= most_ms else "bold"
        target = f"{quantile} ≤ {most_ms:g}"
        table.add_row(name, str(count), *(f"{each:.2f}" for each in values), target, style=style)

    for name, key, most_ms in (
        ("publish → subscriber", "publish_to_subscriber_ms", 1.0),
        ("publish → register", "publish_to_register_ms", 15.0),
        ("capture → register", "capture_to_register_ms", 60.0),
    ):
        if len(plc[key]) > 1:
            row(name, plc[key], "p99", most_ms)
    for fault, values in plc["blind_to_fault_ms"].items():
        figures = {"count": len(values), **_quantiles(values)}
        row(f"{fault} → UNAVAILABLE", figures, "max", plc["blind_most_ms"])
    console.print(table)
