"""CURVE keys: key files, the allow-list, and the guard of a line's sockets."""

from __future__ import annotations

import os
import re
import stat
import struct
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from detector.errors import VigitriError
from detector.wire.endpoints import reachable

_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
SELF_TEST_S = 2.0
ZAP_DOMAIN = "vigitri"


class KeyFileError(VigitriError, ValueError):
    """An unusable key or key file; the message is one line with the reason and the fix."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair; each key is 40 characters of Z85."""

    name: str
    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.name!r}, {self.public!r})"  # never the secret


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """A client's keys for a line with CURVE; each key is 40 characters of Z85."""

    public: str
    secret: str
    server: str
    """The line's public key; the client refuses any other server."""

    def __repr__(self) -> str:
        return f"ClientKeys({self.public!r}, server={self.server!r})"  # never the secret


def new_key_pair(name: str) -> KeyPair:
    """A new key pair; KeyFileError if `name` is not valid."""
    if not NAME.fullmatch(name) or name.startswith("."):
        raise KeyFileError(f"{name!r} is not a key name: use letters, digits, '-', '_' and '.'")
    public, secret = zmq.curve_keypair()
    while not public[:1].isalnum():  # a leading `-` reads as an option, `#` and `!` as shell syntax
        public, secret = zmq.curve_keypair()
    return KeyPair(name, public.decode(), secret.decode())


def write_key_pair(pair: KeyPair, folder: Path) -> tuple[Path, Path]:
    """Write `NAME.secret.toml` (mode 0600) and `NAME.public.toml`; never overwrites."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret, public = folder / f"{pair.name}.secret.toml", folder / f"{pair.name}.public.toml"
    head = f'name = "{pair.name}"\npublic = "{pair.public}"\n'
    _create(secret, f'{head}secret = "{pair.secret}"\n', 0o600)
    try:
        _create(public, head, 0o644)
    except KeyFileError:
        secret.unlink()  # half a pair would block the next attempt
        raise
    return secret, public


def read_key_pair(path: Path) -> KeyPair:
    """Read a secret key's file; KeyFileError if other users can read or change it."""
    _refuse_loose(path, stat.S_IRWXG | stat.S_IRWXO)
    document = _read_toml(path)
    pair = KeyPair(
        str(document.get("name", path.stem)),
        _key(document, "public", path),
        _key(document, "secret", path),
    )
    if zmq.curve_public(pair.secret.encode()).decode() != pair.public:
        raise KeyFileError(f"{path}: public and secret key do not match; make new keys")
    return pair


def read_public_key(path: Path) -> str:
    """Read a public key's file; KeyFileError if others can change it or it has a secret key."""
    _refuse_loose(path, stat.S_IWGRP | stat.S_IWOTH)
    document = _read_toml(path)
    if "secret" in document:
        raise KeyFileError(
            f"{path} contains the secret key, which must not leave its machine; use "
            f"{public_beside(path)}"
        )
    return _key(document, "public", path)


def public_beside(secret: Path) -> Path:
    """Path of the public key's file that `vigitri keys new` wrote beside the secret one."""
    return secret.with_name(
        f"{secret.name.removesuffix('.toml').removesuffix('.secret')}.public.toml"
    )


def is_key(text: str) -> bool:
    """Whether `text` is 40 characters of Z85; each five encode one 32-bit number."""
    try:
        return _Z85_KEY.fullmatch(text) is not None and len(z85.decode(text.encode())) == 32
    except struct.error:  # a group over 32 bits: libzmq would refuse it later
        return False


def known_public_key(text: str) -> str:
    """A public key given as 40 characters or as the path of its file."""
    return text if is_key(text) else read_public_key(Path(text))


def load_keys(own: Path | str, server: Path | str) -> ClientKeys:
    """A client's keys: its own secret key's file, and the line's public key or its file."""
    pair = read_key_pair(Path(own))
    return ClientKeys(pair.public, pair.secret, known_public_key(str(server)))


class AllowList:
    """The folder of public keys that may connect, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keys(self) -> dict[str, str]:
        """Public keys by name. KeyFileError if one is unreadable or its permissions are loose."""
        if not self.folder.is_dir():
            raise KeyFileError(
                f"{self.folder}: no such folder; `vigitri keys allow` creates it with the first key"
            )
        _refuse_loose(self.folder, stat.S_IWGRP | stat.S_IWOTH)
        paths = sorted(self.folder.glob("*.public.toml"))
        return {path.name.removesuffix(".public.toml"): read_public_key(path) for path in paths}

    def allow(self, name: str, public: str) -> Path:
        """Allow a key to connect from the next start on."""
        if not NAME.fullmatch(name) or name.startswith("."):
            raise KeyFileError(f"{name!r} is not a key name: use letters, digits, '-', '_' and '.'")
        if not is_key(public):
            raise KeyFileError(f"{public!r} is not a public key: 40 characters as in its file")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for other, key in self.keys().items():
            if key == public and other != name:
                # Under two names it would stay allowed after one of them is revoked.
                raise KeyFileError(f"this key is on the list already, as {other!r}")
        path = self.folder / f"{name}.public.toml"
        _create(path, f'name = "{name}"\npublic = "{public}"\n', 0o644)
        return path

    def revoke(self, name: str) -> None:
        """Remove a key from the list, effective from the next start on."""
        path = self.folder / f"{name}.public.toml"
        if not NAME.fullmatch(name) or not path.is_file():
            raise KeyFileError(f"{name!r} is not on the list; see `vigitri keys list`")
        path.unlink()


class Guard:
    """CURVE for a server's sockets: its key, and a ZAP handler with the allow-list per context."""

    def __init__(self, own: KeyPair, allowed: Iterable[str]) -> None:
        self._own, self._allowed = own, frozenset(allowed)
        self._handlers: dict[zmq.Context[Any], ThreadAuthenticator] = {}
        self.keys_refused = 0
        """Connections refused because of their key; counted in the handlers' threads."""

    def start(self, context: zmq.Context[Any]) -> None:
        """Start the ZAP handler; call before binding: without it a CURVE socket admits any key."""
        handler = ThreadAuthenticator(context)
        handler.start()
        handler.configure_curve_callback(ZAP_DOMAIN, credentials_provider=self)
        self._handlers[context] = handler

    def protect(self, socket: zmq.Socket[Any]) -> None:
        """Make `socket` a CURVE server; its context must have been given to `start`."""
        if socket.context not in self._handlers:
            raise RuntimeError("Guard.start must be called before Guard.protect")
        socket.curve_server = True
        socket.curve_secretkey = self._own.secret.encode()
        socket.curve_publickey = self._own.public.encode()
        socket.zap_domain = ZAP_DOMAIN.encode()

    def callback(self, domain: str, key: bytes) -> bool:  # noqa: ARG002
        """Called by the ZAP handler; `key` is the client's public key in Z85."""
        known = key.decode("ascii", "replace") in self._allowed
        self.keys_refused += not known
        return known

    def stop(self, context: zmq.Context[Any]) -> None:
        """Stop the context's ZAP handler; call before the context is terminated."""
        handler = self._handlers.pop(context, None)
        if handler is not None:
            handler.stop()

    @property
    def public(self) -> str:
        return self._own.public


def _create(path: Path, text: str, mode: int) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise KeyFileError(f"{path} exists already; remove it first or use another name") from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)


def _refuse_loose(path: Path, forbidden: int) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; `vigitri keys new` makes keys") from None
    if mode & forbidden:
        wanted = stat.S_IMODE(mode) & ~forbidden
        raise KeyFileError(
            f"{path}: others have access (mode {stat.S_IMODE(mode):04o}); chmod {wanted:04o} {path}"
        )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise KeyFileError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _key(document: dict[str, Any], name: str, path: Path) -> str:
    key = document.get(name)
    if not isinstance(key, str) or not is_key(key):
        raise KeyFileError(
            f"{path}: {name} is not a key of 40 characters; `vigitri keys new` makes keys"
        )
    return key


def line_guard(own: Path | None, allowed: Path | None, *, also: str | None = None) -> Guard | None:
    """The guard of a line whose profile names keys, else None.

    `also`: a public key that is allowed in addition to the list.
    """
    if own is None or allowed is None:
        return None
    keys = [*AllowList(allowed).keys().values(), *([] if also is None else [also])]
    if not keys:
        raise KeyFileError(f"{allowed}: the allow-list is empty; `vigitri keys allow` adds a key")
    return Guard(read_key_pair(own), keys)


def check_unknown_key_refused(
    endpoint: str, guard: Guard, kind: Literal["publish", "requests"]
) -> None:
    """Self-test at start: connect with an unknown key; KeyFileError unless it is refused.

    `kind`: which of the line's sockets. A client of an incompatible socket type would be refused
    for its type before its key is checked.
    """
    public, secret = zmq.curve_keypair()
    socket = zmq.SUB if kind == "publish" else zmq.DEALER
    with zmq.Context() as context, context.socket(socket) as stranger:
        stranger.set(zmq.LINGER, 0)  # else closing a refused client hangs for ever
        stranger.curve_publickey, stranger.curve_secretkey = public, secret
        stranger.curve_serverkey = guard.public.encode()
        events = stranger.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        stranger.ipv6 = "[" in endpoint
        stranger.connect(reachable(endpoint))
        reported = events.poll(round(SELF_TEST_S * 1000))
        event = parse_monitor_message(events.recv_multipart())["event"] if reported else None
        stranger.disable_monitor()
        events.close(linger=0)
    if event != zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        raise KeyFileError(
            f"{endpoint}: an unknown key was not refused ({_text(event)}); nothing is published"
        )
    guard.keys_refused -= 1  # do not count this test


def _text(event: int | None) -> str:
    return {
        None: f"no answer within {SELF_TEST_S:g} s",
        int(zmq.EVENT_HANDSHAKE_SUCCEEDED): "it was admitted",
    }.get(event, f"libzmq event {event}")
