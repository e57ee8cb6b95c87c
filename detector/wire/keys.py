"""CURVE keys: who we are, whom we trust, and whom we let in."""

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
    """A key or its file can't be used; one line that says why and what mends it."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Each key is 40 signs of Z85."""

    name: str
    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.name!r}, {self.public!r})"  # never the secret


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs to speak to a line that asks for keys; each key is 40 Z85 signs."""

    public: str
    secret: str
    server: str
    """The line's public key: a client speaks to this one and to nobody else."""

    def __repr__(self) -> str:
        return f"ClientKeys({self.public!r}, server={self.server!r})"  # never the secret


def new_key_pair(name: str) -> KeyPair:
    if not NAME.fullmatch(name) or name.startswith("."):
        raise KeyFileError(f"{name!r} is no name for a key: letters, digits, '-', '_' and '.'")
    public, secret = zmq.curve_keypair()
    while not public[:1].isalnum():  # a command line would take `-` for an option, a shell `#`, `!`
        public, secret = zmq.curve_keypair()
    return KeyPair(name, public.decode(), secret.decode())


def write_key_pair(pair: KeyPair, folder: Path) -> tuple[Path, Path]:
    """Writes `NAME.secret.toml` (0600) and `NAME.public.toml`; refuses to overwrite."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret, public = folder / f"{pair.name}.secret.toml", folder / f"{pair.name}.public.toml"
    head = f'name = "{pair.name}"\npublic = "{pair.public}"\n'
    _create(secret, f'{head}secret = "{pair.secret}"\n', 0o600)
    try:
        _create(public, head, 0o644)
    except KeyFileError:
        secret.unlink()  # a half of a pair would stand in the way of the next try
        raise
    return secret, public


def read_key_pair(path: Path) -> KeyPair:
    """A secret key's file, refused if others may read or change it."""
    _refuse_loose(path, stat.S_IRWXG | stat.S_IRWXO)
    document = _read_toml(path)
    pair = KeyPair(
        str(document.get("name", path.stem)),
        _key(document, "public", path),
        _key(document, "secret", path),
    )
    if zmq.curve_public(pair.secret.encode()).decode() != pair.public:
        raise KeyFileError(f"{path}: the public key is not that of the secret one; make new keys")
    return pair


def read_public_key(path: Path) -> str:
    """A public key's file; refused if others may change it, or if it holds the secret one too."""
    _refuse_loose(path, stat.S_IWGRP | stat.S_IWOTH)
    document = _read_toml(path)
    if "secret" in document:
        raise KeyFileError(
            f"{path} holds the secret key, which stays where it was made; give "
            f"{public_beside(path)}"
        )
    return _key(document, "public", path)


def public_beside(secret: Path) -> Path:
    """Where `vigitri keys new` has put the public half of a secret key's file."""
    return secret.with_name(
        f"{secret.name.removesuffix('.toml').removesuffix('.secret')}.public.toml"
    )


def is_key(said: str) -> bool:
    """Whether that can be a key: 40 signs of Z85, of which each five are one number of 32 bits."""
    try:
        return _Z85_KEY.fullmatch(said) is not None and len(z85.decode(said.encode())) == 32
    except struct.error:  # too great a number: libzmq refuses it where it is used
        return False


def known_public_key(said: str) -> str:
    """A public key that was given as 40 signs, or as its file."""
    return said if is_key(said) else read_public_key(Path(said))


def load_keys(own: Path | str, server: Path | str) -> ClientKeys:
    """A client's keys: its own secret file, and the line's public key, as a file or 40 signs."""
    pair = read_key_pair(Path(own))
    return ClientKeys(pair.public, pair.secret, known_public_key(str(server)))


class AllowList:
    """The folder of public keys that may come in, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keys(self) -> dict[str, str]:
        """Public keys by name. Raises KeyFileError for one that can't be read or is loose."""
        if not self.folder.is_dir():
            raise KeyFileError(
                f"{self.folder}: no such folder; `vigitri keys allow` makes it with its first key"
            )
        _refuse_loose(self.folder, stat.S_IWGRP | stat.S_IWOTH)
        paths = sorted(self.folder.glob("*.public.toml"))
        return {path.name.removesuffix(".public.toml"): read_public_key(path) for path in paths}

    def allow(self, name: str, public: str) -> Path:
        """Let a key in from the next start on."""
        if not NAME.fullmatch(name) or name.startswith("."):
            raise KeyFileError(f"{name!r} is no name for a key: letters, digits, '-', '_' and '.'")
        if not is_key(public):
            raise KeyFileError(f"{public!r} is no public key: 40 signs, as its file has them")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for other, key in self.keys().items():
            if key == public and other != name:
                # Under two names it would stay in when one of them is revoked.
                raise KeyFileError(f"that key is on the list already, as {other!r}")
        path = self.folder / f"{name}.public.toml"
        _create(path, f'name = "{name}"\npublic = "{public}"\n', 0o644)
        return path

    def revoke(self, name: str) -> None:
        path = self.folder / f"{name}.public.toml"
        if not NAME.fullmatch(name) or not path.is_file():
            raise KeyFileError(f"{name!r} is not on the list: `vigitri keys list` shows who is")
        path.unlink()


class Guard:
    """CURVE for a server's sockets: its key, and per context a ZAP handler with the allow-list."""

    def __init__(self, own: KeyPair, allowed: Iterable[str]) -> None:
        self._own, self._allowed = own, frozenset(allowed)
        self._handlers: dict[zmq.Context[Any], ThreadAuthenticator] = {}
        self.strangers = 0
        """Connections refused for their key; counted in the handlers' threads."""

    def start(self, context: zmq.Context[Any]) -> None:
        """Before anything is bound: a CURVE socket without a handler lets any key in."""
        handler = ThreadAuthenticator(context)
        handler.start()
        handler.configure_curve_callback(ZAP_DOMAIN, credentials_provider=self)
        self._handlers[context] = handler

    def protect(self, socket: zmq.Socket[Any]) -> None:
        if socket.context not in self._handlers:
            raise RuntimeError("the authenticator starts before a socket is bound")
        socket.curve_server = True
        socket.curve_secretkey = self._own.secret.encode()
        socket.curve_publickey = self._own.public.encode()
        socket.zap_domain = ZAP_DOMAIN.encode()

    def callback(self, domain: str, key: bytes) -> bool:  # noqa: ARG002
        """What the ZAP handler asks; `key` is the client's public one in Z85."""
        known = key.decode("ascii", "replace") in self._allowed
        self.strangers += not known
        return known

    def stop(self, context: zmq.Context[Any]) -> None:
        """Before the context ends."""
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
        raise KeyFileError(f"{path} is there already; remove it first, or take another name") from (
            None
        )
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
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _key(document: dict[str, Any], name: str, path: Path) -> str:
    key = document.get(name)
    if not isinstance(key, str) or not is_key(key):
        raise KeyFileError(f"{path}: {name} is no key of 40 signs; `vigitri keys new` makes keys")
    return key


def line_guard(own: Path | None, allowed: Path | None, *, also: str | None = None) -> Guard | None:
    """The guard of a line whose profile names keys; None where it names none.

    `also`: a public key that comes in beside those of the list.
    """
    if own is None or allowed is None:
        return None
    keys = [*AllowList(allowed).keys().values(), *([] if also is None else [also])]
    if not keys:
        raise KeyFileError(f"{allowed}: nobody is on the list; `vigitri keys allow` puts one there")
    return Guard(read_key_pair(own), keys)


def refuses_strangers(endpoint: str, guard: Guard, kind: Literal["publish", "requests"]) -> None:
    """The start-up test: try an unknown key, and raise KeyFileError if it comes in.

    `kind`: with which of a line's sockets. A stranger of a kind that does not go with it would be
    thrown out for that, before anybody has looked at its key.
    """
    public, secret = zmq.curve_keypair()
    socket = zmq.SUB if kind == "publish" else zmq.DEALER
    with zmq.Context() as context, context.socket(socket) as stranger:
        stranger.set(zmq.LINGER, 0)  # a refused client would hang at the end for ever
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
        heard = events.poll(round(SELF_TEST_S * 1000))
        event = parse_monitor_message(events.recv_multipart())["event"] if heard else None
        stranger.disable_monitor()
        events.close(linger=0)
    if event != zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        raise KeyFileError(
            f"{endpoint}: an unknown key was not refused ({_heard(event)}); nothing is published"
        )
    guard.strangers -= 1  # that was us


def _heard(event: int | None) -> str:
    return {
        None: f"no answer within {SELF_TEST_S:g} s",
        int(zmq.EVENT_HANDSHAKE_SUCCEEDED): "it came in",
    }.get(event, f"event {event} of libzmq")
