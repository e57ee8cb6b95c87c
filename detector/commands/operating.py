"""`vigitri watch | answer | shelve`: what an operator does without a browser."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from detector.cli_support.options import LineKey, OwnKey, client_keys, one_line_for
from detector.wire.messages import Hazard, Outcome

RequestsEndpoint = Annotated[str, typer.Option("--at", help="Where the detector serves requests.")]
Operator = Annotated[str, typer.Option(help="Who answers, for the log.")]
REQUESTS = "tcp://127.0.0.1:5557"


def add_to(app: typer.Typer) -> None:
    """Give `vigitri` these commands."""
    app.command()(watch)
    app.command()(answer)
    app.command()(shelve)


def watch(
    endpoint: Annotated[str, typer.Argument(help="Where the detector publishes.")],
    requests: Annotated[
        str | None,
        typer.Option(help="Where it serves requests: then what was missed is fetched."),
    ] = None,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Show alerts as they come, in the terminal."""
    from detector.terminal.watch import run as watch_endpoint

    # As an exception, so that the terminal gets its own screen and cursor back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watch_endpoint(endpoint, requests=requests, keys=client_keys(own_key, line_key))


def answer(  # noqa: PLR0917
    alert: Annotated[
        str, typer.Argument(metavar="BOOT/EVENT", help="As `vigitri watch` shows it.")
    ],
    outcome: Annotated[Outcome | None, typer.Option(help="Without: acknowledge.")] = None,
    operator: Operator = "operator",
    endpoint: RequestsEndpoint = REQUESTS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Acknowledge an alert, or say what became of its object."""
    from detector.commands.answer import answer_alert

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(answer_alert(endpoint, alert, outcome, operator, keys))


def shelve(  # noqa: PLR0917
    hazard: Annotated[Hazard, typer.Argument(help="What to set aside; never vision_unavailable.")],
    minutes: Annotated[int, typer.Option(min=1, max=60, help="For how long.")] = 10,
    operator: Operator = "operator",
    endpoint: RequestsEndpoint = REQUESTS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Put all of a hazard's alarms on a line to sleep for a while."""
    from detector.commands.answer import shelve_hazard

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(shelve_hazard(endpoint, hazard, minutes, operator, keys))
