"""Requests to the operators' station: bodies, queries and headers, to its whole application."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import quote

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.changes.of_documents import ODD, changed_json
from benchmarks.fuzz.parser import IN_MEMORY, Parser, UnsoundError
from benchmarks.fuzz.parsers.messages import packed, unpacked
from detector.station.recorder import LineAddress
from detector.station.web.app import make_app
from detector.station.web.attempts import Attempts
from detector.station.web.station import Station as RealStation
from detector.wire import samples
from detector.wire.messages import Header

_ALARM = {"line": samples.LINE, "boot_id": samples.BOOT_ID, "event_id": "e-17"}
_BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/answer", {**_ALARM, "what": "removed"}),
    ("/api/undo", _ALARM),
    ("/api/shelve", {"line": "x", "hazard": "battery", "reason": "repair", "minutes": 15}),
    ("/api/login", {"account": "a", "password": "b"}),
    ("/api/pair", {"code": "123 456"}),
    ("/api/learning/label", {**_ALARM, "label": "harmless"}),
    ("/api/learning/adapt", {"line": "x"}),
)
_SPAN = "since=1&until=1800000000000000000"
_QUERIES = (
    *("/api/events?limit=3&hazard=gas&text=a&since=1&before=1-2", "/api/alarms", "/api/lines"),
    f"/api/events?line={samples.LINE}&outcome=removed&state=unacknowledged&kind=tin&until=5",
    f"/api/events/{samples.BOOT_ID}/e-17?line={samples.LINE}",
    *(f"/api/rates?{_SPAN}&by=day", f"/api/answer-times?{_SPAN}", f"/api/false-alarms?{_SPAN}"),
    *(f"/api/blind-times?{_SPAN}&line=a", "/api/audit?limit=2&before=5", "/api/me", "/"),
    *(f"/api/export/csv?{_SPAN}", f"/api/export/jsonl?{_SPAN}&line=a", "/api/learning?line=a"),
    *("/api/evidence/a-b-1/crop.jpg", "/api/evidence/a-b-1/attention.png", "/health/ready"),
)
_ODD_TEXTS = tuple(quote(str(each), errors="surrogatepass")[:200] for each in ODD)
_HEADERS = ("host", "origin", "cookie", "content-type", "x-csrf-token", "authorization")
_WORDS = (b"%00", b"%ff", b"&", b"=", b"/..", b"%2f", b"9" * 30, b"-1", b"?", b"\xff", b"e-17")
_HOST = b"127.0.0.1:8700"
_TIMEOUT_S = 10.0


class Station(Parser):
    """A case is method, path with query, one header with its value, and body."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="station-", dir=IN_MEMORY))
        self._runner = asyncio.Runner()
        self._served = 0
        self._runner.run(self._start())
        return self

    def __exit__(self, *raised: object) -> None:
        self._runner.run(self._station.__aexit__(*raised))
        self._runner.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> None:
        ends = "tcp://127.0.0.1:9", "tcp://127.0.0.1:10", "tcp://127.0.0.1:11"
        lines = [LineAddress(samples.LINE, *ends)]
        self._station = RealStation(self._folder, lines, is_local=True, tls=False)
        await self._station.__aenter__()
        self._app: Any = make_app(self._station)
        _, body = await self._ask("GET", b"/api/me", [(b"host", _HOST)], b"")
        self._csrf = json.loads(body)["csrf"].encode()
        header: Header = samples.HEADER
        self._station.store.record_alert(header, samples.ALERT)

    def valid(self) -> list[bytes]:
        posts = [
            packed([b"POST", path.encode(), b"", b"", json.dumps(body).encode()])
            for path, body in _BODIES
        ]
        return posts + [packed([b"GET", path.encode(), b"", b"", b""]) for path in _QUERIES]

    def changed(self, rng: Random) -> bytes:
        method, path, name, value, body = unpacked(rng.choice(self.seeds))
        if rng.random() < 0.1:
            name = rng.choice(_HEADERS).encode()
            value = changed_bytes(rng, [b"text/html", _HOST, b"vigitri=a", b"Basic YTpi"])
        if method == b"POST":
            body = changed_json(rng, [body])
        elif rng.random() < 0.5 and b"=" in path:
            before, _, _ = path.rpartition(b"=")
            path = before + b"=" + rng.choice(_ODD_TEXTS).encode()
        else:
            path = changed_bytes(rng, [path], words=_WORDS, most=2)
            # uvicorn refuses all else before the application sees it.
            path = b"/" + bytes(each for each in path[1:] if 0x21 <= each <= 0x7E)
        return packed([method, path, name, value, body])

    def parse(self, case: bytes) -> None:
        parts = unpacked(case)
        if len(parts) == 5:
            self._runner.run(self._request(*parts))

    async def _request(
        self, method: bytes, path: bytes, name: bytes, value: bytes, body: bytes
    ) -> None:
        self._served += 1
        if self._served % 100 == 0:  # else each sign-in is refused for those before it
            self._station.attempts = Attempts()
        headers = {
            b"host": _HOST,
            b"content-type": b"application/json",
            b"content-length": str(len(body)).encode(),
            b"x-csrf-token": self._csrf,
        }
        if name:
            headers[name] = value
        verb = method.decode("ascii", "replace")
        status, answer = await asyncio.wait_for(
            self._ask(verb, path, list(headers.items()), body), _TIMEOUT_S
        )
        if status >= 400:
            text = json.loads(answer).get("error", "x") if answer[:1] == b"{" else "x"
            if not text:
                raise UnsoundError(f"{status} without a reason")

    async def _ask(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, bytes]:
        """As uvicorn calls the application. A stream has ended when it is asked for more."""
        path, _, query = target.partition(b"?")
        status, answer = 0, bytearray()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": _unquoted(path),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8700),
        }
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]

        async def receive() -> dict[str, Any]:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, bytes(answer)


def _unquoted(path: bytes) -> str:
    from urllib.parse import unquote

    return unquote(path.decode("ascii", "replace"))
