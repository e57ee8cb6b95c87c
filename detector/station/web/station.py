"""Everything that the server's routes share, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from detector.errors import VigitriError
from detector.station.recorder import EvidenceStored, LineAddress, Recorder
from detector.station.store import Store
from detector.station.store.records import Notice
from detector.station.web.accounts import Accounts, Role
from detector.station.web.answers import Answers
from detector.station.web.attempts import Attempts
from detector.station.web.attention import AttentionImages
from detector.station.web.broadcast import Broadcast
from detector.station.web.guard import cookie_name
from detector.station.web.learning import Learning
from detector.station.web.line_feed import LineFeed
from detector.station.web.live import LiveImages
from detector.station.web.sessions import Sessions
from detector.station.web.visitor import RefusedError

logger = logging.getLogger(__name__)

CLOCK_S = 0.25


class Station:
    """An async context manager; all of it in one event loop. Entering may raise StoreError."""

    def __init__(
        self,
        folder: Path,
        lines: Sequence[LineAddress],
        *,
        is_local: bool,
        tls: bool,
        model: str | None = None,
    ) -> None:
        """`model`: that learns and explains; None: the one that a line's detector names."""
        self.folder, self.is_local, self.tls = folder, is_local, tls
        self.broadcast = Broadcast()
        self.accounts = Accounts(folder)
        self.sessions = Sessions(folder, self.accounts)
        self.attempts = Attempts()
        self.cookie = cookie_name(tls=tls)
        self.started_s = time.time()
        self._model = model
        self.store = Store(folder)
        self.recorder = Recorder(self.store, lines)
        self.lines = {address.name: LineFeed(address, self) for address in lines}
        self.live = {address.name: LiveImages(address) for address in lines}
        self.answers = Answers(self.store, self.lines, self._announce_answer)
        self.learning = Learning(
            folder / "learning", self.store, lambda run: self.broadcast.send("learning", run)
        )
        self.attention = AttentionImages(folder / "attention")
        self._tasks: list[asyncio.Task[None]] = []
        self._audit = ThreadPoolExecutor(1, "audit")
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._stack.callback(self.store.close)
        try:
            self.recorder.subscribe(self._announce_evidence)
            self._stack.enter_context(self.recorder)
        except VigitriError:
            self._stack.close()
            raise
        start = self._loop.create_task
        self._tasks = [start(line.run()) for line in self.lines.values()]
        self._tasks.append(start(self._send_clock()))
        await self.answers.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.stop()
        self.broadcast.close_all()
        await self.learning.stop()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError, Exception):  # `failed` has reported it
                await task
        for live in self.live.values():
            live.stop()
        await asyncio.to_thread(self._audit.shutdown)
        await asyncio.to_thread(self._stack.close)

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

    def send_alarms(self) -> None:
        """Send all open alarms again, after some have gone without a revision."""
        self.broadcast.send("alarms", {"alarms": self.alarms()})

    def notices(self, line: str) -> list[Notice]:
        """What the people at the line should know of the station itself."""
        notices, recording = list(self.store.notices), self.recorder.notice(line)
        if recording is not None and not any(each.text in recording for each in notices):
            notices.append(Notice("not_recorded", recording))
        return notices

    def model_of(self, line: str) -> str:
        """The model of a line, as commands take it. Raises RefusedError."""
        feed = self.lines.get(line)
        facts = None if feed is None else feed.status_of.facts
        if self._model is None and facts is None:
            raise RefusedError(503, "the line's model is not known yet: its detector is silent")
        return self._model or str((facts or {})["model"]["name"])

    def kinds(self) -> list[str]:
        """The kinds that the lines' models tell apart."""
        facts = [feed.status_of.facts or {} for feed in self.lines.values()]
        return sorted({kind["name"] for each in facts for kind in each.get("kinds", ())})

    def audit(self, account: str, role: Role, what: str, detail: str, address: str) -> None:
        """Keep a record of who did what; in the log too, where the disk takes nothing."""
        logger.info("%s (%s, %s): %s %s", account, role.word, address or "-", what, detail)

        def record(t_ns: int) -> None:
            try:
                self.store.record_audit(t_ns, account, role.word, what, detail, address=address)
            except VigitriError as error:
                logger.error("audit log: %s", error)

        self._audit.submit(record, time.time_ns())

    def _announce_answer(self, content: dict[str, Any]) -> None:
        if content["state"] == "sent":
            self.lines[content["line"]].status_of.acknowledged_by = {
                "operator": content["operator"],
                "t_utc_ns": content["t_utc_ns"],
            }
        self.broadcast.send("answer", content)

    def _announce_evidence(self, line: str, stored: EvidenceStored) -> None:
        """Called in the recorder's threads."""
        content = {
            "line": line,
            "boot_id": stored.boot_id,
            "event_id": stored.event_id,
            "evidence_id": stored.evidence_id,
        }
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.broadcast.send, "evidence", content)

    async def _send_clock(self) -> None:
        while True:
            self.broadcast.send("clock", {"server_utc_ns": time.time_ns()})
            await asyncio.sleep(CLOCK_S)
