"""`vigitri model …`: list, check and train models; all but `list` and `check` need a checkout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.commands.options import (
    INCOMPLETE,
    EngineName,
    Json,
    from_checkout,
    one_line_for,
)
from detector.profile.line import DEPLOYED_MODEL, ModelChoice
from detector.vision.catalogue import CATALOGUE

Data = Annotated[Path, typer.Option(help="Data folder of photographs, cut-outs and belt frames.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")]
Recipe = Annotated[
    Path, typer.Option(help="Training recipe: mixture of the data, and training length.")
]
Renders = Annotated[
    Path | None,
    typer.Option(
        help="Folder of `vigitri twin cutouts`, with the output of `vigitri twin trace` in its "
        "strips/; for recipes that use them."
    ),
]
Scenes = Annotated[int, typer.Option(min=1, help="Number of held-back scenes to evaluate on.")]
Resume = Annotated[bool, typer.Option(help="Resume an interrupted run.")]
_FIRST = CATALOGUE / "recipes" / "first.toml"


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri model`."""
    app.command("list")(list_models)
    app.command("check")(check)
    app.command("train")(train)
    app.command("build-data")(build_data)
    app.command("export")(export)
    app.command("quantise")(quantise)
    app.command("evaluate")(evaluate)
    app.command("adapt")(adapt)
    app.command("answers")(answers)
    app.command("compare")(compare)


def list_models(as_json: Json = False) -> None:
    """List the models of the catalogue."""
    from detector.commands.models import list_models

    list_models(as_json=as_json)


def check(
    name: Annotated[str, typer.Argument(help="Model name or folder.")] = DEPLOYED_MODEL,
    engine: EngineName = "auto",
) -> None:
    """Check a model's hashes, inputs, outputs and classes."""
    from detector.commands.models import check_model

    check_model(name, ModelChoice(engine=engine))


def train(
    data: Data,
    weights: Annotated[Path, typer.Option(help="Checkpoint to start from (.pt).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the run and the model.")],
    *,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Training recipe; default: models/recipes/first.toml."),
    ] = None,
    renders: Renders = None,
    resume: Resume = False,
) -> None:
    """Train a model by a recipe (extra `train`).

    Builds the dataset, trains, exports and evaluates the model, and writes its card.
    """
    trainer, errors = from_checkout("models.training.train"), from_checkout("models.errors")
    first = CATALOGUE / "recipes" / "first.toml"
    with one_line_for(errors.WorkshopError):
        print(trainer.run(recipe or first, data, weights, out, resume=resume, renders=renders))


def build_data(
    data: Data,
    out: Out,
    *,
    recipe: Recipe = _FIRST,
    stage: Annotated[
        str | None, typer.Option(help="Build only this stage; default: all stages.")
    ] = None,
    renders: Renders = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Checkpoint whose false detections are mined (extra `train`)."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 2,
) -> None:
    """Build the training data of a recipe.

    Training images, YOLO labels and visibilities. An interrupted build is resumed.
    """
    for path in _workshop(
        "training.train", "build_data", recipe, data, out,
        stage=stage, renders=renders, weights=weights, workers=workers,
    ):  # fmt: skip
        print(path)


def export(
    weights: Annotated[Path, typer.Argument(help="Checkpoint (.pt).")],
    out: Out,
    head: Annotated[str, typer.Option(help="The YOLO26 head to export: raw or end2end.")] = "raw",
) -> None:
    """Export a checkpoint as a model folder (extra `train`).

    The result is verified with a plain export.
    """
    if head not in ("raw", "end2end"):
        raise typer.BadParameter(f"{head!r} is neither raw nor end2end", param_hint="--head")
    print(_workshop("export.onnx", "run", weights, out, head=head))


def quantise(
    name: Annotated[str, typer.Argument(help="Name or folder of a float model.")],
    data: Data,
    out: Out,
    *,
    scenes: Scenes = 100,
    seed: Annotated[int, typer.Option(help="Random seed of the calibration images.")] = 1,
    float_layers: Annotated[
        str | None, typer.Option(help="Layers that stay float, e.g. 0,1,2,15,16,head,attn.")
    ] = None,
) -> None:
    """Quantise a model's convolutions to 8 bits for OpenVINO.

    The result is kept only if it is faster and as good; otherwise the command exits with 1.
    """
    more = {} if float_layers is None else {"float_layers": float_layers.split(",")}
    against = _workshop("export.quantise", "run", name, data, out, scenes=scenes, seed=seed, **more)
    _verdict(against, out, Path("runs") / out.resolve().name / "candidate")


def evaluate(
    name: Annotated[str, typer.Argument(help="Model name or folder.")],
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write evaluation.json and .md to this folder."),
    ] = None,
    *,
    engine: EngineName = "auto",
    scenes: Scenes = 100,
) -> None:
    """Measure a model's recall and false boxes.

    Results are per class, size and visibility, with exact intervals.
    """
    report = _workshop(
        "evaluation.evaluate", "run", name, data, out=out, engine=engine, scenes=scenes
    )
    from models.evaluation.evaluate import markdown

    print(markdown(report), end="")


def adapt(
    answers: Annotated[
        Path, typer.Option(help="Labelled images of a site: a YOLO or COCO export.")
    ],
    data: Data,
    out: Out,
    *,
    model: Annotated[str, typer.Option(help="Deployed model to start from.")] = DEPLOYED_MODEL,
    recipe: Recipe = CATALOGUE / "recipes" / "adapt.toml",
    share: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the site's scenes to hold back.")
    ] = 0.3,
    scenes: Scenes = 100,
    resume: Resume = False,
) -> None:
    """Adapt a model to a site's images (extra `train`).

    A worse result is not deployed; the command then exits with 1.
    """
    verdict = _workshop(
        "training.adapt", "run", answers, data, out,
        model=model, recipe=recipe, share=share, scenes=scenes, resume=resume,
    )  # fmt: skip
    _verdict(verdict.against, out, verdict.candidate)


def answers(
    recipe: Annotated[Path, typer.Argument(help="Recipe that leaves photographs out.")],
    data: Data,
    out: Out,
) -> None:
    """Export the photographs that a recipe leaves out.

    The result is a YOLO export, as from a site.
    """
    print(_workshop("data.site_labels", "hand_in", recipe, data, out))


def compare(
    architectures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names, each with its checkpoint if that differs from the recipe's: "
            "yolo11n=yolo11n_coco.pt. Default: yolo26n and all in models/architectures."
        ),
    ] = None,
    *,
    data: Data,
    weights: Annotated[Path, typer.Option(help="Folder of the checkpoints to start from.")],
    out: Out,
    recipe: Recipe = CATALOGUE / "recipes" / "architectures.toml",
    renders: Renders = None,
    scenes: Scenes = 100,
    resume: Resume = False,
) -> None:
    """Compare architectures by recall and cost (extra `train`).

    All are trained briefly and in the same way.
    """
    trials = _workshop(
        "training.trials", "run", recipe, data, weights, out, architectures,
        scenes=scenes, resume=resume, renders=renders,
    )  # fmt: skip
    print(from_checkout("models.training.trials").table(trials))


def _verdict(against: Sequence[str], out: Path, candidate: Path) -> None:
    if not against:
        print(out)
        return
    for line in against:
        print(f"vigitri: {line}", file=sys.stderr)
    print(f"vigitri: not deployed; the candidate stays in {candidate}", file=sys.stderr)
    raise typer.Exit(INCOMPLETE)


def _workshop(module: str, function: str, *args: Any, **options: Any) -> Any:
    """Call `function` of a `models` module; refuse a `WorkshopError` with one line."""
    call = getattr(from_checkout(f"models.{module}"), function)
    with one_line_for(from_checkout("models.errors").WorkshopError):
        return call(*args, **options)
