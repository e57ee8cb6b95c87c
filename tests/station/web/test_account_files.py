"""The files of accounts and sessions, damaged."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from detector.station.web.accounts import AccountError, Accounts
from detector.station.web.sessions import Sessions


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[" * 3000,
        '{"accounts": []}',
        '{"accounts": {"a": {"role": 5, "password": ""}}}',
        '{"accounts": {"a": {"role": "operator"}}}',
    ],
)
def test_a_damaged_file_of_accounts_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts.json"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(AccountError, match="can't be read; restore it"):
        Accounts(tmp_path).all()


@pytest.mark.parametrize(
    "changes", [{"until_s": "x"}, {"until_s": None}, {"browser": "é"}, {"browser": 3}, {"csrf": []}]
)
def test_a_damaged_session_has_ended(tmp_path: Path, changes: dict[str, object]) -> None:
    whole = {"account": "a", "csrf": "x", "browser": sha256(b"x").hexdigest(), "until_s": 4e9}
    cookie = sha256(b"cookie").hexdigest()
    (tmp_path / "sessions.json").write_text(json.dumps({cookie: whole}))
    assert Sessions(tmp_path, Accounts(tmp_path)).find("cookie", "x") is not None
    (tmp_path / "sessions.json").write_text(json.dumps({cookie: {**whole, **changes}}))
    assert Sessions(tmp_path, Accounts(tmp_path)).find("cookie", "x") is None


def test_a_file_of_sessions_that_is_a_list_is_none(tmp_path: Path) -> None:
    (tmp_path / "sessions.json").write_text("[]")
    assert Sessions(tmp_path, Accounts(tmp_path)).find("cookie", "x") is None
