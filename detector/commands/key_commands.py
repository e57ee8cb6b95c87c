"""`vigitri keys …`: CURVE keys and the allow-list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the key's owner.")]
KeyFolder = Annotated[Path, typer.Option("-d", "--folder", help="Folder for the key files.")]
AllowedFolder = Annotated[
    Path, typer.Option("-d", "--folder", help="Allow-list folder: the line's wire.allowed_keys.")
]
KEYS, ALLOWED = Path("keys"), Path("keys/allowed")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri keys`."""
    app.command("new")(keys_new)
    app.command("list")(keys_list)
    app.command("allow")(keys_allow)
    app.command("revoke")(keys_revoke)


def keys_new(name: KeyName, folder: KeyFolder = KEYS) -> None:
    """Generate a key pair; the line and each of its clients need one."""
    from detector.commands.keys import make_keys

    make_keys(name, folder)


def keys_list(folder: AllowedFolder = ALLOWED) -> None:
    """List the keys that may connect."""
    from detector.commands.keys import list_keys

    list_keys(folder)


def keys_allow(
    public: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="A public key file (*.public.toml), or the 40-character key."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the key's owner; default: from the file name.")
    ] = None,
    folder: AllowedFolder = ALLOWED,
) -> None:
    """Add a public key to the allow-list."""
    from detector.commands.keys import allow_key

    allow_key(public, folder, name)


def keys_revoke(name: KeyName, folder: AllowedFolder = ALLOWED) -> None:
    """Remove a key from the allow-list."""
    from detector.commands.keys import revoke_key

    revoke_key(name, folder)
