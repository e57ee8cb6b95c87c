"""From data to a deployed model folder: build, train, export, evaluate."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from detector.vision.catalogue import write_card
from models.card import evaluated, new_card
from models.data.dataset import build
from models.data.provenance import learned_from
from models.data.sources import Sources, read_sources
from models.data.wide_sources import WideSources, read_wide
from models.evaluation import evaluate
from models.evaluation.image_sets import photo_set
from models.evaluation.thresholds import HOW, operating_thresholds
from models.export.onnx import export_onnx
from models.training.averaging import interpolated
from models.training.mining import error_score
from models.training.recipe import Recipe, StageRecipe, read_recipe
from models.training.restore import STOCK
from models.training.stages import quiet_tools, train_stage
from models.workshop import WorkshopError, progress_on_stderr

RUNS = Path("runs")


def checkpoint(name: str, weights: Path) -> Path:
    """The checkpoint of that name in the folder `weights`, or `weights` itself if it is a file."""
    path = weights / name if weights.is_dir() else weights
    if not path.is_file():
        raise WorkshopError(
            f"{path}: no such checkpoint; the recipe starts from {name}, "
            "give its folder with --weights"
        )
    return path


def _stage_data(
    recipe: Recipe,
    stage: StageRecipe,
    sources: Sources,
    *,
    data: Path,
    runs: Path,
    before: Path,
    renders: Path | None,
    wide: WideSources | None,
    workers: int,
) -> Path:
    """The stage's dataset; a complete one is kept, an interrupted one is resumed."""
    return build(
        stage.data, sources, data, runs / stage.name / "data",
        seed=recipe.seed + recipe.stages.index(stage), image_px=recipe.image_px,
        variants=24 if recipe.image_px > 200 else 1, progress=progress_on_stderr(), workers=workers,
        error_score=lambda: error_score(before, runs / stage.name / "miner"), renders=renders,
        wide=wide if stage.data.is_wide else None,
    )  # fmt: skip


def _wide(recipe: Recipe, data: Path) -> WideSources | None:
    """The parts split by source and place, if a stage needs them."""
    if any(stage.data.is_wide for stage in recipe.stages):
        return read_wide(data, recipe.held_back, held=False)
    return None


def deploy(
    recipe: Recipe, recipe_name: str, weights: Path, data: Path, out: Path, *, scenes: int = 100
) -> dict[str, Any]:
    """Export a checkpoint into `out`, choose its thresholds, evaluate it and write its card.

    Returns the evaluation report.
    """
    export = export_onnx(weights, out, head=recipe.head)
    card = new_card(
        out,
        name=recipe.name,
        version=recipe.version,
        thresholds=(0.4, 0.35),
        head=recipe.head,
        photo_sizes_px=recipe.photo_sizes_px,
        start_from=recipe.start_from,
        recipe=recipe_name,
        data=[*learned_from(recipe, data), f"before: the training data of {recipe.start_from}"],
        architecture=STOCK,
    )
    write_card(out, card)
    results = evaluate.detect_on_sets(
        evaluate.open_model(f"{out.resolve()}/"), data, recipe.held_back, scenes
    )
    thresholds = operating_thresholds(results, recipe.photo_sizes_px)
    report = evaluate.build_report(recipe.name, results, thresholds)
    metrics = {
        "how": evaluate.HOW,
        "thresholds": HOW,
        "export": export.metrics(),
        **evaluate.for_card(report, photo_set(recipe.photo_sizes_px)),
    }
    write_card(out, evaluated(card, thresholds, metrics))
    return report


def build_data(
    recipe: Path,
    data: Path,
    out: Path,
    *,
    stage: str | None = None,
    renders: Path | None = None,
    weights: Path | None = None,
    workers: int = 2,
) -> list[Path]:
    """Make the training images of a recipe's stages, each in `out/<stage>`; returns their YAMLs.

    Complete stages are kept, so an interrupted run resumes. weights: a checkpoint for mining hard
    examples; None: no mining.
    """
    plan = read_recipe(recipe)
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    names = [each.name for each in plan.stages]
    if stage is not None and stage not in names:
        raise WorkshopError(f"{recipe}: no stage {stage!r}; stages: {', '.join(names)}")
    sources = read_sources(data, plan.held_back, held=False, leave_out=plan.leave_out)
    wide = _wide(plan, data)
    made = []
    for each in plan.stages:
        if stage not in (None, each.name):
            continue
        yaml = build(
            each.data, sources, data, out / each.name,
            seed=plan.seed + names.index(each.name), image_px=plan.image_px,
            progress=progress_on_stderr(),
            workers=workers, renders=renders,
            error_score=(lambda: error_score(weights, out / "miner")) if weights else None,
            wide=wide if each.data.is_wide else None,
        )  # fmt: skip
        made.append(yaml)
    return made


def run(
    recipe: Path,
    data: Path,
    weights: Path,
    out: Path,
    *,
    resume: bool = False,
    smoke: bool = False,
    runs: Path = RUNS,
    renders: Path | None = None,
    minutes: float | None = None,
    workers: int = 2,
) -> Path:
    """Build, train every stage, export and evaluate; returns the model folder `out`.

    recipe: a TOML as in models/recipes. data: the data folder. weights: the first checkpoint, or
    its folder. runs: folder for datasets and checkpoints. resume: continue after the last finished
    epoch. renders: output of `vigitri twin cutouts`, for a recipe with a rendered_share, and in its
    folder strips/ traced strips, for one with strip_cuts. smoke: use a few tiny images, to check
    that every step works. minutes: limit of the stages' trainings together. workers: processes that
    make images. Raises `WorkshopError`, one line on what is missing or wrong.
    """
    plan = read_recipe(recipe)
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    before = checkpoint(plan.start_from, weights)
    quiet_tools()
    if smoke:
        plan = plan.shrunk()
    if minutes is not None:
        plan = plan.within(minutes)
    folder = runs / (f"{plan.name}-smoke" if smoke else plan.name)
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(plan.model_dump_json(indent=1))
    sources = read_sources(data, plan.held_back, held=False, leave_out=plan.leave_out)
    wide = _wide(plan, data)
    for stage in plan.stages:
        yaml = _stage_data(
            plan, stage, sources, data=data, runs=folder, before=before, renders=renders, wide=wide,
            workers=workers,
        )  # fmt: skip
        trained = train_stage(plan, stage, before, yaml, folder, resume=resume)
        if stage.reach < 1:
            part = trained.with_name("reached.pt")
            trained = interpolated(before, trained, stage.reach, part, layout=STOCK)
        before = trained
    report = deploy(
        plan, f"models/recipes/{recipe.name}", before, data, out, scenes=4 if smoke else 100
    )
    (folder / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n")
    print(evaluate.table({plan.name: report}), file=sys.stderr)
    return out
