"""Everything that the server's routes share, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from detector.station.line_address import LineAddress
from detector.station.web.accounts import Accounts, Role
from detector.station.web.answers import Answer, Answers
from detector.station.web.attempts import Attempts
from detector.station.web.broadcast import Broadcast
from detector.station.web.line_feed import LineFeed
from detector.station.web.sessions import Sessions
from detector.station.web.visitor import RefusedError

logger = logging.getLogger(__name__)

CLOCK_S = 0.25


class Station:
    """An async context manager; all of it in one event loop."""

    def __init__(
        self, folder: Path, lines: Sequence[LineAddress], *, is_local: bool, tls: bool
    ) -> None:
        self.folder, self.is_local, self.tls = folder, is_local, tls
        self.broadcast = Broadcast()
        self.accounts = Accounts(folder)
        self.sessions = Sessions(folder, self.accounts)
        self.attempts = Attempts()
        self.cookie = "__Host-vigitri" if tls else "vigitri"
        self.started_s = time.time()
        self.lines = {
            address.name: LineFeed(address, self.broadcast, self._send_alarms) for address in lines
        }
        self.answers = Answers(
            folder, self.lines, lambda event: self.broadcast.send("answer", event), self._record
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        start = asyncio.get_running_loop().create_task
        self._tasks = [start(line.run()) for line in self.lines.values()]
        self._tasks.append(start(self._send_clock()))
        self.answers.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.stop()
        self.broadcast.close_all()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def failed(self) -> None:
        """Wait until a task has failed; raises its error."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def line(self, name: str) -> LineFeed:
        """Raises RefusedError."""
        if name not in self.lines:
            raise RefusedError(404, f"there is no line {name!r}")
        return self.lines[name]

    def alarms(self) -> list[dict[str, Any]]:
        """The open alarms of all lines, each as in the event `alarm`."""
        return [alarm for line in self.lines.values() for alarm in line.alarms()]

    def audit(self, account: str, role: Role, what: str, detail: str, address: str) -> None:
        """Keep a record of who did what."""
        logger.info("%s (%s, %s): %s %s", account, role.word, address or "-", what, detail)

    def _send_alarms(self) -> None:
        self.broadcast.send("alarms", {"alarms": self.alarms()})

    def _record(self, answer: Answer) -> None:
        self.lines[answer.line].status_of.acknowledged_by = {
            "operator": answer.operator,
            "t_utc_ns": answer.t_utc_ns,
        }

    async def _send_clock(self) -> None:
        while True:
            self.broadcast.send("clock", {"server_utc_ns": time.time_ns()})
            await asyncio.sleep(CLOCK_S)
