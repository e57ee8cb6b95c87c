"""Signatures of model folders: Ed25519 over the card, which has the sha256 of every other file.

The formats are those of OpenSSL (PEM keys, a bare signature of 64 bytes over the card's bytes), so
that a model can be signed and checked without Vigitri, or with a key in a hardware module.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import VigitriError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

SIGNATURE = "card.toml.sig"
"""In the model's folder, beside the card."""
_NO_LIBRARY = "signatures need the extra signing: pip install 'vigitri[signing]'"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_NEW_KEY = "`vigitri model signing-key` makes a pair"


class SignatureError(VigitriError, ValueError):
    """A model is not signed as demanded, or a signing key is unusable: one line with the fix."""


def new_signing_key(name: str, folder: Path) -> tuple[Path, Path]:
    """Write `NAME.signing.pem` (mode 0600) and `NAME.signing.pub.pem`; never overwrites.

    Raises `SignatureError`.
    """
    try:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError:
        raise SignatureError(_NO_LIBRARY) from None

    if not _NAME.fullmatch(name):
        raise SignatureError(f"{name!r} is not a key name: use letters, digits, '-', '_' and '.'")
    key = ed25519.Ed25519PrivateKey.generate()
    secret, public = folder / f"{name}.signing.pem", folder / f"{name}.signing.pub.pem"
    if public.exists():
        raise SignatureError(f"{public} exists already; remove it first or use another name")
    _create(
        secret,
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()),
        0o600,
    )
    _create(
        public,
        key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo),
        0o644,
    )
    return secret, public


def sign_card(card: bytes, folder: Path, key: Path, passphrase: Callable[[], str]) -> Path:
    """Write the signature over these bytes of a card into its folder, atomically.

    `passphrase`: called if the key is encrypted. Raises `SignatureError`, `OSError`.
    """
    signature = _secret_key(key, passphrase).sign(card)
    path = folder / SIGNATURE
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        file.write(signature)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def check_signature(card: bytes, folder: Path, public: Path) -> None:
    """Whether the folder's signature over these bytes of its card was made with that key.

    Raises `SignatureError`: it was not, the signature is missing, or the key is unusable or can be
    changed by others.
    """
    key = _public_key(public)
    try:
        signature = (folder / SIGNATURE).read_bytes()
    except OSError as error:
        raise SignatureError(
            f"{folder}: has no signature ({SIGNATURE}: {(error.strerror or '').lower()}), and only "
            f"models signed with {public} are accepted. Sign it with `vigitri model sign`, or "
            "restore the signed folder"
        ) from None
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, card)
    except InvalidSignature:
        raise SignatureError(
            f"{folder}: its signature was not made with {public} over this card: the card was "
            "changed, or another key signed it. Restore the signed folder, or have it signed again"
        ) from None


def _public_key(path: Path) -> ed25519.Ed25519PublicKey:
    pem = _key_file(path, stat.S_IWGRP | stat.S_IWOTH)
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError:
        raise SignatureError(_NO_LIBRARY) from None

    if b"PRIVATE KEY-----" in pem:
        raise SignatureError(f"{path}: is a secret key; name the public one, {public_beside(path)}")
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        raise SignatureError(f"{path}: is no public key in PEM; {_NEW_KEY}") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise SignatureError(f"{path}: is a key of another kind than Ed25519; {_NEW_KEY}")
    return key


def _secret_key(path: Path, passphrase: Callable[[], str]) -> ed25519.Ed25519PrivateKey:
    pem = _key_file(path, stat.S_IRWXG | stat.S_IRWXO, refused=b"-----BEGIN PUBLIC KEY-----")
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError:
        raise SignatureError(_NO_LIBRARY) from None

    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in pem
    try:
        key = serialization.load_pem_private_key(pem, passphrase().encode() if encrypted else None)
    except ValueError:
        reason = "wrong passphrase" if encrypted else f"is no secret key in PEM; {_NEW_KEY}"
        raise SignatureError(f"{path}: {reason}") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SignatureError(f"{path}: is a key of another kind than Ed25519; {_NEW_KEY}")
    return key


def public_beside(secret: Path) -> Path:
    """Path of the public key's file that `new_signing_key` wrote beside the secret one."""
    return secret.with_name(f"{secret.name.removesuffix('.pem')}.pub.pem")


def _key_file(path: Path, forbidden: int, *, refused: bytes | None = None) -> bytes:
    """The file's content; SignatureError if its mode allows others what is `forbidden`.

    `refused` is the PEM header of a public key, where a secret one is needed: said before the mode,
    as the mode's fix would help nothing.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise SignatureError(f"{path}: {error.strerror}; {_NEW_KEY}") from None
    if refused is not None and refused in content:
        raise SignatureError(f"{path}: is a public key; name the secret one that signs")
    if mode & forbidden:
        raise SignatureError(
            f"{path}: others have access (mode {mode:04o}); chmod {mode & ~forbidden:04o} {path}"
        )
    return content


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise SignatureError(
            f"{path} exists already; remove it first or use another name"
        ) from None
    except OSError as error:
        raise SignatureError(f"{path}: {error.strerror}") from None
    with os.fdopen(file, "wb") as out:
        out.write(content)
