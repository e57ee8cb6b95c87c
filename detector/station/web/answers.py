"""Operators' answers: `seen` goes out at once, an outcome after the time in which it can be undone.

Held outcomes are in a file: if the station dies within that time, they are sent at its next start.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from detector.station.web.accounts import write_private
from detector.station.web.visitor import RefusedError
from detector.wire.messages import Alert, Outcome
from detector.wire.requests import Acknowledge, AnswerRequest, Reply, ReportOutcome

logger = logging.getLogger(__name__)

UNDO_S = 10.0
AGAIN_S = 2.0
GIVE_UP_S = 3600.0
"""An answer that the detector has not taken for this long is dropped, and said so."""
FILE = "held-answers.json"
What = Literal["seen", "removed", "false_alarm", "not_found"]
WHATS = ("seen", *(outcome.value for outcome in Outcome))


@dataclass(frozen=True, slots=True)
class Answer:
    """An operator's answer to one alarm."""

    line: str
    boot_id: str
    event_id: str
    what: str
    operator: str
    t_utc_ns: int
    request_id: str
    """The same however often it is sent: the detector carries it out once."""

    @property
    def alarm(self) -> tuple[str, str, str]:
        return self.line, self.boot_id, self.event_id

    @property
    def undo_until_utc_ns(self) -> int | None:
        return None if self.what == "seen" else self.t_utc_ns + round(UNDO_S * 1e9)

    def request(self) -> AnswerRequest:
        about = {
            "boot_id": self.boot_id,
            "event_id": self.event_id,
            "operator": self.operator,
            "request_id": self.request_id,
        }
        if self.what == "seen":
            return Acknowledge(**about)
        return ReportOutcome(**about, outcome=Outcome(self.what))

    def content(self, **more: Any) -> dict[str, Any]:
        """The event `answer`."""
        return {**asdict(self), "undo_until_utc_ns": self.undo_until_utc_ns, "state": "held"} | more


class LineEnd(Protocol):
    """What answers need of a line's feed."""

    def alert(self, boot_id: str, event_id: str) -> Alert | None: ...
    async def ask(self, request: AnswerRequest) -> Reply: ...


class Answers:
    """The answers of all lines. For the event loop's thread."""

    def __init__(
        self,
        folder: Path,
        lines: Mapping[str, LineEnd],
        announce: Callable[[dict[str, Any]], None],
        record: Callable[[Answer], None],
    ) -> None:
        """`announce`: tells the pages; `record`: stores an answer that the detector has taken."""
        self._path, self._lines = folder / FILE, lines
        self._announce, self._record = announce, record
        self._held: dict[tuple[str, str, str], Answer] = {}
        self._tasks: dict[tuple[str, str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Send on what an earlier start has held. Call it in the event loop."""
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
            held = [Answer(**entry) for entry in entries]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            logger.error("%s can't be read: %s", self._path, error)
            return
        for answer in held:
            if answer.line in self._lines:
                self._hold(answer)

    def stop(self) -> None:
        """What is still held is sent at the next start."""
        for task in self._tasks.values():
            task.cancel()

    def held(self) -> list[dict[str, Any]]:
        """The answers that can still be undone, each as the event `answer`."""
        return [answer.content() for answer in self._held.values()]

    async def give(
        self, line: str, boot_id: str, event_id: str, what: str, operator: str
    ) -> Answer:
        """Take an operator's answer. Raises RefusedError."""
        feed = self._lines.get(line)
        if feed is None:
            raise RefusedError(404, f"there is no line {line!r}")
        if what not in WHATS:
            raise RefusedError(400, f"{what!r} is not an answer: {', '.join(WHATS)}")
        if feed.alert(boot_id, event_id) is None:
            raise RefusedError(409, f"alarm {event_id} has ended; it takes no more answers")
        answer = Answer(
            line, boot_id, event_id, what, operator, time.time_ns(), uuid.uuid4().hex[:16]
        )
        before = self._held.get(answer.alarm)
        if before is not None:
            raise RefusedError(
                409, f"{before.operator} has answered {before.what} already; undo that first"
            )
        if what == "seen":
            await self._send_now(feed, answer)
        else:
            self._hold(answer)
            self._write()
            self._announce(answer.content())
        return answer

    def undo(self, line: str, boot_id: str, event_id: str, operator: str) -> Answer:
        """Take back a held outcome. Raises RefusedError."""
        alarm = line, boot_id, event_id
        answer = self._held.get(alarm)
        if answer is None or time.time_ns() >= (answer.undo_until_utc_ns or 0):
            raise RefusedError(409, "too late: this answer has gone out, or there was none")
        self._drop(alarm)
        self._announce(answer.content(state="undone", undone=True, undone_by=operator))
        return answer

    async def _send_now(self, feed: LineEnd, answer: Answer) -> None:
        try:
            reply = await feed.ask(answer.request())
        except TimeoutError as error:
            raise RefusedError(504, str(error)) from None
        if not reply.ok:
            raise RefusedError(409, reply.reason or "the detector refuses this answer")
        self._taken(answer)

    def _hold(self, answer: Answer) -> None:
        self._held[answer.alarm] = answer
        task = asyncio.get_running_loop().create_task(self._send_later(answer))
        self._tasks[answer.alarm] = task

    async def _send_later(self, answer: Answer) -> None:
        left_s = ((answer.undo_until_utc_ns or 0) - time.time_ns()) / 1e9
        await asyncio.sleep(min(max(0.0, left_s), UNDO_S))  # the clock may have been set
        give_up_s = time.monotonic() + GIVE_UP_S
        while True:
            try:
                reply = await self._lines[answer.line].ask(answer.request())
                break
            except TimeoutError as error:
                if time.monotonic() >= give_up_s:
                    reply = Reply(ok=False, reason=str(error))
                    break
                await asyncio.sleep(AGAIN_S)
        self._drop(answer.alarm)
        if reply.ok:
            self._taken(answer)
        else:
            logger.warning("answer to %s refused: %s", answer.event_id, reply.reason)
            self._announce(answer.content(state="refused", error=reply.reason))

    def _taken(self, answer: Answer) -> None:
        self._record(answer)
        self._announce(answer.content(state="sent", undo_until_utc_ns=None))

    def _drop(self, alarm: tuple[str, str, str]) -> None:
        self._held.pop(alarm, None)
        task = self._tasks.pop(alarm, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._write()

    def _write(self) -> None:
        try:
            write_private(self._path, json.dumps([asdict(each) for each in self._held.values()]))
        except OSError as error:  # a full disk: the answer goes out all the same
            logger.error("%s: %s", self._path, error.strerror)
