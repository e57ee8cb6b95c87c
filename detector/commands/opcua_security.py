"""`vigitri keys opcua…`: the OPC UA server's certificate, trusted clients and users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from detector.bridge.opcua.security import Role, SecurityFolder, fingerprint, read_certificate


def show_certificate(folder: Path, hosts: Sequence[str]) -> None:
    """Print the own certificate, made if there is none. Raises KeyFileError."""
    security = SecurityFolder(folder)
    made = security.prepare(hosts)
    uri = security.own_uri()
    certificate = read_certificate(security.certificate)
    der = certificate.public_bytes(Encoding.DER)
    print(f"{security.certificate}  {'made now; ' if made else ''}have the clients trust it")
    print(f"application URI  {uri}")
    print(f"SHA-256          {fingerprint(der)}")
    print(f"valid until      {certificate.not_valid_after_utc:%Y-%m-%d}")
    trusted, refused = (len([*each.iterdir()]) for each in (security.trusted, security.rejected))
    print(f"clients          {trusted} trusted, {refused} refused ({security.rejected})")


def trust_client(certificate: Path, folder: Path) -> None:
    """Trust a client's certificate, at once. Raises KeyFileError."""
    path = SecurityFolder(folder).trust(certificate)
    print(f"{path}  this client may connect from now on; delete the file to undo it")


def make_user(name: str, role: Role, folder: Path) -> None:
    """Add a user, or give one a new password. Raises KeyFileError."""
    password = SecurityFolder(folder).add_user(name, role)
    print(f"{name}  {role}; password, shown only now: {password}")
