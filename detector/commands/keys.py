"""`vigitri keys`: the CURVE keys of a line and of those who may come in."""

from __future__ import annotations

from pathlib import Path

from detector.wire.keys import (
    AllowList,
    KeyFileError,
    is_key,
    known_public_key,
    new_key_pair,
    write_key_pair,
)


def make_keys(name: str, folder: Path) -> None:
    """Raises KeyFileError."""
    secret, public = write_key_pair(new_key_pair(name), folder)
    print(f"{secret}  secret: it stays on this machine, with nobody else's access")
    print(f"{public}  public: give it to whom it is to be known")


def list_keys(folder: Path) -> None:
    """Raises KeyFileError."""
    for name, public in AllowList(folder).keys().items():
        print(f"{name}  {public}")


def allow_key(public: str, folder: Path, name: str | None) -> None:
    """`public`: a public key's file, or its 40 signs. Raises KeyFileError."""
    path = Path(public)
    if path.is_file():
        name = name or path.name.removesuffix(".toml").removesuffix(".public")
    elif path.suffix == ".toml" or not is_key(public):
        raise KeyFileError(
            f"{public!r} is neither a file that is here nor a public key of 40 signs"
        )
    if name is None:
        raise KeyFileError("40 signs do not say whose they are: give --name, e.g. --name mes")
    path = AllowList(folder).allow(name, known_public_key(public))
    print(f"{path}  {name} comes in from the line's next start on")


def revoke_key(name: str, folder: Path) -> None:
    """Raises KeyFileError."""
    AllowList(folder).revoke(name)
    print(f"{name} does not come in any more, from the line's next start on")
