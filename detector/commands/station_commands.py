"""`vigitri station`: the operators' page, its accounts, its exports."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from detector.cli_support.options import OwnKey, one_line_for

SERVE = "serve"
ExportForm = Literal["csv", "json", "yolo", "coco", "shift-report"]
Language = Literal["en", "fr"]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the store; default: in the state folder of services, else of the user."
    ),
]
RoleName = Annotated[str, typer.Option(help="read-only, operator or maintainer.")]
AccountName = Annotated[str, typer.Argument(metavar="NAME")]


class _ServeIsDefault(TyperGroup):
    """`vigitri station LINE.toml` is `vigitri station serve LINE.toml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h"}:
            args = [SERVE, *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri`."""
    station = typer.Typer(
        cls=_ServeIsDefault,
        help="The operators' page: `vigitri station LINE.toml` serves it.",
        no_args_is_help=True,
    )
    station.command(SERVE)(serve)
    account = typer.Typer(help="Who may sign in.", no_args_is_help=True)
    account.command("add")(account_add)
    account.command("list")(account_list)
    account.command("remove")(account_remove)
    station.add_typer(account, name="account")
    station.command()(export)
    app.add_typer(station, name="station")


def serve(
    lines: Annotated[
        list[Path] | None, typer.Argument(metavar="[LINE.toml]...", help="The lines' profiles.")
    ] = None,
    *,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT of the page; not loopback: TLS and accounts are needed.")
    ] = "127.0.0.1:8420",
    folder: Folder = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate (PEM, with its chain) to serve HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
    subscribe: Annotated[
        list[str] | None,
        typer.Option(help="A detector's publish endpoint; an alternative to LINE.toml."),
    ] = None,
    requests: Annotated[
        list[str] | None,
        typer.Option(help="The same detector's request endpoint; one for each --subscribe."),
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            help="The same detector's endpoint for images, one for each --subscribe; default: as "
            "`vigitri run` chooses it."
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="The line's name; one for each --subscribe.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of the model that learns and explains; default: the line's."
        ),
    ] = None,
    own_key: OwnKey = None,
    line_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="A line's public key: a key file or the 40-character key; one for each "
            "--subscribe. For a LINE.toml it is read from beside its wire.keys.",
        ),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option(help="Exit when stdin ends; for a parent process.", hidden=True)
    ] = False,
) -> None:
    """Serve the page of one or several lines until Ctrl-C.

    `serve` may be left out: `vigitri station LINE.toml`.
    """
    from detector.commands.station import addresses_of_lines, serve_station

    with one_line_for(ValueError):
        addresses = addresses_of_lines(
            lines or [],
            ends_of(name, subscribe, requests, evidence),
            own_key,
            line_key or [],
        )
        serve_station(
            addresses,
            listen,
            folder=folder,
            tls=(tls_cert, tls_key),
            model=model,
            until_stdin_ends=until_stdin_ends,
        )


def ends_of(
    name: list[str] | None,
    subscribe: list[str] | None,
    requests: list[str] | None,
    evidence: list[str] | None,
) -> list[tuple[str, str, str, str | None]]:
    """Name and endpoints of each line given without a profile. Raises ValueError."""
    given = subscribe or []
    for option, values in (("--name", name), ("--requests", requests), ("--evidence", evidence)):
        if len(values or []) != len(given) and (values or option != "--evidence"):
            raise ValueError(
                f"{len(values or [])} {option} for {len(given)} --subscribe: give one for each"
            )
    images: list[str | None] = [*evidence] if evidence else [None] * len(given)
    return list(zip(name or [], given, requests or [], images, strict=True))


def account_add(name: AccountName, role: RoleName, folder: Folder = None) -> None:
    """Add an account, or change its role and password.

    The password is asked for, or read from stdin where that is no terminal.
    """
    from detector.commands.station_accounts import add_account

    with one_line_for(ValueError):
        add_account(name, role, folder)


def account_list(folder: Folder = None) -> None:
    """List the accounts."""
    from detector.commands.station_accounts import list_accounts

    list_accounts(folder)


def account_remove(name: AccountName, folder: Folder = None) -> None:
    """Remove an account; its sessions end at once."""
    from detector.commands.station_accounts import remove_account

    with one_line_for(ValueError):
        remove_account(name, folder)


def export(
    form: Annotated[
        ExportForm, typer.Argument(metavar="FORMAT", help="csv, json, yolo, coco or shift-report.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="File to write; for yolo and coco a new folder.")
    ],
    *,
    line: Annotated[str | None, typer.Option(help="Name of the line; default: all.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Begin, local time; default: everything, or a shift.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="End, local time; default: now.")] = None,
    language: Annotated[Language, typer.Option(help="Of the shift report: en or fr.")] = "en",
    folder: Folder = None,
) -> None:
    """Export what a station that does not run has stored; a running one exports from its page."""
    from detector.commands.station_export import export_to

    with one_line_for(ValueError):
        export_to(form, out, line, (since, until), language=language, folder=folder)
