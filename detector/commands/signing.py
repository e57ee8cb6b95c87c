"""`vigitri model signing-key` and `vigitri model sign`."""

from __future__ import annotations

from pathlib import Path

import typer

from detector.vision.catalogue import find_model
from detector.vision.signature import new_signing_key, public_beside, sign_card


def make_signing_key(name: str, folder: Path) -> None:
    """Write a pair of signing keys to `folder`. Raises `SignatureError`."""
    secret, public = new_signing_key(name, folder)
    print(f"{secret}  secret key: signs models; keep it off the lines' machines")
    print(f"{public}  public key: for each line's profile, model.signed_by")


def sign_model(name: str, key: Path) -> None:
    """Sign a model whose files match its card, and check the signature where the public key is at
    hand.

    Raises `ModelError`, `SignatureError`.
    """
    model = find_model(name)
    card = (model.path / "card.toml").read_bytes()
    path = sign_card(
        card, model.path, key, lambda: str(typer.prompt(f"passphrase of {key}", hide_input=True))
    )
    public = public_beside(key)
    if public.is_file():
        find_model(f"{model.path}/.", public)
    files = "\n".join(f"  {sha256}  {file}" for file, sha256 in sorted(model.card.files.items()))
    print(
        f"{path}: {model.card.name} version {model.card.version} is signed, with its files\n{files}"
    )
