"""`vigitri calibrate scores`: reads a report of `vigitri bench accuracy`; needs a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.cli_support.options import Json, ModelName, one_line_for
from detector.profile.line import DEPLOYED_MODEL


def add_to(app: typer.Typer) -> None:
    """Add this command to `vigitri calibrate`."""
    app.command("scores")(calibrate_scores)


def calibrate_scores(  # noqa: PLR0917
    folder: Annotated[Path, typer.Argument(help="Folder written by `bench accuracy -o`.")],
    model: ModelName = DEPLOYED_MODEL,
    budget: Annotated[
        float, typer.Option(min=0.001, help="False alarms per hour, over all hazards.")
    ] = 1.0,
    write: Annotated[bool, typer.Option(help="Write the result into the model card.")] = False,
    keep_thresholds: Annotated[
        bool,
        typer.Option(help="Write curves and probabilities, and keep the thresholds."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit thresholds and probabilities on complete tracks, within a budget (extra `bench`)."""
    from benchmarks.accuracy import scores

    with one_line_for(ValueError):
        scores.run(
            folder, model, budget, write=write, keep_thresholds=keep_thresholds, as_json=as_json
        )
