"""Accounts, roles and passwords: one file beside the store, readable by its owner only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from detector.errors import VigitriError

NAME = re.compile(r"[\w.@ -]{1,64}")
PASSWORD_MIN = 10
SCRYPT = {"n": 2**14, "r": 8, "p": 5}
"""OWASP's setting for 16 MB: five passes in place of more memory."""
SCRYPT_MEMORY = 64 * 1024 * 1024
VERIFIED_MAX = 64
FILE = "accounts.json"


class AccountError(VigitriError, ValueError):
    """An account that can't be added or read; one line."""


class Role(IntEnum):
    """What a visitor may do; each includes those below it."""

    NOBODY = 0
    READ_ONLY = 1
    OPERATOR = 2
    MAINTAINER = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")

    @classmethod
    def named(cls, word: str) -> Role:
        """The role of this name. Raises AccountError."""
        for role in (cls.READ_ONLY, cls.OPERATOR, cls.MAINTAINER):
            if role.word == word:
                return role
        raise AccountError(f"{word!r} is not a role: write read-only, operator or maintainer")


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in."""

    name: str
    role: Role


_KEYS = ("role", "password")
_DOCUMENT = TypeAdapter(dict[str, dict[str, dict[str, str]]])


class Accounts:
    """The file of accounts; read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._known: dict[str, dict[str, Any]] = {}
        self._read_at: tuple[int, int] | None = None
        self._secret, self._verified = secrets.token_bytes(32), set[bytes]()
        """Passwords found right: a program that reads metrics sends its own each time."""
        self._decoy = f"{_text(secrets.token_bytes(16))}$"

    def __bool__(self) -> bool:
        return bool(self._accounts())

    def all(self) -> list[Account]:
        return [
            Account(name, Role.named(entry["role"])) for name, entry in self._accounts().items()
        ]

    def account(self, name: str) -> Account | None:
        return next((each for each in self.all() if each.name == name), None)

    def add(self, name: str, role: Role, password: str) -> None:
        """Add an account, or change its role and password. Raises AccountError."""
        if not NAME.fullmatch(name) or name != name.strip():
            raise AccountError(f"{name!r} is not an account name: 1 to 64 letters, digits, . @ -")
        if len(password) < PASSWORD_MIN:
            raise AccountError(f"the password is too short: give {PASSWORD_MIN} characters or more")
        known = dict(self._accounts())
        known[name] = {"role": role.word, "password": _hashed(password)}
        self._write(known)

    def remove(self, name: str) -> None:
        """Raises AccountError."""
        known = dict(self._accounts())
        if known.pop(name, None) is None:
            raise AccountError(f"there is no account {name!r}; see `vigitri station account list`")
        self._write(known)

    def sign_in(self, name: str, password: str) -> Account | None:
        """The account, if the password is its own; takes as long for an unknown name."""
        entry = self._accounts().get(name)
        stored = self._decoy if entry is None else str(entry["password"])
        proof = hmac.digest(self._secret, f"{stored}{password}".encode(), "sha256")
        if proof not in self._verified:
            if not _matches(password, stored) or entry is None:
                return None
            if len(self._verified) >= VERIFIED_MAX:
                self._verified.clear()
            self._verified.add(proof)
        return self.account(name)

    def _accounts(self) -> dict[str, dict[str, Any]]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._known, self._read_at = {}, None
            return self._known
        if self._read_at != (status.st_mtime_ns, status.st_ino):
            if status.st_mode & 0o077:
                raise AccountError(f"{self._path}: others have access; chmod 600 {self._path}")
            try:
                known = _DOCUMENT.validate_json(self._path.read_bytes())["accounts"]
                self._known = {
                    name: {key: each[key] for key in _KEYS} for name, each in known.items()
                }
            except (OSError, ValueError, KeyError):
                raise AccountError(
                    f"{self._path}: can't be read; restore it or remove it"
                ) from None
            self._read_at = status.st_mtime_ns, status.st_ino
        return self._known

    def _write(self, accounts: dict[str, dict[str, Any]]) -> None:
        write_private(self._path, json.dumps({"accounts": accounts}, indent=1, ensure_ascii=False))


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(f"{text}\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{_text(salt)}${_text(_scrypt(password, salt))}"


def _matches(password: str, stored: str) -> bool:
    salt, _, known = stored.partition("$")
    return hmac.compare_digest(_text(_scrypt(password, base64.b64decode(salt))), known)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=SCRYPT_MEMORY, **SCRYPT)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
