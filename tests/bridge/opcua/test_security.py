"""Certificates, trust and users, with a real client."""

from __future__ import annotations

import datetime
import logging
from pathlib import Path
from typing import Any

import asyncua
import pytest
from asyncua import ua
from asyncua.crypto import cert_gen
from asyncua.crypto.security_policies import (
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from asyncua.ua.uaerrors import (
    BadCertificateUntrusted,
    BadCertificateUriInvalid,
    BadSecurityPolicyRejected,
    BadUserAccessDenied,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from detector.bridge.opcua.security import REJECTED_MAX, SecurityFolder
from detector.wire.keys import KeyFileError
from tests.bridge.opcua.conftest import LINE, Served
from tests.small_line import PATIENCE_S

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.xdist_group("opcua"),  # one worker makes the servers
]
URI = "urn:test:client"
Sign, Encrypt = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt


def make_certificate(folder: Path, name: str = "client", uri: str = URI, days: int = 30) -> Path:
    """Write `NAME.der` and `NAME.pem`, its key; returns the certificate's path."""
    key = cert_gen.generate_private_key()
    certificate = cert_gen.generate_self_signed_app_certificate(
        key,
        name,
        {},
        [x509.UniformResourceIdentifier(uri)],
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        days=days,
    )
    (folder / f"{name}.pem").write_bytes(cert_gen.dump_private_key_as_pem(key))
    path = folder / f"{name}.der"
    path.write_bytes(certificate.public_bytes(Encoding.DER))
    return path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("client"))


async def client_of(
    at: Served,
    certificate: Path,
    *,
    policy: Any = SecurityPolicyBasic256Sha256,
    mode: Any = Encrypt,
    uri: str = URI,
    user: tuple[str, str] | None = None,
) -> Any:
    client = asyncua.Client(at.endpoint, timeout=PATIENCE_S)
    client.application_uri = uri
    key = certificate.with_suffix(".pem")
    await client.set_security(policy, str(certificate), str(key), mode=mode)
    if user is not None:
        client.set_user(user[0])
        client.set_password(user[1])
    return client


@pytest.mark.parametrize("mode", [Sign, Encrypt])
@pytest.mark.parametrize("policy", [SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss])
def test_a_trusted_client_reads_over_a_signed_or_encrypted_channel(
    secure: Served, certificate: Path, policy: Any, mode: Any
) -> None:
    assert secure.security is not None
    secure.security.trust(certificate)

    async def run() -> None:
        async with await client_of(secure, certificate, policy=policy, mode=mode) as client:
            assert await client.get_node(f"ns=2;s={LINE}.Line").read_value() == LINE

    secure.run(run)


def test_an_untrusted_client_is_refused_kept_and_served_once_it_is_trusted(
    secure: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger, security = make_certificate(tmp_path, "stranger"), secure.security
    assert security is not None

    async def run() -> None:
        with pytest.raises(BadCertificateUntrusted):
            await (await client_of(secure, stranger)).connect()
        (kept,) = security.rejected.glob("stranger-*.der")
        (message,) = [each for each in caplog.messages if "is not trusted" in each]
        assert f"`vigitri keys opcua-trust {kept} -d {security.folder}`" in message
        assert URI in message
        security.trust(kept)
        assert not kept.exists()
        async with await client_of(secure, stranger):
            pass

    with caplog.at_level(logging.WARNING):
        secure.run(run)


def test_another_application_with_a_trusted_certificate_is_refused(
    secure: Served, certificate: Path
) -> None:
    assert secure.security is not None
    secure.security.trust(certificate)

    async def run() -> None:
        with pytest.raises(BadCertificateUriInvalid):
            await (await client_of(secure, certificate, uri="urn:test:another")).connect()

    secure.run(run)


def test_without_encryption_only_the_endpoints_can_be_read(secure: Served) -> None:
    async def run() -> None:
        client = secure.client()
        endpoints = await client.connect_and_get_server_endpoints()
        assert {each.SecurityMode for each in endpoints} == {Sign, Encrypt}
        await client.connect_sessionless()
        with pytest.raises(BadSecurityPolicyRejected):
            await client.create_session()
        client.disconnect_socket()

    secure.run(run)


def test_a_user_needs_the_right_password_and_has_the_role_that_was_given(
    secure: Served, certificate: Path
) -> None:
    security = secure.security
    assert security is not None
    security.trust(certificate)
    old = security.add_user("anna", "observer")
    password = security.add_user("anna", "operator")
    assert password not in security.users_file.read_text(encoding="utf-8")
    assert security.users_file.stat().st_mode & 0o077 == 0
    user = security.get_user(None, "anna", password)
    assert user is not None
    assert user.operator
    assert security.get_user(None, "bert", "") is None

    async def run() -> None:
        for mode in (Sign, Encrypt):
            given = ("anna", password)
            async with await client_of(secure, certificate, mode=mode, user=given):
                pass
        with pytest.raises(BadUserAccessDenied):
            await (await client_of(secure, certificate, user=("anna", old))).connect()

    secure.run(run)


@pytest.mark.parametrize(
    "users",
    [
        'anna = "secret"',
        '[anna]\nrole = "operator"',
        '[anna]\nrole = "operator"\nsalt = "a"\nsha256 = 3',
        '[anna]\nrole = "operator"\nsalt = "a"\nsha256 = "é"',
    ],
)
def test_a_damaged_file_of_users_lets_nobody_in_and_is_named(
    users: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    security = SecurityFolder(tmp_path)
    security.users_file.write_text(users, encoding="utf-8")
    assert security.get_user(None, "anna", "secret") is None
    assert "anna: needs role, salt and sha256 as text; remove it" in caplog.text


def test_a_flood_of_strangers_fills_neither_disk_nor_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    security = SecurityFolder(tmp_path / "opcua")
    security.prepare()
    for number in range(REJECTED_MAX - 1):
        (security.rejected / f"{number}.der").touch()
    for name in ("a", "b"):
        stranger = make_certificate(tmp_path, name).read_bytes()
        for _ in range(3):
            with pytest.raises(asyncua.common.utils.ServiceError):
                security.check(stranger, URI, "10.0.0.9")
    assert len(list(security.rejected.iterdir())) == REJECTED_MAX
    assert len(caplog.messages) == 2


def test_an_expired_client_is_refused_with_its_dates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    security = SecurityFolder(tmp_path / "opcua")
    expired = make_certificate(tmp_path, days=0)
    security.trust(expired)
    with pytest.raises(asyncua.common.utils.ServiceError):
        security.check(expired.read_bytes(), URI, "10.0.0.9")
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    assert f"valid from {today} to {today}" in caplog.text


def damage_certificate(security: SecurityFolder) -> None:
    security.certificate.write_text("no certificate")


def damage_key(security: SecurityFolder) -> None:
    security.key.write_text("no key")


def another_key(security: SecurityFolder) -> None:
    security.key.write_bytes(cert_gen.dump_private_key_as_pem(cert_gen.generate_private_key()))


def open_key(security: SecurityFolder) -> None:
    security.key.chmod(0o644)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (damage_certificate, "not an X.509 certificate"),
        (damage_key, "not a usable key"),
        (another_key, "not the certificate's key"),
        (open_key, "chmod 0600"),
    ],
)
def test_an_own_certificate_that_cannot_be_used_is_refused_in_one_line(
    secure: Served, tmp_path: Path, damage: Any, why: str
) -> None:
    assert secure.security is not None
    security = SecurityFolder(tmp_path)
    security.certificate.parent.mkdir()
    for name in ("certificate", "key"):
        source, target = getattr(secure.security, name), getattr(security, name)
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
    assert security.own_uri().endswith(":vigitri:bridge")
    damage(security)
    with pytest.raises(KeyFileError, match=why) as refused:
        security.own_uri()
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_certificate_is_named_and_the_others_still_trusted(
    tmp_path: Path, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    security = SecurityFolder(tmp_path)
    security.trust(certificate)
    (security.trusted / "broken.pem").write_text("?")
    assert security.trusted_certificates() == {certificate.read_bytes()}
    assert "broken.pem: not an X.509 certificate" in caplog.text


def test_the_certificate_is_made_once(secure: Served) -> None:
    assert secure.security is not None
    before = secure.security.certificate.read_bytes()
    assert not secure.security.prepare()
    assert secure.security.certificate.read_bytes() == before
