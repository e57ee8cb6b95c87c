"""The station's server in a thread of the test, and a browser without a page."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from detector.station.recorder import LineAddress
from detector.station.web.server import ListenAddress, listening_socket, serve
from detector.station.web.station import Station
from tests.small_line import PATIENCE_S

Event = tuple[str, dict[str, Any]]


class RunningStation:
    """A context manager."""

    def __init__(
        self,
        folder: Path,
        lines: Sequence[LineAddress],
        *,
        tls: ssl.SSLContext | None = None,
        is_local: bool = True,
    ) -> None:
        self._folder, self._lines, self._tls, self._is_local = folder, lines, tls, is_local
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="station")
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(PATIENCE_S)
        if self.failure is not None:
            self._thread.join()
            raise self.failure
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def _run(self) -> None:
        try:
            with listening_socket(ListenAddress("127.0.0.1", 0)) as opened:
                self.port = int(opened.getsockname()[1])
                asyncio.run(self._serve(opened))
        except BaseException as error:
            self.failure = error
            self._started.set()

    async def _serve(self, opened: socket.socket) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.station = Station(
            self._folder, self._lines, is_local=self._is_local, tls=self._tls is not None
        )
        self._loop.call_soon(self._started.set)
        await serve(self.station, opened, self._stop, self._tls)


class Browser:
    """Requests of one browser, with its cookies and token."""

    def __init__(self, station: RunningStation, agent: str = "test", **settings: Any) -> None:
        self.http = httpx.Client(
            base_url=station.url,
            headers={"User-Agent": agent},
            timeout=PATIENCE_S,
            trust_env=False,
            **settings,
        )
        self.csrf = ""

    def __enter__(self) -> Self:
        self.csrf = self.get("/api/me").json()["csrf"] or ""
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={"X-CSRF-Token": self.csrf, **headers})

    def login(self, account: str, password: str) -> httpx.Response:
        response = self.post("/api/login", {"account": account, "password": password})
        if response.status_code == 200:
            self.csrf = response.json()["csrf"]
        return response

    @contextmanager
    def events(self) -> Iterator[Iterator[Event]]:
        """The stream of events."""
        with self.http.stream("GET", "/api/stream") as response:
            assert response.status_code == 200
            yield _events(response.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Event]:
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def wait_for(
    events: Iterator[Event], kind: str, is_it: Callable[[dict[str, Any]], bool] = lambda _: True
) -> dict[str, Any]:
    """The content of the next such event. The stream's clock goes on for ever, so a test that waits
    in vain ends by the suite's time limit."""
    return next(content for name, content in events if name == kind and is_it(content))
