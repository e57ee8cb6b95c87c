"""`vigitri model …`, the part for those who make models: train, export, evaluate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from detector.cli_support.options import (
    INCOMPLETE,
    EngineOption,
)
from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import CATALOGUE
from models.verifier import cli as verifier_cli

Data = Annotated[Path, typer.Option(help="The folder of photographs, cut-outs, belt frames.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")]
Recipe = Annotated[Path, typer.Option(help="What to mix and how long to train.")]
Renders = Annotated[
    Path | None,
    typer.Option(
        help="What `vigitri twin cutouts` wrote, and in its folder strips/, what `vigitri twin "
        "trace` wrote; for a recipe that asks for them."
    ),
]
_FIRST = CATALOGUE / "recipes" / "first.toml"
_EIGHTH = CATALOGUE / "recipes" / "eighth.toml"
_VERIFIER = CATALOGUE / "verifier" / "recipe.toml"
VerifierRecipe = Annotated[Path, typer.Option(help="The verifier's recipe.")]


def add_to(app: typer.Typer) -> None:
    """Give `vigitri model` these commands."""
    app.command("train")(train)
    app.command("pack")(pack)
    app.command("train-packed")(train_packed)
    app.command("build-data")(build_data)
    app.command("export")(export)
    app.command("quantise")(quantise)
    app.command("evaluate")(evaluate)
    app.command("proposals")(proposals)
    app.command("answers")(answers)
    app.add_typer(verifier_cli.app, name="verifier")


def train(
    data: Annotated[Path, typer.Option(help="The folder of photographs, cut-outs, belt frames.")],
    weights: Annotated[Path, typer.Option(help="The checkpoint to start from (.pt).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the run and the model go.")],
    *,
    recipe: Annotated[
        Path | None, typer.Option(help="What to mix and how long to train; without: the first.")
    ] = None,
    renders: Renders = None,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted run.")] = False,
) -> None:
    """Build the dataset, train, export, evaluate and card a model (extra `train`)."""
    from models.training.train import run

    print(run(recipe or _FIRST, data, weights, out, resume=resume, renders=renders))


def pack(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write, .tar.")],
    *,
    renders: Annotated[
        Path | None,
        typer.Option(
            help="Folder of banks (bank*/) that `vigitri twin cutouts` wrote, and of strips "
            "(strips/), of which the objects are packed."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="The detector whose false boxes are mined.")
    ] = DEPLOYED_MODEL,
    verifier_recipe: VerifierRecipe = _VERIFIER,
) -> None:
    """Pack what both trainings need into one file, reduced; training learns from it elsewhere."""
    from models.packed.packing import pack as run

    print(run(data, out, recipe=verifier_recipe, model=model, renders=renders))


def train_packed(
    pack: Annotated[Path, typer.Argument(help="A file of `vigitri model pack`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the run and of the model.")],
    *,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="Limit of both trainings; without: the recipes'.")
    ] = None,
    recipe: Annotated[Path, typer.Option(help="The proposer's recipe.")] = _EIGHTH,
    verifier_recipe: VerifierRecipe = _VERIFIER,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="The proposer's first checkpoint; without: rebuilt from the recipe's model."
        ),
    ] = None,
    smoke: Annotated[bool, typer.Option(help="Every step with a few tiny images.")] = False,
) -> None:
    """Train proposer and verifier from one file, on CUDA, MPS or CPU; goes on if interrupted.

    Needs the extra `train`. The model is in the folder's model/.
    """
    from models.packed.training import train_packed as run

    print(
        run(
            pack, out, recipe=recipe, verifier_recipe=verifier_recipe, weights=weights,
            minutes=minutes, smoke=smoke,
        )
    )  # fmt: skip


def build_data(
    data: Data,
    out: Out,
    *,
    recipe: Recipe = _FIRST,
    stage: Annotated[str | None, typer.Option(help="Only this one; without: all.")] = None,
    renders: Renders = None,
    weights: Annotated[
        Path | None, typer.Option(help="A checkpoint whose false boxes are mined (extra `train`).")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Make a recipe's training images: JPEG, YOLO labels, visibility. Goes on if interrupted."""
    from models.training import train

    for path in train.build_data(
        recipe, data, out, stage=stage, renders=renders, weights=weights, workers=workers
    ):
        print(path)


def export(
    weights: Annotated[Path, typer.Argument(help="A checkpoint (.pt).")],
    out: Out,
    head: Annotated[
        Literal["raw", "end2end"], typer.Option(help="Which of YOLO26's heads.")
    ] = "raw",
) -> None:
    """Make a model folder of a checkpoint, checked against a plain export (extra `train`)."""
    from models.export.onnx import run

    print(run(weights, out, head=head))


def quantise(
    name: Annotated[str, typer.Argument(help="A float model of the catalogue, or its folder.")],
    data: Data,
    out: Out,
    *,
    scenes: Annotated[int, typer.Option(min=1, help="Held-back scenes to measure on.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws the calibration images.")] = 1,
    float_layers: Annotated[
        str | None, typer.Option(help="What stays float, e.g. 0,1,2,15,16,head,attn.")
    ] = None,
) -> None:
    """Put convolutions in 8 bits for OpenVINO; kept only if faster and as good (else exit 1)."""
    from models.export.quantise import FLOAT_LAYERS, run

    layers = FLOAT_LAYERS if float_layers is None else float_layers.split(",")
    against = run(name, data, out, scenes=scenes, seed=seed, float_layers=layers)
    _verdict(against, out, Path("runs") / out.resolve().name / "candidate")


def evaluate(
    name: Annotated[str, typer.Argument(help="A model of the catalogue, or its folder.")],
    data: Data,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write evaluation.json and .md there.")
    ] = None,
    *,
    engine: EngineOption = "auto",
    scenes: Annotated[int, typer.Option(min=1, help="Held-back scenes to measure on.")] = 100,
) -> None:
    """Recall and false boxes per class, size and visibility, with exact intervals."""
    from models.evaluation.evaluate import markdown, run

    print(markdown(run(name, data, out=out, engine=engine, scenes=scenes)), end="")


def proposals(
    names: Annotated[list[str], typer.Argument(help="Models of the catalogue, or folders.")],
    data: Data,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write proposals.json and .md there.")
    ] = None,
    *,
    engine: EngineOption = "auto",
    views: Annotated[int, typer.Option(min=2, help="Metres of composed belt per scale.")] = 80,
    by_condition: Annotated[
        bool,
        typer.Option(help="One hazard per view instead, varying size, blur, light, kind, source."),
    ] = False,
    set_thresholds: Annotated[
        bool, typer.Option(help="Write each card's proposal_threshold instead.")
    ] = False,
) -> None:
    """Recall of hazards at a number of proposals, on held-out sources, models side by side."""
    from models.evaluation import by_condition as conditions
    from models.evaluation import proposal_thresholds
    from models.evaluation.proposals import markdown, run

    if set_thresholds:
        for name in names:
            print(proposal_thresholds.run(name, data, engine=engine))
    elif by_condition:
        for name in names:
            print(conditions.run(name, data, engine=engine), end="")
    else:
        print(markdown(run(names, data, out=out, engine=engine, views=views)), end="")


def adapt_detector(
    answers: Path, data: Path, out: Path, model: str, recipe: Path | None, **options: Any
) -> None:
    """`vigitri model adapt` without --head-only: fine-tune the detector, and exit with 1 if it is
    not deployed, or a part of the answers was left out (extra `train`)."""
    from models.training.adapt import run

    chosen = recipe or CATALOGUE / "recipes" / "adapt.toml"
    verdict = run(answers, data, out, model=model, recipe=chosen, **options)
    _verdict(verdict.against, out, verdict.candidate)
    if verdict.left_out:
        print("vigitri: deployed without what was left out", file=sys.stderr)
        raise typer.Exit(INCOMPLETE)


def answers(
    recipe: Annotated[Path, typer.Argument(help="A recipe that leaves photographs out.")],
    data: Data,
    out: Out,
) -> None:
    """Hand in what a recipe leaves out, as a site would: a YOLO export."""
    from models.data.site_labels import export_left_out

    print(export_left_out(recipe, data, out))


def _verdict(against: Sequence[str], out: Path, candidate: Path) -> None:
    if not against:
        print(out)
        return
    for line in against:
        print(f"vigitri: {line}", file=sys.stderr)
    print(f"vigitri: not deployed; the candidate stays in {candidate}", file=sys.stderr)
    raise typer.Exit(INCOMPLETE)
