"""`vigitri keys`: the CURVE keys of a line and of those who may come in."""

from __future__ import annotations

from pathlib import Path

from detector.wire.keys import AllowList, new_key_pair, read_public_key, write_key_pair


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
        public = read_public_key(path)
    print(f"{AllowList(folder).allow(name or 'unnamed', public)}  comes in from the next start on")


def revoke_key(name: str, folder: Path) -> None:
    """Raises KeyFileError."""
    AllowList(folder).revoke(name)
    print(f"{name} does not come in any more, from the line's next start on")
