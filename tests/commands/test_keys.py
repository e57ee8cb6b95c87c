from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import Vigitri


@pytest.fixture
def made(vigitri: Vigitri, tmp_path: Path) -> Path:
    """A folder with the key files of `mes`, and `mes` on the allow-list `allowed`."""
    assert vigitri("keys", "new", "mes", "-d", tmp_path).code == 0
    public = tmp_path / "mes.public.toml"
    assert vigitri("keys", "allow", public, "-d", tmp_path / "allowed").code == 0
    return tmp_path


def test_keys_are_generated_allowed_listed_and_revoked(vigitri: Vigitri, made: Path) -> None:
    (listed,) = vigitri("keys", "list", "-d", made / "allowed").out
    assert listed.startswith("mes  ")
    assert len(listed.split()[1]) == 40
    assert vigitri("keys", "revoke", "mes", "-d", made / "allowed").code == 0
    assert vigitri("keys", "list", "-d", made / "allowed").out == []


@pytest.mark.parametrize(
    ("key", "more", "why"),
    [
        ("mes.secret.toml", (), "contains the secret"),
        ("nowhere.public.toml", (), "neither an existing file"),
        ("{public}", (), "give --name"),
        ("{public}", ("--name", "second"), "on the list already, as 'mes'"),
        ("{public}", ("--name", "../x"), "not a key name"),
        ("mes.public.toml", (), "exists already"),
    ],
)
def test_a_key_that_cannot_be_allowed_is_refused_in_one_line(
    vigitri: Vigitri, made: Path, key: str, more: tuple[str, ...], why: str
) -> None:
    public = vigitri("keys", "list", "-d", made / "allowed").out[0].split()[1]
    given = public if key == "{public}" else str(made / key)
    result = vigitri("keys", "allow", given, "-d", made / "allowed", *more)
    assert (result.code, result.out) == (2, [])
    (line,) = result.err
    assert why in line
    assert len(vigitri("keys", "list", "-d", made / "allowed").out) == 1


def test_the_opcua_bridge_has_a_certificate_trusted_clients_and_users(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    pytest.importorskip("asyncua", reason="the extra opcua is not installed")
    folder = tmp_path / "opcua"
    first = vigitri("keys", "opcua", "-d", folder, "--host", "10.0.0.5", "--host", "plc-bridge")
    assert "made now" in first.out[0]
    assert first.out[-1].startswith("clients          0 trusted, 0 refused")
    vigitri("keys", "opcua-trust", folder / "own/bridge.der", "-d", folder)
    again = vigitri("keys", "opcua", "-d", folder)
    assert first.out[1:-1] == again.out[1:-1]
    assert again.out[-1].startswith("clients          1 trusted, 0 refused")
    (line,) = vigitri("keys", "opcua-user", "anna", "--role", "operator", "-d", folder).out
    assert line.startswith("anna  operator; password, shown only now: ")
    for wrong, why in (
        (("opcua-trust", tmp_path / "nothing.der"), "No such file"),
        (("opcua-trust", __file__), "not an X.509 certificate"),
        (("opcua-user", "an/na"), "not a user name"),
    ):
        result = vigitri("keys", *wrong, "-d", folder)
        assert (result.code, len(result.err)) == (2, 1)
        assert why in result.err[0]
