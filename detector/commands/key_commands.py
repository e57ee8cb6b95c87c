"""`vigitri keys …`: CURVE keys and the allow-list; certificates and users of OPC UA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the key's owner.")]
KeyFolder = Annotated[Path, typer.Option("-d", "--folder", help="Folder for the key files.")]
AllowedFolder = Annotated[
    Path, typer.Option("-d", "--folder", help="Allow-list folder: the line's wire.allowed_keys.")
]
SecurityOption = Annotated[
    Path,
    typer.Option("-d", "--folder", help="The bridge's --opcua-security folder."),
]
OPCUA = Path("opcua")
KEYS, ALLOWED = Path("keys"), Path("keys/allowed")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri keys`."""
    app.command("new")(keys_new)
    app.command("list")(keys_list)
    app.command("allow")(keys_allow)
    app.command("revoke")(keys_revoke)
    app.command("opcua")(keys_opcua)
    app.command("opcua-trust")(keys_opcua_trust)
    app.command("opcua-user")(keys_opcua_user)


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


def keys_opcua(
    folder: SecurityOption = OPCUA,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or IP address by which clients reach the bridge, for a new certificate; "
            "default: this machine's name."
        ),
    ] = None,
) -> None:
    """Show the OPC UA bridge's certificate; make it if there is none (extra `opcua`)."""
    from detector.commands.opcua_security import show_certificate

    show_certificate(folder, host or [])


def keys_opcua_trust(
    certificate: Annotated[
        Path,
        typer.Argument(metavar="CERTIFICATE", help="A client's certificate, DER or PEM."),
    ],
    folder: SecurityOption = OPCUA,
) -> None:
    """Trust an OPC UA client's certificate, also one that was refused (extra `opcua`)."""
    from detector.commands.opcua_security import trust_client

    trust_client(certificate, folder)


def keys_opcua_user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")],
    role: Annotated[
        Literal["observer", "operator"],
        typer.Option(help="An operator may acknowledge alarms; an observer only reads."),
    ] = "observer",
    folder: SecurityOption = OPCUA,
) -> None:
    """Add an OPC UA user, or give one a new password, and print it (extra `opcua`)."""
    from detector.commands.opcua_security import make_user

    make_user(name, role, folder)
