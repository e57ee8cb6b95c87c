"""`vigitri model list` and `check`: what a line needs to know of the models it can run."""

from __future__ import annotations

from typing import Annotated

import typer

from detector.cli_support.options import EngineOption, Json
from detector.profile.line import DEPLOYED_MODEL, ModelChoice


def add_to(app: typer.Typer) -> None:
    """Give `vigitri model` these commands."""
    app.command("list")(list_models)
    app.command("check")(check)


def list_models(as_json: Json = False) -> None:
    """The models in the catalogue."""
    from detector.commands.models import list_models

    list_models(as_json=as_json)


def check(
    name: Annotated[str, typer.Argument(help="A model's name or folder.")] = DEPLOYED_MODEL,
    engine: EngineOption = "auto",
) -> None:
    """Is this model what its card says: hashes, inputs, outputs, classes."""
    from detector.commands.models import check_model

    check_model(name, ModelChoice(engine=engine))
