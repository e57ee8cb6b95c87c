"""`vigitri keys …`: who may listen and answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]
KeyFolder = Annotated[Path, typer.Option("-d", "--folder", help="Where the key files lie.")]
AllowedFolder = Annotated[
    Path, typer.Option("-d", "--folder", help="The allow-list: the line's wire.allowed_keys.")
]
KEYS, ALLOWED = Path("keys"), Path("keys/allowed")


def add_to(app: typer.Typer) -> None:
    """Give `vigitri keys` these commands."""
    app.command("new")(keys_new)
    app.command("list")(keys_list)
    app.command("allow")(keys_allow)
    app.command("revoke")(keys_revoke)


def keys_new(name: KeyName, folder: KeyFolder = KEYS) -> None:
    """Make a pair of keys: one for the line, one for each who listens or answers."""
    from detector.commands.keys import make_keys

    make_keys(name, folder)


def keys_list(folder: AllowedFolder = ALLOWED) -> None:
    """Who may come in."""
    from detector.commands.keys import list_keys

    list_keys(folder)


def keys_allow(
    public: Annotated[str, typer.Argument(metavar="KEY", help="A *.public.toml, or 40 signs.")],
    name: Annotated[
        str | None, typer.Option(help="Whose it is; without: as its file says.")
    ] = None,
    folder: AllowedFolder = ALLOWED,
) -> None:
    """Put a public key on the allow-list."""
    from detector.commands.keys import allow_key

    allow_key(public, folder, name)


def keys_revoke(name: KeyName, folder: AllowedFolder = ALLOWED) -> None:
    """Take a key off the allow-list."""
    from detector.commands.keys import revoke_key

    revoke_key(name, folder)
