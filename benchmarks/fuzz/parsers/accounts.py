"""The station's files of accounts and sessions."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.fuzz.changes.of_documents import changed_json
from benchmarks.fuzz.parser import IN_MEMORY, Parser, UnsoundError
from benchmarks.fuzz.parsers.messages import packed, unpacked
from detector.station.web.accounts import AccountError, Accounts
from detector.station.web.sessions import Sessions

COOKIE, AGENT = "cookie", "browser"


class AccountFiles(Parser):
    """A case is both files. A damaged file of sessions is none: all sign in again."""

    refusals = (AccountError,)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="accounts-", dir=IN_MEMORY))
        for name in ("accounts.json", "sessions.json"):
            (self._folder / name).touch(0o600)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def valid(self) -> list[bytes]:
        account = {"role": "operator", "password": "c2FsdA==$aGFzaA=="}
        session = {
            "account": "a",
            "csrf": "x",
            "browser": sha256(AGENT.encode()).hexdigest(),
            "until_s": 4e9,
            "paired": False,
        }
        cookie = sha256(COOKIE.encode()).hexdigest()
        files = {"accounts": {"a": account}}, {cookie: session}
        return [packed([json.dumps(each).encode() for each in files])]

    def changed(self, rng: Random) -> bytes:
        files = unpacked(self.seeds[0])
        at = int(rng.random() * 2)
        files[at] = changed_json(rng, [files[at]])
        return packed(files)

    def parse(self, case: bytes) -> None:
        for name, data in zip(("accounts.json", "sessions.json"), unpacked(case), strict=False):
            (self._folder / name).write_bytes(data)
        accounts = Accounts(self._folder)
        sessions = Sessions(self._folder, accounts)
        session = sessions.find(COOKIE, AGENT)
        if session is not None and session.until_s < time.time():
            raise UnsoundError("a session that has ended")
        if session is not None:
            sessions.role(session)
        accounts.all()
