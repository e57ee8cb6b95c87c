"""`vigitri bench load`: overload, jam and stopped belt, over many runs of the simulated line.

The whole pipeline without the model, which takes nearly all the time and is not needed here, so
that many seeds can be run. Each run is another belt (seeds from `--seed` on), evaluated as by
`bench accuracy`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.footage import Footage, open_footage, profile_of
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.accuracy.report import rate_text, share_text
from benchmarks.accuracy.tally import STATES, false_alarms, states
from benchmarks.accuracy.targets import state_targets
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from detector.belt.encoder import BeltReport
from detector.cli_support.progress import progress_bar
from detector.line_setup import Line
from detector.pipeline import STAGES, Pipeline
from detector.profile.line import DEPLOYED_MODEL
from detector.runtime.stage_timer import StageTimer
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.detections import NOTHING, Detections
from detector.wire.messages import Alert
from models.evaluation.targets import targets_table

SCENARIOS = ("overload", "jam", "stop_and_go", "wet_belt", "night", "dirty_lens", "calm")
QUIET = ("stop_and_go", "wet_belt", "night", "dirty_lens", "calm")
"""Scenarios in which any alarm is a false alarm."""


@dataclass(frozen=True)
class Run:
    """The evaluation of one seed of one scenario."""

    scenario: str
    seed: int
    evaluation: Evaluation
    monitor_ms: NDArray[np.float32]
    """CPU time of one thread, for each frame (of a long run, its last 4096)."""


def run(
    scenarios: Sequence[str],
    out: Path | None,
    *,
    runs: int,
    seed: int,
    fps: float,
    duration_s: float | None = None,
    strips: Path | None = None,
    marks: bool = True,
    as_json: bool = False,
) -> None:
    """Run, evaluate, print. marks: whether the line's profile has skirt marks.

    Raises one-line errors for input that cannot be measured.
    """
    model = find_model(DEPLOYED_MODEL)
    wanted = [(name, seed + number) for name in scenarios for number in range(runs)]
    watched = []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with tempfile.TemporaryDirectory() as folder, progress_bar("runs") as advance:
            for done, (name, each) in enumerate(wanted, start=1):
                footage = open_footage(name, fps, seed=each, duration_s=duration_s, strips=strips)
                watched.append(_watched(name, each, footage, model, Path(folder), marks=marks))
                advance(done, len(wanted))
    finally:
        cv2.setNumThreads(threads)
    report = {
        "machine": machine(),
        "renderer": "drawn" if strips is None else "traced",
        "fps": fps,
        "marks": marks,
        "seeds": [seed, seed + runs - 1],
        **_figures(watched),
    }
    write_report(report, out, _print, as_json=as_json)


def _watched(
    name: str, seed: int, footage: Footage, model: ModelFolder, folder: Path, *, marks: bool
) -> Run:
    profile = profile_of(footage.truth, footage.empty_belt(folder), marks=marks)
    line = Line(profile, model, NoModel(model), "bench")
    timer = StageTimer(STAGES, time.thread_time_ns)
    pipeline = Pipeline(line, stage_timer=timer)
    alerts: list[Alert] = []
    for frame in footage.frames():
        line.reported.add(BeltReport(frame.t_mono_ns, footage.ordered(frame.index), None))
        alerts += pipeline.process(frame).alerts
    evaluation = match_alerts(alerts, LineGroundTruth(footage.truth, profile))
    return Run(name, seed, evaluation, timer.laps_ms("overload"))


class NoModel:
    """Replaces the model; detects nothing."""

    def __init__(self, model: ModelFolder) -> None:
        self.card = model.card

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:  # noqa: ARG002
        return NOTHING


def _figures(watched: Sequence[Run]) -> dict[str, Any]:
    rows = {}
    for name in dict.fromkeys(each.scenario for each in watched):
        mine = [each.evaluation for each in watched if each.scenario == name]
        hours = sum(evaluation.belt_h for evaluation in mine)
        rows[name] = {
            "runs": len(mine),
            "belt_h": round(hours, 4),
            "states": states(mine),
            "false_alarms": false_alarms(mine, hours),
        }
    quiet = [each.evaluation for each in watched if each.scenario in QUIET]
    hours = sum(evaluation.belt_h for evaluation in quiet)
    cost_ms = np.concatenate([each.monitor_ms for each in watched])
    return {
        "scenarios": rows,
        "states": states([each.evaluation for each in watched]),
        "quiet": {"belt_h": round(hours, 4), "false_alarms": false_alarms(quiet, hours)},
        "monitor_ms": {
            "frames": len(cost_ms),
            "mean": round(float(cost_ms.mean()), 3),
            "p50": round(float(np.median(cost_ms)), 3),
            "p95": round(float(np.percentile(cost_ms, 95)), 3),
        },
        "missed": [
            {"scenario": each.scenario, "seed": each.seed, "state": stretch.state}
            for each in watched
            for stretch in each.evaluation.stretches
            if stretch.after_s is None
        ],
        "false": [
            {"scenario": each.scenario, "seed": each.seed, "state": alarm.hazard.value,
             "frame": alarm.frame, "alarm": alarm.under}
            for each in watched
            for alarm in each.evaluation.false_alarms
        ],
    }  # fmt: skip


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{report['machine']['processor']}, load {report['machine']['load_1min']}; "
        f"{report['renderer']}, {report['fps']:g} frames/s, seeds {report['seeds'][0]} to "
        f"{report['seeds'][1]}, {'with' if report['marks'] else 'without'} skirt marks"
    )
    table = Table(title="alerts of the line's monitors", title_justify="left")
    for column in ("scenario", "runs", "belt, h", "state", "found", "s to the alert p50", "p95",
                   "max", "false"):  # fmt: skip
        table.add_column(column, justify="left" if column in {"scenario", "state"} else "right")
    for name, row in report["scenarios"].items():
        lead = (name, str(row["runs"]), f"{row['belt_h']:.3f}")
        for state in STATES:
            mine, after = row["states"][state], row["states"][state]["told_after_s"]
            false = row["false_alarms"].get(state, {"count": 0})["count"]
            if not (mine["recall"]["total"] or false):
                continue
            table.add_row(
                *lead,
                state,
                share_text(mine["recall"]) if mine["recall"]["total"] else "none occurred",
                *(f"{after[at]:.1f}" if after["n"] else "" for at in ("p50", "p95", "max")),
                str(false),
            )
            lead = ("", "", "")
        if lead[0]:
            table.add_row(*lead, "none, and no alert", "", "", "", "", "0")
    console.print(table)
    console.print(targets_table(list(state_targets(report["states"]))), markup=False)
    if report["quiet"]["belt_h"]:
        false = rate_text(report["quiet"]["false_alarms"]["all"])
        console.print(f"on {', '.join(QUIET)}, if run: {false} false")
    cost = report["monitor_ms"]
    console.print(
        f"monitor: {cost['mean']:.2f} ms of CPU per frame (p50 {cost['p50']:.2f}, p95 "
        f"{cost['p95']:.2f}), of {cost['frames']} frames"
    )
    for title in ("missed", "false"):
        if report[title]:
            listed = "; ".join(" ".join(map(str, each.values())) for each in report[title])
            console.print(f"{title}: {listed}", markup=False)
