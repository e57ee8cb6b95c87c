"""`GET /api/stream`: server-sent events to one page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from detector.station.web.broadcast import Broadcast, Page, encoded

PAGES_MAX = 64
SEND_S = 5.0
"""A page that takes nothing for this long is cut off."""
END_S = 0.2


class EventStream(Response):
    """The events of a page until it leaves, is cut off or is signed out."""

    media_type = "text/event-stream"

    def __init__(
        self, broadcast: Broadcast, first: list[bytes], is_welcome: Callable[[], bool]
    ) -> None:
        """`first`: sent at once. `is_welcome`: whether the page's session is still valid."""
        self._broadcast, self._first, self._is_welcome = broadcast, first, is_welcome
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        page = self._broadcast.open()
        for event in self._first:
            page.add(event)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            tasks = [
                asyncio.ensure_future(self._send_events(page, send)),
                asyncio.ensure_future(_until_disconnected(receive)),
                asyncio.ensure_future(page.cut_off.wait()),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(TimeoutError):  # a page that does not read gets no proper end
                async with asyncio.timeout(END_S):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._broadcast.close(page)

    async def _send_events(self, page: Page, send: Send) -> None:
        while self._is_welcome():
            body = await page.next()
            try:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            except TimeoutError:
                self._broadcast.cut_off += 1
                return


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream(request: Request) -> Response:
    """`hello`, the state of each line, the open alarms; then everything as it happens."""
    station = request.app.state.station
    if len(station.broadcast) >= PAGES_MAX:
        return JSONResponse({"error": f"{PAGES_MAX} pages are open already; close one"}, 503)
    statuses = [line.status() for line in station.lines.values()]
    first = [
        b"retry: 500\n\n",
        encoded("hello", {"server_utc_ns": time.time_ns(), "lines": list(station.lines)}),
        *(encoded("line", status) for status in statuses),
        encoded("alarms", {"alarms": station.alarms()}),
        *(encoded("answer", held) for held in station.answers.held()),
    ]
    return EventStream(station.broadcast, first, request.state.visitor.is_valid)
