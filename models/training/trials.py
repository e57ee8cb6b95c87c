"""Architectures side by side: the same short training, then what each finds and what a look costs.

It ranks and no more: all of them train on the same pictures, as often and in the same order, much
shorter than a model for a line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from detector.vision.engine import Engine
from models.card import Card, write_card
from models.data.dataset import build
from models.data.sources import CLASS_NAMES, read_sources
from models.errors import WorkshopError
from models.evaluation import evaluate
from models.evaluation.picture_sets import BELT_SCALE, at_belts, at_photographs
from models.export.onnx import export_onnx
from models.export.quantise import calibration_pictures
from models.export.timing import TIMED_PX, median_ms, per_quarter_megapixel
from models.progress import told
from models.training.architectures import STOCK, shipped
from models.training.recipe import Recipe, read_recipe
from models.training.stages import quiet_tools, train_stage
from models.training.train import RUNS, checkpoint
from models.training.transfer import start_checkpoint

_SETS = (BELT_SCALE, "scenes")
_SMALL = "25 to 50 px"
_THRESHOLDS = (0.4, 0.35)  # of no account: recalls are told at rates of false boxes
HOW = (
    "IoU 0.5. In each cell AP50, then recall where 0.2 and where 0.05 false boxes are drawn per "
    "picture. ms: per 0.25 megapixel, batch 1, two threads, a line's own choice of engine, median "
    f"of 40 looks at {TIMED_PX[0]} x {TIMED_PX[1]}, architectures interleaved. CPU: time of both "
    "threads, of the first architecture's; other work on the machine does not count in it"
)


@dataclass(frozen=True)
class Trial:
    """What came of one architecture. sets: as in a report of `models.evaluation.evaluate`.

    ms: wall clock, cpu_ms: of all threads, both per 0.25 megapixel.
    """

    architecture: str
    parameters: int
    ms: float
    cpu_ms: float
    sets: dict[str, Any]


def run(
    recipe: Path,
    data: Path,
    weights: Path,
    out: Path,
    architectures: Sequence[str] | None = None,
    *,
    scenes: int = 100,
    resume: bool = False,
    smoke: bool = False,
    runs: Path = RUNS,
    renders: Path | None = None,
) -> list[Trial]:
    """Train, export, measure and time each architecture; writes `out/architectures.md` and `.json`.

    architectures: names, each with the checkpoint that its weights come from where that is not the
    recipe's, `yolo11n=yolo11n_coco.pt`; without, yolo26n and all that the workshop ships. The
    recipe's stages are trained one after another, without hard negatives, which would be others for
    each. resume: what has finished is kept.
    Raises `WorkshopError` with one line on what is missing or wrong.
    """
    plan = read_recipe(recipe)
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    chosen = {
        name: checkpoint(source or plan.start_from, weights)
        for name, _, source in (
            each.partition("=") for each in architectures or (STOCK, *shipped())
        )
    }
    quiet_tools()
    if smoke:
        plan, scenes = plan.shrunk(), 4
    folder = runs / (f"{plan.name}-smoke" if smoke else plan.name)
    yamls = _datasets(plan, data, folder / "data", renders)
    pictures = calibration_pictures(data, plan.held_back, 12, plan.seed)
    engines: dict[str, Engine] = {}
    for name, source in chosen.items():
        at = folder / name
        last = at / "start.pt"
        if not (resume and last.is_file()):
            start_checkpoint(name, source, last, pictures)
        for stage, yaml in zip(plan.stages, yamls, strict=True):
            last = train_stage(plan, stage, last, yaml, at, resume=resume)
        engines[name] = _exported(plan, name, source.name, last, at / "model", resume=resume)
    rounds = 4 if smoke else 40
    ms, cpu_ms = (median_ms(engines, rounds, clock) for clock in (perf_counter, process_time))
    trials = [
        Trial(
            name,
            _parameters(folder / name / "model" / "model.onnx"),
            per_quarter_megapixel(ms[name]),
            per_quarter_megapixel(cpu_ms[name]),
            _seen(plan, name, folder / name / "model", data, scenes),
        )
        for name in chosen
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "architectures.md").write_text(table(trials) + f"\n\n{HOW}.\n")
    document = {"how": HOW, "trials": [vars(trial) for trial in trials]}
    (out / "architectures.json").write_text(json.dumps(document, indent=1) + "\n")
    return trials


def _datasets(plan: Recipe, data: Path, folder: Path, renders: Path | None) -> list[Path]:
    sources = read_sources(data, plan.held_back, held=False, leave_out=plan.leave_out)
    return [
        build(
            stage.data, sources, data, folder / stage.name, seed=plan.seed + number,
            image_px=plan.image_px, variants=24 if plan.image_px > 200 else 1, tell=told(),
            renders=renders,
        )
        for number, stage in enumerate(plan.stages)
    ]  # fmt: skip


def _exported(
    plan: Recipe, name: str, source: str, last: Path, folder: Path, *, resume: bool
) -> Engine:
    """The model folder at work in the engine that a line would use."""
    if not (resume and (folder / "card.toml").is_file()):
        export_onnx(last, folder, rounds=1)
        card = Card(
            name=name, version=1, thresholds=_THRESHOLDS, start_from=source, recipe=plan.name,
            data=("a trial of architectures, not for a line",), facts={"architecture": name},
        )  # fmt: skip
        write_card(folder, card)
    return evaluate.opened(f"{folder.resolve()}/", "auto")


def _parameters(model: Path) -> int:
    """Weights in a graph; batch norms are folded away."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(model)).graph
    return sum(numpy_helper.to_array(each).size for each in graph.initializer)


def _seen(plan: Recipe, name: str, folder: Path, data: Path, scenes: int) -> dict[str, Any]:
    engine = evaluate.opened(f"{folder.resolve()}/")
    looks = at_photographs(engine, data, ()) | at_belts(engine, data, plan.held_back, scenes)
    sets: dict[str, Any] = evaluate.judge(name, looks, _THRESHOLDS)["sets"]
    return sets


def table(trials: Sequence[Trial]) -> str:
    """A row for each architecture, as Markdown."""
    first = trials[0]
    heads = [
        f"{key}, {label} ({first.sets[key][label]['boxes']})"
        for key in _SETS for label in CLASS_NAMES
    ]  # fmt: skip
    heads.append(f"scenes, batteries of {_SMALL}: recall at 0.2 false")
    lines = [
        "| architecture | weights | ms | CPU | " + " | ".join(heads) + " |",
        "|---" * (4 + len(heads)) + "|",
    ]
    for each in trials:
        cells = [each.architecture, f"{each.parameters / 1e6:.2f} M", f"{each.ms:.1f}"]
        cells += [f"{each.cpu_ms / first.cpu_ms:.2f}"]
        cells += [_cell(each.sets[key][label]) for key in _SETS for label in CLASS_NAMES]
        small = each.sets["scenes"][CLASS_NAMES[1]].get("of", {}).get(_SMALL)
        cells.append(f"{small['recall_at_0.2'][0]:.2f} ({small['boxes']})" if small else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    if "ap50" not in row:
        return ""
    recalls = (row[f"recall_at_{budget}"][0] for budget in evaluate.BUDGETS)
    return ", ".join(f"{value:.2f}" for value in (row["ap50"], *recalls))
