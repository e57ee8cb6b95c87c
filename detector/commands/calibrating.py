"""`vigitri calibrate …`: what a line has to know of its belt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.commands.options import (
    DEFAULT_MODEL,
    Json,
    LineFile,
    ModelName,
    from_checkout,
    one_line_for,
)


def add_to(app: typer.Typer) -> None:
    """Give `vigitri calibrate` these commands."""
    app.command("empty")(calibrate_empty)
    app.command("scores")(calibrate_scores)
    app.command("keys")(calibrate_keys)


def calibrate_empty(
    line: LineFile,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The picture to write.")] = None,
    source: Annotated[
        str | None, typer.Option(help="In place of the profile's camera, e.g. a recording.")
    ] = None,
    frames: Annotated[int, typer.Option(min=5, max=500, help="Frames to take.")] = 60,
) -> None:
    """Learn the empty belt (the median of some frames), from which coverage is told."""
    from detector.commands.empty_belt import learn_empty_belt

    print(learn_empty_belt(line, out, source, frames))


def calibrate_scores(
    folder: Annotated[Path, typer.Argument(help="Where `bench accuracy -o` kept its looks.")],
    model: ModelName = DEFAULT_MODEL,
    budget: Annotated[
        float, typer.Option(min=0.001, help="False alarms an hour, over all hazards.")
    ] = 1.0,
    write: Annotated[bool, typer.Option(help="Write them into the model's card.")] = False,
    as_json: Json = False,
) -> None:
    """Fit thresholds and probabilities on whole tracks, within a budget (extra `bench`)."""
    scores = from_checkout("benchmarks.scores")
    with one_line_for(ValueError):
        scores.run(folder, model, budget, write=write, as_json=as_json)


def calibrate_keys() -> None:
    """Every key of a line profile: default, bounds, meaning (Markdown)."""
    from calibration.profile_keys import profile_reference

    print(profile_reference(), end="")
