"""`vigitri watch | answer | shelve`: an operator's commands in the terminal."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Literal

import typer

from detector.cli_support.options import LineKey, OwnKey, client_keys, one_line_for
from detector.wire.messages import Hazard, Outcome

RequestsEndpoint = Annotated[str, typer.Option("--at", help="The detector's request endpoint.")]
Operator = Annotated[str, typer.Option(help="Name of the operator, for the log.")]
REQUESTS = "tcp://127.0.0.1:5557"


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri`."""
    app.command()(watch)
    app.command()(answer)
    app.command()(shelve)


def watch(
    endpoint: Annotated[
        str, typer.Argument(help="The line's wire.publish, e.g. tcp://127.0.0.1:5556.")
    ],
    requests: Annotated[
        str | None,
        typer.Option(help="Its request endpoint, from which missed alerts are fetched."),
    ] = None,
    own_key: OwnKey = None,
    line_key: LineKey = None,
    language: Annotated[
        Literal["en", "fr"] | None,
        typer.Option(help="Language of the texts; default: that of the terminal."),
    ] = None,
) -> None:
    """Show a line's alerts in the terminal as they are published."""
    from detector.terminal.french import language_of_terminal
    from detector.terminal.watch import run as watch_endpoint

    # As an exception, so that the terminal's screen and cursor are restored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keys = client_keys(own_key, line_key)
    spoken = language or language_of_terminal()
    watch_endpoint(endpoint, requests=requests, keys=keys, language=spoken)


def answer(  # noqa: PLR0917
    alert: Annotated[
        str, typer.Argument(metavar="BOOT/EVENT", help="The alert, as `vigitri watch` shows it.")
    ],
    outcome: Annotated[
        Outcome | None, typer.Option(help="What the operator found; default: only acknowledge.")
    ] = None,
    operator: Operator = "operator",
    endpoint: RequestsEndpoint = REQUESTS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Acknowledge an alert, or report its outcome."""
    from detector.commands.answer import answer_alert

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(answer_alert(endpoint, alert, outcome, operator, keys))


def shelve(  # noqa: PLR0917
    hazard: Annotated[
        Hazard, typer.Argument(help="The hazard to shelve; vision_unavailable cannot be shelved.")
    ],
    minutes: Annotated[int, typer.Option(min=1, max=60, help="Duration in minutes.")] = 10,
    operator: Operator = "operator",
    endpoint: RequestsEndpoint = REQUESTS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Shelve all alarms of one hazard on a line for a limited time."""
    from detector.commands.answer import shelve_hazard

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(shelve_hazard(endpoint, hazard, minutes, operator, keys))
