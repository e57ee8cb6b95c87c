"""Addresses and certificates: what is served, and what is refused in one line."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from detector.station.web.accounts import Accounts, Role
from detector.station.web.server import (
    ListenAddress,
    ListenError,
    check_open_to_network,
    listening_socket,
    tls_context,
)
from tests.station.web.certificates import write_certificate
from tests.station.web.running_station import Browser, RunningStation
from tests.station.web.scripted_line import ScriptedLine

PASSWORD = "correct horse"


@pytest.mark.parametrize(
    "text", ["8420", "127.0.0.1:", "127.0.0.1:99999", "hall2:8420", "127.0.0.1:http"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ListenError) as refused:
        ListenAddress.parse(text)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    refused = pytest.raises(ListenError, match=r"in use, perhaps by another station; .*--listen")
    with listening_socket(ListenAddress("127.0.0.1", 0)) as first, refused:
        listening_socket(ListenAddress("127.0.0.1", first.getsockname()[1]))


def test_the_network_needs_tls_and_accounts() -> None:
    everywhere = ListenAddress.parse("0.0.0.0:8420")
    with pytest.raises(ListenError, match="--tls-cert"):
        check_open_to_network(everywhere, tls=False, accounts=True)
    with pytest.raises(ListenError, match="station account add"):
        check_open_to_network(everywhere, tls=True, accounts=False)
    check_open_to_network(everywhere, tls=True, accounts=True)
    check_open_to_network(ListenAddress.parse("[::1]:8420"), tls=False, accounts=False)


def test_a_certificate_that_does_not_fit_its_key_is_refused(tmp_path: Path) -> None:
    first, second = (write_certificate(tmp_path, name) for name in ("one", "two"))
    with pytest.raises(ListenError, match=r"two\.key is not the key of the certificate .*one\.crt"):
        tls_context(first[0], second[1])


def test_a_certificate_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "one")
    _, locked = write_certificate(tmp_path, "two", password=b"secret")
    empty = tmp_path / "empty.crt"
    empty.write_text("")
    for paths, words in (
        ((tmp_path / "none.crt", key), "No such file"),
        ((empty, key), "not a certificate and its key in PEM"),
        ((certificate, locked), "without a password"),
    ):
        with pytest.raises(ListenError, match=words):
            tls_context(*paths)


def test_over_tls_the_cookie_is_secure_and_the_browser_stays_with_https(
    line: ScriptedLine, tmp_path: Path
) -> None:
    folder = tmp_path / "station"
    Accounts(folder).add("ada", Role.OPERATOR, PASSWORD)
    certificate, key = write_certificate(tmp_path, "station")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with (
        RunningStation(
            folder, [line.address], tls=tls_context(certificate, key), is_local=False
        ) as station,
        Browser(station, verify=trusted) as browser,
    ):
        signed_in = browser.login("ada", PASSWORD)
        cookie = signed_in.headers["set-cookie"]
        assert cookie.startswith("__Host-vigitri=")
        assert "; secure" in cookie.lower()
        assert "max-age" in signed_in.headers["strict-transport-security"]
        assert browser.get("/api/alarms").status_code == 200
