"""`vigitri bench peers`: Vigitri beside other detectors, same network, same belt.

Every contender processes the same first frames of one clip in a process of its own; all take turns
in each round. Peers get the part of the image that shows the belt, at the line's scale, so that
their network sees every object as large as Vigitri's does.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tomlkit

from benchmarks.accuracy.footage import Footage, open_footage
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.peers import environments
from benchmarks.peers.contenders import Contender, EngineName, Task, contenders
from benchmarks.peers.network import write_network, write_openvino
from benchmarks.peers.report import print_report, summary
from benchmarks.peers.rounds import needed, run_rounds
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from detector.cli_support.progress import progress_bar
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.engine import engine_threads

LINE = Path(__file__).with_name("line.toml")
WARM_UP_FRAMES = 30


def run(
    line: Path,
    out: Path | None,
    *,
    venv: Path | None,
    frames: int,
    rounds: int,
    threads: int,
    engines: Sequence[EngineName],
    only: Sequence[str],
    as_json: bool,
) -> None:
    """Measure, print, write. Raises one-line errors for what cannot be measured."""
    profile = load_profile(line)
    footage = open_footage(profile.camera.source)
    model = find_model(profile.model.name, profile.model.signed_by)
    frames = min(frames, len(footage.truth.frames))
    chosen = [
        each
        for each in contenders()
        if each.engine in {*engines, "opencv"}
        and (not only or any(word in each.name for word in only))
    ]
    if not chosen:
        names = ", ".join(dict.fromkeys(each.name for each in contenders()))
        raise ValueError(f"--only matches no contender. There are: {names}")
    if venv is not None:
        environments.build(needed(chosen), venv.resolve())
    with TemporaryDirectory() as scratch, progress_bar("peers") as advance:
        tasks = _tasks(
            chosen, line, profile, footage, model, Path(scratch), frames, engine_threads(threads)
        )
        measured, left_out = run_rounds(
            tasks, rounds, None if venv is None else venv.resolve(), advance
        )
        ground = LineGroundTruth(footage.truth, profile)
        task = next(iter(tasks.values()))
        report = {
            "machine": machine(),
            "line": profile.line,
            "model": model.card.name,
            "network_sha256": hashlib.sha256(Path(_network(scratch)).read_bytes()).hexdigest(),
            "clip": footage.name,
            "clip_sha256": footage.sha256,
            "fps": footage.truth.fps,
            "frames": frames,
            "warm_up": task["warm_up"],
            "rounds": rounds,
            "threads": task["threads"],
            "area_px": task["area_px"],
            "peers_network_px": task["size_px"],
            "mm_per_px": profile.view.mm_per_px,
            "contenders": [
                summary(each, runs, footage.truth, ground, model.card, task)
                for each, runs in measured.items()
            ],
            "left_out": left_out,
        }
    write_report(report, out, print_report, as_json=as_json)


def _network(scratch: str | Path) -> str:
    return str(Path(scratch) / "network.onnx")


def _tasks(  # noqa: PLR0917
    chosen: Sequence[Contender],
    line: Path,
    profile: LineProfile,
    footage: Footage,
    model: ModelFolder,
    scratch: Path,
    frames: int,
    threads: int,
) -> dict[Contender, Task]:
    area_px, size_px = peers_view(profile, footage.truth.header["size_px"], model)
    network = write_network(model, size_px, scratch)
    openvino = None
    if any(each.engine == "openvino" and each.environment for each in chosen):
        openvino = write_openvino(network, model, size_px)
    tasks = {}
    for number, each in enumerate(chosen):
        ultralytics_folder = each.engine == "openvino" and each.environment is not None
        tasks[each] = Task(
            peer=each.peer,
            engine=each.engine,
            tracker=each.tracker,
            network=str(openvino if ultralytics_folder else network),
            line=str(_own_line(line, profile, each, threads, scratch)) if each.is_own else "",
            clip=str(Path(profile.camera.source).resolve()),
            frames=frames,
            warm_up=min(WARM_UP_FRAMES, frames // 2),
            area_px=area_px,
            size_px=list(size_px),
            fps=footage.truth.fps,
            threads=threads,
            min_score=min(known.threshold for known in model.card.classes),
            classes=[known.name for known in model.card.classes],
            spawned_ns=0,
            out=str(scratch / f"{number}.json"),
        )
    return tasks


def _own_line(
    line: Path, profile: LineProfile, contender: Contender, threads: int, scratch: Path
) -> Path:
    """The profile with the contender's engine and threads."""
    document = tomlkit.parse(line.read_text(encoding="utf-8"))
    camera, overload = document["camera"], document.get("overload", {})
    camera["source"] = str(Path(profile.camera.source).resolve())
    if profile.overload.empty_belt is not None:
        overload["empty_belt"] = str(profile.overload.empty_belt.resolve())
    chosen = document.setdefault("model", tomlkit.table())
    chosen["name"] = profile.model.name
    chosen["engine"], chosen["threads"] = contender.engine, threads
    document.setdefault("wire", tomlkit.table())["detections"] = True
    file = scratch / f"{contender.peer}-{contender.engine}.toml"
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    return file


def peers_view(
    profile: LineProfile, image_px: Sequence[int], model: ModelFolder
) -> tuple[list[int], tuple[int, int]]:
    """The belt in the image, x0, y0, x1, y1, and height and width of the network for it.

    The network's scale is the line's `view.mm_per_px` between its first two points, to the nearest
    whole cell.
    """
    corners = np.array(profile.belt.polygon_px, np.float64)
    limit = np.array(image_px, np.float64)
    low = np.floor(corners.min(axis=0).clip(0, limit)).astype(int)
    high = np.ceil(corners.max(axis=0).clip(0, limit)).astype(int)
    points = [(each.px, each.mm) for each in profile.belt.points]
    (a_px, a_mm), (b_px, b_mm) = points[0], points[1]
    mm_in_a_px = math.dist(a_mm, b_mm) / math.dist(a_px, b_px)
    scale = mm_in_a_px / profile.view.mm_per_px
    stride = model.card.input.stride
    width, height = (round(side * scale / stride) * stride for side in (high - low).tolist())
    return [*low.tolist(), *high.tolist()], (height, width)
