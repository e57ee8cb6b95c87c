"""The OPC UA server's own certificate, the clients that it trusts, and its users.

One folder holds all: `own/`, `trusted/` and `rejected/` certificates and `users.toml`.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import os
import re
import secrets
import socket
import stat
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import cert_gen
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from detector.wire.keys import NAME, KeyFileError

logger = logging.getLogger(__name__)

Role = Literal["observer", "operator"]
DAYS = 3650
"""Validity of a new certificate: clients have to trust each new one by hand."""
REJECTED_MAX = 32
LOG_AGAIN_S = 60.0
"""A refused client tries again every second or so."""
_SUFFIXES = {".der", ".pem", ".crt", ".cer"}


@dataclass
class BridgeUser(User):
    """Who a session belongs to. asyncua's role allows no change of the address space."""

    role: UserRole = UserRole.User
    operator: bool = False
    """May acknowledge alarms."""


def application_uri() -> str:
    """The URI that identifies this host's bridge."""
    return f"urn:{socket.gethostname()}:vigitri:bridge"


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER, as clients show it."""
    return hashlib.sha256(certificate).hexdigest().upper()


class SecurityFolder:
    """A folder of certificates and users; each is read when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate, self.key = folder / "own/bridge.der", folder / "own/bridge.key.pem"
        self.trusted, self.rejected = folder / "trusted", folder / "rejected"
        self.users_file = folder / "users.toml"
        self._logged: dict[tuple[str, str], float] = {}

    def prepare(self, hosts: Iterable[str] = ()) -> bool:
        """Make the folders, and key and certificate if there are none; returns whether it did.

        `hosts`: names and IP addresses by which clients reach the bridge. Raises KeyFileError.
        """
        try:
            for each in (self.folder, self.certificate.parent, self.trusted, self.rejected):
                each.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.certificate.exists() and self.key.exists():
                return False
            self._make(hosts)
        except OSError as error:
            raise KeyFileError(f"{error.filename or self.folder}: {error.strerror}") from None
        return True

    def _make(self, hosts: Iterable[str]) -> None:
        key = cert_gen.generate_private_key()
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri())]
        for host in dict.fromkeys((socket.gethostname(), *hosts)):
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        uses = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = cert_gen.generate_self_signed_app_certificate(
            key, "Vigitri bridge", {}, names, uses, days=DAYS
        )
        self.key.unlink(missing_ok=True)
        handle = os.open(self.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(cert_gen.dump_private_key_as_pem(key))
        self.certificate.write_bytes(certificate.public_bytes(Encoding.DER))

    def own_uri(self) -> str:
        """The application URI of the own certificate. KeyFileError if it cannot be used."""
        certificate = read_certificate(self.certificate)
        renew = f"delete {self.certificate.parent}, start again, and trust the new certificate at "
        if certificate.not_valid_after_utc < datetime.now(UTC):
            day = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            raise KeyFileError(f"{self.certificate}: expired on {day}; {renew}the clients")
        try:
            mode = stat.S_IMODE(self.key.stat().st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyFileError(f"{self.key}: others have access; chmod 0600 {self.key}")
            key = load_pem_private_key(self.key.read_bytes(), None)
        except KeyFileError:
            raise
        except (OSError, ValueError, TypeError) as error:
            raise KeyFileError(f"{self.key}: not a usable key: {error}") from None
        if key.public_key() != certificate.public_key():
            raise KeyFileError(f"{self.key}: not the certificate's key; {renew}the clients")
        uris = _uris(certificate)
        if not uris:
            raise KeyFileError(f"{self.certificate}: no application URI; {renew}the clients")
        return uris[0]

    # --- clients -----------------------------------------------------------------------------

    def trust(self, path: Path) -> Path:
        """Trust a client's certificate. Raises KeyFileError."""
        certificate = read_certificate(path)
        der = certificate.public_bytes(Encoding.DER)
        target = self.trusted / _file_name(certificate, der)
        self.prepare()
        target.write_bytes(der)
        (self.rejected / target.name).unlink(missing_ok=True)
        return target

    def trusted_certificates(self) -> set[bytes]:
        """The trusted certificates in DER; a file that is none is logged and left out."""
        found = set()
        for path in sorted(self.trusted.iterdir()) if self.trusted.is_dir() else ():
            if path.suffix.lower() not in _SUFFIXES:
                continue
            try:
                found.add(read_certificate(path).public_bytes(Encoding.DER))
            except KeyFileError as error:
                self._log(str(path), f"{error}; its client is not trusted")
        return found

    def check(self, certificate: bytes | None, application_uri: str, peer: str) -> None:
        """Raise ServiceError if the client may not connect, and log the reason and the fix."""
        client = f"client {application_uri!r} at {peer}"
        if certificate is None:
            self._refuse("BadCertificateInvalid", client, "it has no certificate")
            return
        if certificate not in self.trusted_certificates():
            kept = self._keep(certificate)
            fix = f"`vigitri keys opcua-trust {kept} -d {self.folder}`" if kept else "see docs"
            digest = fingerprint(certificate)[:16]
            why = f"its certificate (SHA-256 {digest}…) is not trusted; to trust it: {fix}"
            self._refuse("BadCertificateUntrusted", client, why)
        parsed = x509.load_der_x509_certificate(certificate)
        now = datetime.now(UTC)
        if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
            first, last = parsed.not_valid_before_utc, parsed.not_valid_after_utc
            why = f"its certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
            self._refuse("BadCertificateTimeInvalid", client, why)
        if application_uri not in _uris(parsed):
            why = f"its certificate is that of {', '.join(_uris(parsed)) or 'no application'}"
            self._refuse("BadCertificateUriInvalid", client, why)

    def _refuse(self, code: str, client: str, why: str) -> None:
        self._log(client, f"{client} refused: {why}")
        raise ServiceError(getattr(ua.StatusCodes, code))

    def _log(self, about: str, message: str) -> None:
        now = time.monotonic()
        self._logged = {key: at for key, at in self._logged.items() if now - at < LOG_AGAIN_S}
        if (about, message) not in self._logged and len(self._logged) < REJECTED_MAX:
            self._logged[about, message] = now
            logger.warning("bridge: OPC UA: %s", message)

    def _keep(self, certificate: bytes) -> Path | None:
        """Keep a refused certificate for the operator's decision; None if there are too many."""
        try:
            path = self.rejected / _file_name(
                x509.load_der_x509_certificate(certificate), certificate
            )
            if path.exists():
                return path
            if len(list(self.rejected.iterdir())) >= REJECTED_MAX:
                return None
            path.write_bytes(certificate)
        except (OSError, ValueError):
            return None
        return path

    # --- users -------------------------------------------------------------------------------

    def add_user(self, name: str, role: Role) -> str:
        """Add a user, or give one a new password; returns the password. Raises KeyFileError."""
        if not NAME.fullmatch(name):
            raise KeyFileError(f"{name!r} is not a user name: use letters, digits, '-', '_', '.'")
        # Made, not chosen: with 120 random bits a plain hash suffices, and a log-in costs no time
        # in which Modbus would wait.
        password, salt = secrets.token_urlsafe(15), secrets.token_hex(16)
        users = self._users()
        users[name] = {"role": role, "salt": salt, "sha256": _hash(salt, password)}
        lines = []
        for user, entry in sorted(users.items()):
            keys = "".join(f'{key} = "{value}"\n' for key, value in entry.items())
            lines.append(f'["{user}"]\n{keys}')
        self.prepare()
        new = self.users_file.with_suffix(".new")
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        new.replace(self.users_file)
        return password

    def _users(self) -> dict[str, dict[str, str]]:
        try:
            text = self.users_file.read_text(encoding="utf-8")
            users = tomllib.loads(text)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise KeyFileError(f"{self.users_file}: {error}") from None
        for name, entry in users.items():
            if not _is_entry(entry):
                raise KeyFileError(
                    f"{self.users_file}: {name}: needs role, salt and sha256 as text; remove it, "
                    "and add the user again"
                )
        return users

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002 - asyncua's signature
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,  # noqa: ARG002
    ) -> User | None:
        """The user with this name and password; an anonymous one observes."""
        if username is None:
            return BridgeUser(name="anonymous")
        try:
            entry = self._users().get(username, {})
        except KeyFileError as error:
            self._log(username, str(error))
            return None
        expected = entry.get("sha256", "")
        given = _hash(entry.get("salt", ""), password or "")
        if not hmac.compare_digest(expected, given):
            self._log(username, f"user {username!r} refused: unknown name or wrong password")
            return None
        return BridgeUser(name=username, operator=entry.get("role") == "operator")


class Anonymous:
    """The users of a server without security: everybody observes."""

    def get_user(self, *_: Any, **__: Any) -> User:
        return BridgeUser(name="anonymous")


def read_certificate(path: Path) -> x509.Certificate:
    """A certificate in DER or PEM; KeyFileError if it is none."""
    try:
        data = path.read_bytes()
        pem = data.lstrip().startswith(b"-----BEGIN")
        return (x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate)(data)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise KeyFileError(f"{path}: not an X.509 certificate (DER or PEM)") from None


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _file_name(certificate: x509.Certificate, der: bytes) -> str:
    """A name from the certificate's own, which its maker chose, and its fingerprint."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", str(names[0].value) if names else "client")
    return f"{name[:40].strip('-') or 'client'}-{fingerprint(der)[:12].lower()}.der"


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    values = [entry.get(key) for key in ("role", "salt", "sha256")]
    return all(isinstance(value, str) and value.isascii() for value in values)


def _hash(salt: str, password: str) -> str:
    return hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
