"""The report of `vigitri bench peers`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.peers.contenders import Contender, Measurement, Task
from benchmarks.peers.track_events import alerts_of_tracks, counted
from detector.vision.catalogue import Card
from detector.wire.messages import Alert

REFERENCE = "ultralytics predict", "ultralytics track, ByteTrack"
"""Latency is compared with the first, CPU time with the second, in the same engine."""

_WIDTH = 132


def summary(  # noqa: PLR0917
    contender: Contender,
    runs: Sequence[Measurement],
    truth: GroundTruth,
    ground: LineGroundTruth,
    card: Card,
    task: Task,
) -> dict[str, Any]:
    """The figures of one contender; percentiles are of all rounds together."""
    metres = _metres(truth, task)
    figures = {
        "name": contender.name,
        "engine": contender.engine,
        "versions": runs[0]["versions"],
        "frame_ms": _quantiles([each for run in runs for each in run["frame_ms"]]),
        "pass_ms": _quantiles([each for run in runs for each in run.get("pass_ms", ())]),
        "cpu_s_per_m": [round(run["cpu_s"] / _metres_of(run, truth, metres), 5) for run in runs],
        "rounds_ms": [_quantiles(run["frame_ms"] or run.get("pass_ms", [])) for run in runs],
        "start_s": round(median(run["start_s"] for run in runs), 2),
        "memory_mib": round(max(run["memory_mib"] for run in runs), 1),
        "lacks": contender.lacks,
    }
    return figures | {"events": _events(contender, runs[-1], truth, ground, card, task)}


def _metres(truth: GroundTruth, task: Task) -> float:
    positions = truth.positions_mm
    return float(positions[task["frames"] - 1] - positions[task["warm_up"] - 1]) / 1000


def _metres_of(run: Measurement, truth: GroundTruth, metres: float) -> float:
    """Of a line, that played the whole clip: by its frames, at the belt's mean speed."""
    if "frames" not in run:
        return metres
    positions = truth.positions_mm
    each = float(positions[-1] - positions[0]) / (len(positions) - 1) / 1000
    return run["frames"] * each


def _events(  # noqa: PLR0917
    contender: Contender,
    run: Measurement,
    truth: GroundTruth,
    ground: LineGroundTruth,
    card: Card,
    task: Task,
) -> dict[str, Any] | None:
    """None: it has no tracks."""
    if contender.is_own:
        alerts = [Alert.model_validate(each) for each in run["alerts"]]
    elif contender.tracker is not None:
        width, height = truth.header["size_px"]
        hits = ground.profile.tracking.hits
        alerts = alerts_of_tracks(run["rows"], card, hits, (width, height))
    else:
        return None
    frames = len(truth.frames) if "frames" in run else task["frames"]
    return dict(counted(alerts, ground, frames))


def ratios(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Vigitri over the references, round by round, in each engine: median, least, most."""
    by_name = {(each["name"], each["engine"]): each for each in report["contenders"]}
    found = []
    for (name, engine), mine in by_name.items():
        if not name.startswith("vigitri"):
            continue
        row: dict[str, Any] = {"name": name, "engine": engine}
        peer = by_name.get((REFERENCE[0], engine))
        if peer is not None:
            for quantile in ("p50", "p99"):
                pairs = zip(mine["rounds_ms"], peer["rounds_ms"], strict=True)
                row[f"{quantile}_of_predict"] = _spread(
                    [a[quantile] / b[quantile] for a, b in pairs]
                )
        for reference in REFERENCE:
            peer = by_name.get((reference, engine))
            if peer is not None:
                pairs = zip(mine["cpu_s_per_m"], peer["cpu_s_per_m"], strict=True)
                row[f"cpu_of_{reference.split()[1].rstrip(',')}"] = _spread(
                    [a / b for a, b in pairs]
                )
        found.append(row)
    return found


def _spread(values: Sequence[float]) -> list[float]:
    return [round(each, 3) for each in (median(values), min(values), max(values))]


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    at = np.percentile(values, [50, 99, 100]).round(2).tolist()
    return dict(zip(("p50", "p99", "max"), at, strict=True))


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)  # a pipe has 80, which cuts the names
    machine = report["machine"]
    height, width = report["peers_network_px"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_1min']}; "
        f"{report['model']}, {report['clip']}: {report['frames']} frames, {report['rounds']} "
        f"rounds, {report['threads']} threads; peers' network {width} x {height} px"
    )
    table = Table(title="capture to result, ms, and what it costs", title_justify="left")
    for column in ("contender", "engine", "p50", "p99", "pass p50", "pass p99", "CPU s/m", "MiB",
                   "start s", "found", "false"):  # fmt: skip
        table.add_column(column, justify="left" if column in {"contender", "engine"} else "right")
    for each in report["contenders"]:
        frame, inferred, events = each["frame_ms"], each["pass_ms"], each["events"]
        table.add_row(
            each["name"],
            each["engine"],
            *(f"{frame[at]:.1f}" if frame else "" for at in ("p50", "p99")),
            *(f"{inferred[at]:.1f}" if inferred else "" for at in ("p50", "p99")),
            f"{median(each['cpu_s_per_m']):.3f}",
            f"{each['memory_mib']:.0f}",
            f"{each['start_s']:.1f}",
            f"{events['found']} of {events['hazards']}" if events else "",
            str(events["false_alarms"]) if events else "",
        )
    console.print(table)
    for row in ratios(report):
        for key, (middle, least, most) in list(row.items())[2:]:
            over = key.replace("_of_", " over ultralytics ").replace("_", " ")
            console.print(
                f"{row['name']} ({row['engine']}): {over} {middle:.3f} ({least:.3f} to {most:.3f})"
            )
    for lack in dict.fromkeys(each["lacks"] for each in report["contenders"] if each["lacks"]):
        names = dict.fromkeys(e["name"] for e in report["contenders"] if e["lacks"] == lack)
        console.print(f"{', '.join(names)}: {lack}")
    for name, reason in report["left_out"].items():
        console.print(f"left out: {name}: {reason}")
