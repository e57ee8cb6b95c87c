"""Sends events to all open pages, without ever waiting for one of them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

WAITING_MAX = 256
"""Events that wait for one page, half a minute of them; with more the page is cut off. It connects
again and begins with the open alarms."""


def encoded(event: str, content: Any) -> bytes:
    """One server-sent event."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    return f"event: {event}\ndata: {text}\n\n".encode()


class Page:
    """One open page: its waiting events. For the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.cut_off = asyncio.Event()
        """Set when the page does not read, or when the station stops."""

    def add(self, event: bytes) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.clear()
            self.cut_off.set()
        elif not self.cut_off.is_set():
            self._waiting.append(event)
            self._ready.set()

    async def next(self) -> bytes:
        """All waiting events; waits for the first."""
        await self._ready.wait()
        self._ready.clear()
        events = b"".join(self._waiting)
        self._waiting.clear()
        return events


class Broadcast:
    """The open pages."""

    def __init__(self) -> None:
        self._pages: set[Page] = set()
        self.cut_off = 0
        """Pages cut off because they did not read."""

    def __len__(self) -> int:
        return len(self._pages)

    def send(self, event: str, content: Any) -> None:
        if self._pages:
            data = encoded(event, content)
            for page in self._pages:
                page.add(data)

    def open(self) -> Page:
        page = Page()
        self._pages.add(page)
        return page

    def close(self, page: Page) -> None:
        self._pages.discard(page)

    def close_all(self) -> None:
        """The station stops."""
        for page in self._pages:
            page.cut_off.set()
