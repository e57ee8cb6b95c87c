"""`vigitri bench cost`: CPU time per metre of belt, of this checkout beside another one.

Each clip goes through `vigitri replay` of both checkouts in turn, in processes of their own, with
the models, scales and thresholds that each has by default; the line is the same. Two costs that do
not depend on the belt are measured in the same way and subtracted: the start, by a replay of one
frame, and the decoding. What is left is compared as a ratio, repetition by repetition.

The stages are those of this checkout's pipeline, in CPU time of all threads of this process.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.footage import Footage, open_footage, profile_of
from benchmarks.accuracy.ground_truth import GroundTruthError
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.accuracy.tally import share
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from benchmarks.speed.replay_process import ROOT, ReplayRun, decode_in, replay_in
from benchmarks.speed.stage_cost import stage_cost
from detector.cli_support.progress import progress_bar
from detector.profile.line import LineProfile

WATCHED_MM = 1200.0
HERE, BESIDE = "here", "beside"


@dataclass(frozen=True, slots=True)
class Clip:
    """A rendered clip, and the line that watches it."""

    video: Path
    footage: Footage
    line: LineProfile
    profile: Path
    """What both checkouts read: the keys that any of them knows."""
    first_frame: Path
    """One frame, for a replay that costs its start alone."""

    @property
    def metres(self) -> float:
        positions_mm = self.footage.truth.positions_mm
        return float(positions_mm[-1] - positions_mm[0]) / 1000


def run(
    sources: Sequence[str],
    out: Path | None,
    *,
    beside: Path | None = None,
    repeats: int = 3,
    watched_mm: float = WATCHED_MM,
    threads: int = 1,
    as_json: bool = False,
) -> None:
    """Measure, print, write.

    beside: another checkout, whose virtual environment is in its `.venv`. Raises one-line errors
    for input that cannot be measured.
    """
    checkouts = {HERE: ROOT} | ({} if beside is None else {BESIDE: beside.resolve()})
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, progress_bar("replaying") as advance:
        clips = [
            open_clip(source, Path(folder) / str(number), watched_mm, threads)
            for number, source in enumerate(sources)
        ]
        for number, clip in enumerate(clips):
            rows.append(_measured(clip, checkouts, repeats))
            rows[-1]["stages"] = stage_cost(clip.footage, clip.line)
            advance(number + 1, len(clips))
    report = {
        "machine": machine(),
        "commits": {name: _commit(each) for name, each in checkouts.items()},
        "watched_mm": watched_mm,
        "threads": threads,
        "repeats": repeats,
        "clips": rows,
        "all": _summed(rows),
    }
    write_report(report, out, _print, as_json=as_json)


def open_clip(source: str, folder: Path, watched_mm: float, threads: int) -> Clip:
    """A rendered clip, with a line in `folder`, which is made. Raises `GroundTruthError`."""
    footage = open_footage(source)
    video = _video(Path(source), footage)
    folder.mkdir()
    empty = footage.empty_belt(folder)
    line = profile_of(footage.truth, empty, watched_mm=watched_mm)
    line = line.model_copy(update={"model": line.model.model_copy(update={"threads": threads})})
    profile = folder / "line.toml"
    profile.write_text(_toml(line, video, threads), encoding="utf-8")
    first = folder / "first" / "0.png"
    first.parent.mkdir()
    cv2.imwrite(str(first), next(iter(footage.images([0]))))
    return Clip(video, footage, line, profile, first.parent)


def _video(source: Path, footage: Footage) -> Path:
    path = source / footage.truth.header["clip"] if source.is_dir() else source
    if not path.is_file() or path.suffix == ".toml":
        raise GroundTruthError(
            f"{source}: is no rendered clip. Render one: vigitri twin render SCENARIO -o DIR"
        )
    return path.resolve()


def _toml(line: LineProfile, video: Path, threads: int) -> str:
    """A profile without the keys that an older checkout may not know."""
    belt, empty = line.belt, line.overload.empty_belt
    rows = [
        'line = "cost"',
        f"[camera]\nsource = {json.dumps(str(video))}",
        f'[belt]\npolygon_px = {_list(belt.polygon_px)}\ntravel = "{belt.travel}"',
        *([] if belt.speed_mm_s is None else [f"speed_mm_s = {belt.speed_mm_s:g}"]),
        "points = ["
        + ", ".join(f"{{ px = {list(p.px)}, mm = {list(p.mm)} }}" for p in belt.points)
        + "]",
        f"[model]\nthreads = {threads}",
        *([] if empty is None else [f"[overload]\nempty_belt = {json.dumps(str(empty))}"]),
        *(
            f"[[action_points]]\nname = {json.dumps(p.name)}\ny_mm = {p.y_mm:g}\n"
            f"acting_ms = {p.acting_ms:g}"
            for p in line.action_points
        ),
    ]
    return "\n".join(rows) + "\n"


def _list(points: Sequence[Sequence[float]]) -> str:
    return str([list(each) for each in points])


def _measured(clip: Clip, checkouts: dict[str, Path], repeats: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    last: dict[str, ReplayRun] = {}
    decoding_s: list[float] = []
    for repeat in range(repeats):
        order = list(checkouts.items())
        for name, checkout in order if repeat % 2 == 0 else order[::-1]:
            start = replay_in(checkout, clip.first_frame, clip.profile)
            decoding = decode_in(checkout, clip.video)
            whole = last[name] = replay_in(checkout, clip.video, clip.profile)
            idle = decode_in(checkout, clip.first_frame)
            decode_s = decoding.cpu_s - idle.cpu_s
            decoding_s.append(decode_s)
            runs[name].append(
                {
                    "cpu_s_per_m": (whole.cpu_s - start.cpu_s - decode_s) / clip.metres,
                    "start_cpu_s": start.cpu_s,
                    "peak_mib": whole.peak_mib,
                }
            )
    row: dict[str, Any] = {
        "clip": clip.footage.name,
        "metres": round(clip.metres, 2),
        "frames": len(clip.footage.truth.frames),
        "decoding_cpu_s_per_m": round(median(decoding_s) / clip.metres, 4),
    }
    ground = LineGroundTruth(clip.footage.truth, clip.line)
    for name, measured in runs.items():
        row[name] = {
            key: round(median(each[key] for each in measured), 4) for key in measured[0]
        } | events_of(match_alerts(last[name].alerts, ground))
    if BESIDE in runs:
        pairs = zip(runs[HERE], runs[BESIDE], strict=True)
        ratios = [one["cpu_s_per_m"] / other["cpu_s_per_m"] for one, other in pairs]
        row["cpu_ratios"] = [round(each, 4) for each in ratios]
        row["cpu_ratio"] = round(median(ratios), 4)
    return row


def events_of(evaluation: Evaluation) -> dict[str, Any]:
    """The ids of the hazards that count and of those found, and how many alarms were false."""
    counted = evaluation.counted()
    return {
        "hazards": sorted(each.passage.id for each in counted),
        "found": sorted(each.passage.id for each in counted if each.found is not None),
        "false_alarms": sum(each.box_px is not None for each in evaluation.false_alarms),
        "duplicates": sum(len(each.duplicates) for each in evaluation.events),
    }


def _summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over all clips: cost by metres, events added up and compared hazard by hazard."""
    metres = sum(row["metres"] for row in rows)
    summed: dict[str, Any] = {"metres": round(metres, 2)}
    for name in (HERE, BESIDE):
        mine = [row for row in rows if name in row]
        if not mine:
            continue
        cpu_s = sum(row[name]["cpu_s_per_m"] * row["metres"] for row in mine)
        hazards = sum(len(row[name]["hazards"]) for row in mine)
        found = sum(len(row[name]["found"]) for row in mine)
        summed[name] = {
            "cpu_s_per_m": round(cpu_s / metres, 4),
            "recall": share(found, hazards),
            "false_alarms": sum(row[name]["false_alarms"] for row in mine),
        }
    if BESIDE in summed:
        summed["cpu_ratio"] = round(summed[HERE]["cpu_s_per_m"] / summed[BESIDE]["cpu_s_per_m"], 4)
        pairs = [(set(row[HERE]["found"]), set(row[BESIDE]["found"])) for row in rows]
        summed["found"] = paired(
            both=sum(len(one & other) for one, other in pairs),
            only_here=sum(len(one - other) for one, other in pairs),
            only_beside=sum(len(other - one) for one, other in pairs),
            total=summed[HERE]["recall"]["total"],
        )
    return summed


def paired(*, both: int, only_here: int, only_beside: int, total: int) -> dict[str, Any]:
    """Difference of two recalls on the same hazards, in points, with its 95 % interval (normal
    approximation on the discordant pairs, with one added to each kind)."""
    changed, gained = only_here + only_beside + 2, only_here - only_beside
    half = 1.96 * math.sqrt(max(0.0, changed - gained**2 / max(1, total)))
    points = [100 * each / max(1, total) for each in (gained, gained - half, gained + half)]
    return {
        "both": both,
        "only_here": only_here,
        "only_beside": only_beside,
        "points": [round(each, 2) for each in points],
    }


def _commit(checkout: Path) -> str:
    """The commit of a checkout; empty: it is not one of git."""
    head = checkout / ".git"
    if head.is_file():
        head = Path(head.read_text(encoding="utf-8").partition(":")[2].strip())
    try:
        text = (head / "HEAD").read_text(encoding="utf-8").strip()
        if not text.startswith("ref: "):
            return text[:12]
        common = head / "commondir"
        base = head / common.read_text(encoding="utf-8").strip() if common.is_file() else head
        return (base / text[5:]).read_text(encoding="utf-8").strip()[:12]
    except OSError:
        return ""


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    load = report["machine"]["load_1min"]
    console.print(f"{report['machine']['processor']}, load {load}; {report['repeats']} repetitions")
    table = Table(title="CPU time per metre of belt, without start and decoding")
    for column in ("clip", "m", "checkout", "CPU s/m", "ratio", "found", "false", "peak MiB",
                   "decoding, s/m"):  # fmt: skip
        table.add_column(column, justify="left" if column in {"clip", "checkout"} else "right")
    for row in report["clips"]:
        for name in (HERE, BESIDE):
            if name not in row:
                continue
            mine = row[name]
            table.add_row(
                row["clip"] if name == HERE else "",
                f"{row['metres']:.1f}" if name == HERE else "",
                name,
                f"{mine['cpu_s_per_m']:.3f}",
                f"{row['cpu_ratio']:.2f}" if name == HERE and "cpu_ratio" in row else "",
                f"{len(mine['found'])} of {len(mine['hazards'])}",
                str(mine["false_alarms"]),
                f"{mine['peak_mib']:.0f}",
                f"{row['decoding_cpu_s_per_m']:.3f}" if name == HERE else "",
            )
    console.print(table)
    stages = Table(title="this checkout by stage")
    names = list(report["clips"][0]["stages"]["cpu_s_per_m"])
    for column in ("clip", "passes/m", "Mpx/m", "crops/m", *(f"{each}, s/m" for each in names)):
        stages.add_column(column, justify="left" if column == "clip" else "right")
    for row in report["clips"]:
        mine = row["stages"]
        stages.add_row(
            row["clip"],
            f"{mine['passes_per_m']:.1f}",
            f"{mine['megapixels_per_m']:.2f}",
            f"{mine['crops_per_m']:.1f}",
            *(f"{mine['cpu_s_per_m'][each]:.3f}" for each in names),
        )
    console.print(stages)
    total = report["all"]
    if "found" in total:
        points, low, high = total["found"]["points"]
        console.print(
            f"all: {total['cpu_ratio']:.2f} of its CPU time per metre; recall {points:+.1f} points "
            f"({low:+.1f} to {high:+.1f}); found by both {total['found']['both']}, only here "
            f"{total['found']['only_here']}, only beside {total['found']['only_beside']}",
            markup=False,
        )
