"""`vigitri station`: its options, accounts and refusals."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from detector.station.store import Store
from detector.station.web.server import ListenAddress, listening_socket
from detector.wire import samples
from tests.commands.conftest import Vigitri
from tests.station.web.certificates import write_certificate

LINE = ("--name", "belt-1", "--subscribe", "tcp://127.0.0.1:1", "--requests", "tcp://127.0.0.1:2")
ANY_PORT = ("--listen", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (ANY_PORT, "no line: give LINE.toml"),
        ((*ANY_PORT, "nowhere.toml"), "nowhere.toml"),
        (("serve", *ANY_PORT, "nowhere.toml"), "nowhere.toml"),
        ((*LINE[2:], *ANY_PORT), "0 --name for 1 --subscribe"),
        ((*LINE[:4], *ANY_PORT), "0 --requests for 1 --subscribe"),
        ((*LINE, *LINE, *ANY_PORT), "two lines of the same name: belt-1, belt-1"),
        ((*LINE, "--line-key", "a", *ANY_PORT), "--line-key without --own-key"),
        ((*LINE, "--listen", "8420"), "write a host and a port"),
        ((*LINE, "--listen", "0.0.0.0:8420"), "give --tls-cert and --tls-key"),
        ((*LINE, *ANY_PORT, "--tls-cert", "a.crt"), "--tls-cert and --tls-key go together"),
        ((*LINE, *ANY_PORT, "--tls-cert", "a.crt", "--tls-key", "a.key"), "a.crt: No such file"),
    ],
)
def test_invalid_options_are_refused_in_one_line(
    vigitri: Vigitri, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    folder = tmp_path / "station"
    result = vigitri("station", *arguments, "--folder", folder)
    assert (result.code, result.out) == (2, [])
    (line,) = result.err
    assert why in line


def test_a_taken_port_is_refused_before_the_store_is_touched(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    with listening_socket(ListenAddress("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        result = vigitri("station", *LINE, "--listen", listen, "--folder", tmp_path / "station")
    assert result.code == 2
    assert result.err == [
        f"vigitri: {listen} is in use, perhaps by another station; stop that one or use --listen"
    ]
    assert not (tmp_path / "station").exists()


def test_a_certificate_that_does_not_fit_its_key_is_refused(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    certificate, _ = write_certificate(tmp_path, "one")
    _, key = write_certificate(tmp_path, "two")
    tls = ("--tls-cert", certificate, "--tls-key", key)
    result = vigitri("station", *LINE, *ANY_PORT, *tls, "--folder", tmp_path / "station")
    assert result.code == 2
    assert result.err == [f"vigitri: {key} is not the key of the certificate {certificate}"]


def test_a_database_of_a_newer_version_is_refused_in_one_line(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    folder = tmp_path / "station"
    folder.mkdir()
    with sqlite3.connect(folder / "station.sqlite3") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    result = vigitri("station", *LINE, *ANY_PORT, "--folder", folder)
    assert result.code == 2
    (line,) = result.err
    assert "newer" in line


def test_accounts_are_added_listed_and_removed(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ("--folder", tmp_path / "station")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    added = vigitri("station", "account", "add", "ada", "--role", "operator", *folder)
    assert (added.code, added.out) == (0, ["ada may sign in as operator"])
    assert vigitri("station", "account", "list", *folder).out == ["ada  operator"]
    assert vigitri("station", "account", "remove", "ada", *folder).code == 0
    gone = vigitri("station", "account", "remove", "ada", *folder)
    assert (gone.code, "no account 'ada'" in gone.err[0]) == (2, True)


@pytest.mark.parametrize(("role", "password"), [("boss", "correct horse"), ("operator", "short")])
def test_a_wrong_role_and_a_short_password_are_refused(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, password: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    refused = vigitri("station", "account", "add", "ada", "--role", role, "--folder", tmp_path)
    assert (refused.code, len(refused.err)) == (2, 1)


@pytest.mark.parametrize("option", ["--station-listen", "--station-folder"])
def test_options_of_the_station_need_with_station(vigitri: Vigitri, option: str) -> None:
    refused = vigitri("run", "line.toml", option, "127.0.0.1:8420")
    assert refused.code == 2
    assert refused.err == [
        f"vigitri: {option} 127.0.0.1:8420: has no effect without --with-station. Add it"
    ]


def test_what_is_stored_is_exported_to_a_file(vigitri: Vigitri, tmp_path: Path) -> None:
    folder = tmp_path / "station"
    with Store(folder) as store:
        store.record_alert(samples.HEADER, samples.ALERT)
    for form in ("csv", "json", "shift-report"):
        out = tmp_path / f"export.{form}"
        done = vigitri("station", "export", form, "-o", out, "--folder", folder)
        assert (done.code, done.out) == (0, [str(out)])
    assert "e-17" in (tmp_path / "export.csv").read_text(encoding="utf-8")


def test_exports_that_can_not_be_made_are_refused_in_one_line(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    folder = tmp_path / "station"
    Store(folder).close()
    nowhere = tmp_path / "none"
    for form, out, where, why in (
        ("csv", nowhere / "export.csv", folder, "No such file or directory"),
        ("yolo", tmp_path / "yolo", folder, "no answered alarm"),
        ("csv", tmp_path / "export.csv", nowhere, "there is no store"),
    ):
        refused = vigitri("station", "export", form, "-o", out, "--folder", where)
        assert (refused.code, len(refused.err), why in refused.err[0]) == (2, 1, True)
