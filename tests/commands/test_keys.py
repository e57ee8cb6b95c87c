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
