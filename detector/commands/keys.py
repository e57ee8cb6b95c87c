"""`vigitri keys`: the CURVE keys of a line and of the clients that may connect."""

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
    """Write a new key pair to `folder`. Raises KeyFileError."""
    secret, public = write_key_pair(new_key_pair(name), folder)
    print(f"{secret}  secret key: keep it on this machine, readable by its owner only")
    print(f"{public}  public key: share it with the line or the clients you connect to")


def list_keys(folder: Path) -> None:
    """Print the allow-list in `folder`. Raises KeyFileError."""
    for name, public in AllowList(folder).keys().items():
        print(f"{name}  {public}")


def allow_key(public: str, folder: Path, name: str | None) -> None:
    """Add `public`, a public key file or a 40-character key, to the allow-list in `folder`.

    Raises KeyFileError.
    """
    path = Path(public)
    if path.is_file():
        name = name or path.name.removesuffix(".toml").removesuffix(".public")
    elif path.suffix == ".toml" or not is_key(public):
        raise KeyFileError(
            f"{public!r} is neither an existing file nor a public key of 40 characters"
        )
    if name is None:
        raise KeyFileError("a 40-character key names no owner: give --name, e.g. --name mes")
    path = AllowList(folder).allow(name, known_public_key(public))
    print(f"{path}  {name} may connect from the line's next start")


def revoke_key(name: str, folder: Path) -> None:
    """Remove `name` from the allow-list in `folder`. Raises KeyFileError."""
    AllowList(folder).revoke(name)
    print(f"{name} may not connect from the line's next start")
