"""`vigitri bench strips`: savings and costs of inference on new strips only.

The same simulated belt at several speeds, each frame processed by two pipelines in turn, with one
engine: one runs inference on the whole view of every frame, the other on strips. Only the line's
`[view]` differs. CPU time is that of the process, in `Pipeline.see` alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.footage import SCENARIOS, Footage, profile_of, simulated
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.accuracy.tally import share
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from detector.cli_support.progress import progress_bar
from detector.ingest import Frame
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import DEPLOYED_MODEL, LineProfile
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.detections import Detections
from detector.vision.engine import Engine, PreparingEngine
from detector.vision.engines import open_engine, open_verifier
from detector.vision.verifier import Verifier
from detector.wire.messages import Alert, Revision

SPEEDS_MM_S = (300.0, 500.0, 1000.0, 2500.0)
SCENARIO = "mixed"
WATCHED_MM = 1200.0
"""Watched length of belt, about all that the scenarios' camera sees. The cost of whole frames is
proportional to it; with strips only the belt view's cost grows with it."""


@dataclass
class PipelineRun:
    """One pipeline on one piece of footage, with its cost."""

    pipeline: Pipeline
    ground: LineGroundTruth
    pixels: _CountedPixels
    frames: int = 0
    cpu_s: float = 0.0
    alerts: list[Alert] = field(default_factory=list)
    alert_ms: list[float] = field(default_factory=list)
    """Processing time of each frame that raised an alert, per alert."""

    def process(self, frame: Frame) -> None:
        cpu_s, started_s = time.process_time(), time.perf_counter()
        alerts = self.pipeline.process(frame).alerts
        took_ms = (time.perf_counter() - started_s) * 1000
        self.frames += 1
        if self.frames > 1:  # the first one includes the engine's warm-up
            self.cpu_s += time.process_time() - cpu_s
        self.alerts += alerts
        self.alert_ms += [took_ms for each in alerts if each.kind is Revision.RAISED]

    def figures(self) -> dict[str, Any]:
        evaluation = match_alerts(self.alerts, self.ground)
        positions_mm = self.ground.truth.positions_mm
        metres = float(positions_mm[-1] - positions_mm[0]) / 1000
        counted = evaluation.counted()
        return {
            "metres": round(metres, 2),
            "frames": self.frames,
            "passes": self.pipeline.inferences,
            "cpu_s_per_m": round(self.cpu_s / metres, 4),
            "megapixels_per_m": round(self.pixels.seen / 1e6 / metres, 3),
            "recall": share(sum(each.found is not None for each in counted), len(counted)),
            "found": sorted(each.passage.id for each in counted if each.found is not None),
            "false_alarms": len(evaluation.false_alarms),
            "duplicates": sum(len(each.duplicates) for each in evaluation.events),
            "whole_to_alert_s": _spread(_waits(evaluation)),
            "capture_to_alert_ms": _spread(self.alert_ms),
        }


class _CountedPixels:
    """The shared engine, with a count of the pixels that one pipeline passed to it."""

    def __init__(self, engine: Engine) -> None:
        self.card = engine.card
        self.seen = 0
        self._engine = engine
        if isinstance(engine, PreparingEngine):
            self.sizes_most = engine.sizes_most

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        if isinstance(self._engine, PreparingEngine):
            self._engine.prepare(sizes_px)

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        self.seen += image.shape[0] * image.shape[1]
        return self._engine.detect(image, min_score)


def run(
    out: Path | None,
    *,
    model_name: str = DEPLOYED_MODEL,
    scenario: str = SCENARIO,
    speeds_mm_s: Sequence[float] = SPEEDS_MM_S,
    metres: float = 20.0,
    hazards_per_m: float = 2.0,
    fps: float | None = None,
    view: dict[str, Any] | None = None,
    traced: Path | None = None,
    watched_mm: float = WATCHED_MM,
    threads: int = 1,
    as_json: bool = False,
) -> None:
    """Measure, print, write.

    view: keys of the profile's `[view]` that override its defaults. watched_mm: watched length of
    belt. Raises one-line errors for input that cannot be measured.
    """
    model = find_model(model_name)
    choice = (
        LineProfile.model_fields["model"]
        .get_default()
        .model_copy(update={"name": model_name, "threads": threads})
    )
    engine, verifier = open_engine(model, choice), open_verifier(model, choice)
    rows = []
    for number, speed in enumerate(speeds_mm_s, start=1):
        name = f"{number}/{len(speeds_mm_s)} {speed / 1000:g} m/s"
        with progress_bar(name) as advance:
            footage = _footage(scenario, speed, metres, hazards_per_m, fps=fps, traced=traced)
            profile = profile_of(footage.truth, None, watched_mm=watched_mm)
            row = _compared(footage, profile, model, engine, view or {}, advance, verifier=verifier)
            rows.append({"speed_mm_s": speed, "fps": footage.truth.fps} | row)
    report = {
        "machine": machine(),
        "model": model.card.name,
        "engine": type(engine).__name__,
        "scenario": scenario,
        "renderer": "drawn" if traced is None else "traced",
        "view": view or {},
        "watched_mm": watched_mm,
        "rows": rows,
    }
    write_report(report, out, _print, as_json=as_json)


def _footage(
    scenario: str,
    speed_mm_s: float,
    metres: float,
    hazards_per_m: float,
    *,
    fps: float | None,
    traced: Path | None,
) -> Footage:
    """The same length of belt at each speed; if path-traced, the same belt."""
    from twin.line.scenario import find, load

    changes: dict[tuple[str, ...], object] = {
        ("belt", "speed_mm_s"): speed_mm_s,
        ("duration_s",): metres * 1000 / speed_mm_s,
        ("camera", "fps"): fps,
        ("camera", "shutter_ms"): min(4.0, 2000 / speed_mm_s),  # 2 mm of blur
        ("mix", "hazards_per_m"): hazards_per_m,
        ("renderer",): None if traced is None else "traced",
    }
    plan = load(find(scenario), changes)
    return simulated(plan, f"{scenario} at {speed_mm_s:g} mm/s", traced or SCENARIOS)


def _compared(  # noqa: PLR0917
    footage: Footage,
    profile: LineProfile,
    model: ModelFolder,
    engine: Engine,
    view: dict[str, Any],
    advance: Callable[[int, int | None], None],
    *,
    verifier: Verifier | None = None,
) -> dict[str, Any]:
    profiles = {
        name: profile.model_copy(
            update={"view": type(profile.view).model_validate({**view, "strips": strips})}
        )
        for name, strips in (("whole", False), ("strips", True))
    }
    watching = {
        name: _watching(each, footage, model, engine, verifier) for name, each in profiles.items()
    }
    for done, frame in enumerate(footage.frames(), start=1):
        for each in watching.values():
            each.process(frame)
        advance(done, len(footage.evaluated))
    figures: dict[str, Any] = {name: each.figures() for name, each in watching.items()}
    whole, strips = figures["whole"], figures["strips"]
    figures["cpu_ratio"] = round(strips["cpu_s_per_m"] / whole["cpu_s_per_m"], 4)
    figures["recall_points"] = round(
        100 * ((strips["recall"]["share"] or 0) - (whole["recall"]["share"] or 0)), 2
    )
    return figures


def _watching(
    profile: LineProfile,
    footage: Footage,
    model: ModelFolder,
    engine: Engine,
    verifier: Verifier | None,
) -> PipelineRun:
    pixels = _CountedPixels(engine)
    pipeline = Pipeline(Line(profile, model, pixels, "bench", verifier))
    return PipelineRun(pipeline, LineGroundTruth(footage.truth, profile), pixels)


def _waits(evaluation: Evaluation) -> list[float]:
    return [each.found.after_whole_s for each in evaluation.counted() if each.found is not None]


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    at = np.percentile(values, [50, 95, 100]).round(3).tolist()
    return dict(zip(("p50", "p95", "max"), at, strict=True))


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(
        f"{report['machine']['processor']}, load {report['machine']['load_1min']}; "
        f"{report['model']} in {report['engine']}; {report['scenario']}, {report['renderer']}"
    )
    table = Table(title="whole frames and strips", title_justify="left")
    for column in ("m/s", "inference on", "passes", "Mpx/m", "CPU s/m", "ratio", "recall", "false",
                   "whole → alert, s p50", "p95", "frame → alert, ms p50", "p95"):  # fmt: skip
        table.add_column(column, justify="left" if column == "inference on" else "right")
    for row in report["rows"]:
        for name in ("whole", "strips"):
            mine, found = row[name], row[name]["recall"]
            waited, latency = mine["whole_to_alert_s"], mine["capture_to_alert_ms"]
            table.add_row(
                f"{row['speed_mm_s'] / 1000:g}" if name == "whole" else "",
                name,
                str(mine["passes"]),
                f"{mine['megapixels_per_m']:.2f}",
                f"{mine['cpu_s_per_m']:.3f}",
                "" if name == "whole" else f"{row['cpu_ratio']:.2f}",
                f"{found['right']} of {found['total']}",
                str(mine["false_alarms"]),
                *(f"{waited.get(at, float('nan')):.2f}" for at in ("p50", "p95")),
                *(f"{latency.get(at, float('nan')):.0f}" for at in ("p50", "p95")),
            )
    console.print(table)
