"""Who is signed in: sessions, and the codes by which a wall screen is paired."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from detector.station.web.accounts import Accounts, Role, write_private

SIGNED_IN_S = 12 * 3600.0
"""One shift and its handover."""
PAIRED_S = 365 * 86400.0
CODE_S = 300.0
CODE_DIGITS = 8
SESSIONS_MAX = 200
FILE = "sessions.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in or paired."""

    account: str
    csrf: str
    browser: str
    """Hash of the browser's User-Agent: a copied cookie does not work in another browser."""
    until_s: float
    """End, UTC."""
    paired: bool = False


_DOCUMENT = TypeAdapter(dict[str, Session])


class Sessions:
    """The sessions, by the hash of their cookie; they survive a restart."""

    def __init__(self, folder: Path, accounts: Accounts) -> None:
        self._path, self._accounts = folder / FILE, accounts
        self._codes: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}
        with suppress(OSError, ValueError):  # none yet, or damaged: everybody signs in again
            self._sessions = _DOCUMENT.validate_json(self._path.read_bytes())

    def start(self, account: str, user_agent: str, *, paired: bool = False) -> tuple[str, Session]:
        """Begin a session; returns its cookie."""
        cookie = secrets.token_urlsafe(32)
        until_s = time.time() + (PAIRED_S if paired else SIGNED_IN_S)
        session = Session(account, secrets.token_urlsafe(24), _hash(user_agent), until_s, paired)
        self._forget_ended()
        while len(self._sessions) >= SESSIONS_MAX:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[_hash(cookie)] = session
        self._write()
        return cookie, session

    def find(self, cookie: str, user_agent: str) -> Session | None:
        """The session of a cookie, unless it has ended or belongs to another browser."""
        session = self._sessions.get(_hash(cookie))
        if session is None or session.until_s <= time.time():
            return None
        browser = session.browser.encode(), _hash(user_agent).encode()
        return session if hmac.compare_digest(*browser) else None

    def role(self, session: Session) -> Role:
        """What its account may do now: nothing once the account is removed."""
        if session.paired:
            return Role.READ_ONLY
        account = self._accounts.account(session.account)
        return Role.NOBODY if account is None else account.role

    def end(self, cookie: str) -> None:
        if self._sessions.pop(_hash(cookie), None) is not None:
            self._write()

    def new_code(self) -> str:
        """A code that pairs one screen, once, within `CODE_S`."""
        now_s = time.monotonic()
        self._codes = {code: until for code, until in self._codes.items() if until > now_s}
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        self._codes[_hash(code)] = now_s + CODE_S
        return code

    def take_code(self, code: str) -> bool:
        """Whether the code is valid; it is used up."""
        return self._codes.pop(_hash(code), 0.0) > time.monotonic()

    def _forget_ended(self) -> None:
        now_s = time.time()
        self._sessions = {k: each for k, each in self._sessions.items() if each.until_s > now_s}

    def _write(self) -> None:
        text = json.dumps({key: asdict(each) for key, each in self._sessions.items()})
        write_private(self._path, text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
