"""`vigitri model verifier …`: crops, training and evaluation of the second network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import CATALOGUE

app = typer.Typer(no_args_is_help=True, help="The second network, which says what an object is.")

Data = Annotated[Path, typer.Option(help="The folder of photographs, cut-outs, belt frames.")]
Crops = Annotated[Path, typer.Option(help="Folder of the packed crops.")]
Recipe = Annotated[Path, typer.Option(help="Which crops, and how long to train.")]
Detector = Annotated[str, typer.Option(help="The detector whose boxes are verified.")]
Renders = Annotated[
    Path | None, typer.Option(help="Folder of banks (bank*/) that `vigitri twin cutouts` wrote.")
]
_RECIPE = CATALOGUE / "verifier" / "recipe.toml"


@app.command("crops")
def crops(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")],
    *,
    recipe: Recipe = _RECIPE,
    model: Detector = DEPLOYED_MODEL,
    renders: Renders = None,
) -> None:
    """Mine the detector's false boxes and pack the crops. Goes on if interrupted."""
    from models.verifier.commands import build_crops

    for path in build_crops(recipe, data, out, model=model, renders=renders):
        print(path)


@app.command("train")
def train(
    crops: Crops,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of checkpoints and export.")],
    *,
    recipe: Recipe = _RECIPE,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="Shorten the schedule to about this.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Default: one per core.")] = None,
) -> None:
    """Train and export; goes on after the last checkpoint (extra `train`)."""
    from models.verifier.commands import train as run

    print(run(recipe, crops, out, minutes=minutes, threads=threads))


@app.command("evaluate")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder with verifier.onnx and its head.")],
    data: Data,
    crops: Crops,
    *,
    recipe: Recipe = _RECIPE,
    model: Detector = DEPLOYED_MODEL,
    renders: Renders = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write verifier.json and .md there.")
    ] = None,
    write: Annotated[
        bool, typer.Option(help="Write the card's [verifier] and the feature bank, too.")
    ] = False,
) -> None:
    """The detector alone and with the verifier, on sources that no training saw."""
    from models.verifier.commands import evaluate as run

    print(
        run(recipe, data, crops, folder, model=model, renders=renders, out=out, write=write), end=""
    )
