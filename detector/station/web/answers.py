"""Operators' answers: `seen` goes out at once, an outcome after the time in which it can be undone.

Each is recorded before it goes out: if the station dies within that time, it is sent at the next
start. A disk that takes nothing does not hold an answer back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from detector.station.store.records import AnswerRow, AnswerStatus, AnswerWord, StoreError
from detector.station.web.visitor import RefusedError
from detector.wire.messages import Alert, Outcome
from detector.wire.requests import Acknowledge, AnswerRequest, Reply, ReportOutcome

logger = logging.getLogger(__name__)
T = TypeVar("T")

UNDO_S = 10.0
AGAIN_S = 2.0
GIVE_UP_S = 3600.0
"""An answer that the detector has not taken for this long is dropped, and logged."""
DISK_S = 1.0
SOURCE = "page"
WORDS: tuple[AnswerWord, ...] = ("seen", "removed", "false_alarm", "not_found")
Alarm = tuple[str, str, str]
"""Line, boot_id, event_id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An operator's answer to one alarm."""

    line: str
    boot_id: str
    event_id: str
    what: AnswerWord
    operator: str
    t_utc_ns: int

    @property
    def alarm(self) -> Alarm:
        return self.line, self.boot_id, self.event_id

    @property
    def undo_until_utc_ns(self) -> int | None:
        return None if self.what == "seen" else self.t_utc_ns + round(UNDO_S * 1e9)

    def request(self) -> AnswerRequest:
        """The same however often it is sent: the detector carries it out once."""
        request_id = f"station-{self.t_utc_ns}-{self.event_id}"[:128]
        about = {"boot_id": self.boot_id, "event_id": self.event_id, "operator": self.operator}
        if self.what == "seen":
            return Acknowledge(**about, request_id=request_id)
        return ReportOutcome(**about, outcome=Outcome(self.what), request_id=request_id)

    def content(self, **more: Any) -> dict[str, Any]:
        """The event `answer`."""
        return {**asdict(self), "undo_until_utc_ns": self.undo_until_utc_ns, "state": "held"} | more


class LineEnd(Protocol):
    """What answers need of a line's feed."""

    def alert(self, boot_id: str, event_id: str) -> Alert | None: ...
    async def ask(self, request: AnswerRequest) -> Reply: ...


class Ledger(Protocol):
    """What they need of the store; its methods may raise StoreError."""

    def record_answer(
        self,
        line: str,
        boot_id: str,
        event_id: str,
        what: AnswerWord,
        operator: str,
        *,
        t_ns: int,
        source: str,
    ) -> AnswerRow: ...
    def mark_answer(self, number: int, status: AnswerStatus, notice: str | None = None) -> None: ...
    def waiting_answers(self) -> list[AnswerRow]: ...


@dataclass(slots=True)
class _Held:
    answer: Answer
    number: int | None
    """In the ledger; None: it could not be recorded."""
    task: asyncio.Task[None] | None = None


class Answers:
    """The answers of all lines. For the event loop's thread."""

    def __init__(
        self,
        ledger: Ledger,
        lines: Mapping[str, LineEnd],
        announce: Callable[[dict[str, Any]], None],
    ) -> None:
        """`announce`: sends the event `answer` to the pages."""
        self._ledger, self._lines, self._announce = ledger, lines, announce
        self._held: dict[Alarm, _Held] = {}

    async def start(self) -> None:
        """Go on with what an earlier start has recorded and not sent."""
        for row in await self._on_disk(self._ledger.waiting_answers) or []:
            if row.line in self._lines:
                answer = Answer(
                    row.line, row.boot_id, row.event_id, row.what, row.operator, row.t_ns
                )
                self._hold(answer, row.id)

    def stop(self) -> None:
        """What is still held is sent at the next start."""
        for held in self._held.values():
            if held.task is not None:
                held.task.cancel()

    def held(self) -> list[dict[str, Any]]:
        """The answers that are not out yet, each as the event `answer`."""
        return [held.answer.content() for held in self._held.values()]

    async def give(
        self, line: str, boot_id: str, event_id: str, what: str, operator: str
    ) -> Answer:
        """Take an operator's answer. Raises RefusedError."""
        feed = self._lines.get(line)
        word = next((each for each in WORDS if each == what), None)
        if feed is None:
            raise RefusedError(404, f"there is no line {line!r}")
        if word is None:
            raise RefusedError(400, f"{what!r} is not an answer: {', '.join(WORDS)}")
        answer = Answer(line, boot_id, event_id, word, operator, time.time_ns())
        before = self._held.get(answer.alarm)
        if before is not None:
            raise RefusedError(
                409,
                f"{before.answer.operator} has answered {before.answer.what} already; undo that "
                "first",
            )
        is_open = feed.alert(boot_id, event_id) is not None
        row = await self._on_disk(lambda: self._recorded(answer))
        late = row is not None and row.status == "late"
        if row is not None and late and not is_open:
            raise RefusedError(409, row.notice or "the alarm has ended; the answer is recorded")
        if not is_open:
            # The store has it open and the detector does not, or neither knows it.
            if row is not None:
                await self._mark(row.id, "refused", "the detector has no such open alarm")
            raise RefusedError(409, f"alarm {event_id} has ended; it takes no more answers")
        if row is not None and late:  # the detector knows better than the store
            await self._mark(row.id, "waiting")
        number = None if row is None else row.id
        if word == "seen":
            await self._send_seen(feed, answer, number)
        else:
            self._hold(answer, number)
            self._announce(answer.content())
        return answer

    async def undo(self, line: str, boot_id: str, event_id: str, operator: str) -> Answer:
        """Take back a held outcome. Raises RefusedError."""
        held = self._held.get((line, boot_id, event_id))
        if held is None or time.time_ns() >= (held.answer.undo_until_utc_ns or 0):
            raise RefusedError(409, "too late: this answer has gone out, or there was none")
        self._drop(held)
        self._announce(held.answer.content(state="undone", undone=True, undone_by=operator))
        await self._mark(held.number, "undone", f"undone by {operator}")
        return held.answer

    def _recorded(self, answer: Answer) -> AnswerRow:
        return self._ledger.record_answer(
            *answer.alarm, answer.what, answer.operator, t_ns=answer.t_utc_ns, source=SOURCE
        )

    async def _send_seen(self, feed: LineEnd, answer: Answer, number: int | None) -> None:
        try:
            reply = await feed.ask(answer.request())
        except TimeoutError as error:
            await self._mark(number, "refused", str(error))
            raise RefusedError(504, str(error)) from None
        if not reply.ok:
            reason = reply.reason or "the detector refuses this answer"
            await self._mark(number, "refused", reason)
            raise RefusedError(409, reason)
        self._announce(answer.content(state="sent", undo_until_utc_ns=None))
        await self._mark(number, "sent")

    def _hold(self, answer: Answer, number: int | None) -> None:
        held = _Held(answer, number)
        self._held[answer.alarm] = held
        held.task = asyncio.get_running_loop().create_task(self._send_later(held))

    async def _send_later(self, held: _Held) -> None:
        answer = held.answer
        left_s = ((answer.undo_until_utc_ns or 0) - time.time_ns()) / 1e9
        await asyncio.sleep(min(max(0.0, left_s), UNDO_S))  # the clock may have been set
        reply = await self._reply_to(answer)
        self._drop(held)
        if reply.ok:
            self._announce(answer.content(state="sent", undo_until_utc_ns=None))
            await self._mark(held.number, "sent")
        else:
            logger.warning("answer to %s not taken: %s", answer.event_id, reply.reason)
            self._announce(answer.content(state="refused", error=reply.reason, undone=True))
            await self._mark(held.number, "refused", reply.reason)

    async def _reply_to(self, answer: Answer) -> Reply:
        """Send it until the detector replies; a refusal of our own after `GIVE_UP_S`."""
        give_up_s = time.monotonic() + GIVE_UP_S
        while True:
            try:
                return await self._lines[answer.line].ask(answer.request())
            except Exception as error:  # whatever it is, the answer is not lost
                if not isinstance(error, TimeoutError):
                    logger.exception("answer to %s not sent, tried again", answer.event_id)
                if time.monotonic() >= give_up_s:
                    return Reply(ok=False, reason=str(error) or type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    def _drop(self, held: _Held) -> None:
        self._held.pop(held.answer.alarm, None)
        if held.task is not None and held.task is not asyncio.current_task():
            held.task.cancel()

    async def _mark(
        self, number: int | None, status: AnswerStatus, notice: str | None = None
    ) -> None:
        if number is not None:
            await self._on_disk(lambda: self._ledger.mark_answer(number, status, notice))

    async def _on_disk(self, work: Callable[[], T]) -> T | None:
        """Ask the ledger; None if the disk does not take it, or hangs."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), DISK_S)
        except StoreError as error:
            logger.warning("answer not recorded: %s", error)
        except TimeoutError:
            logger.warning("answer not recorded: the disk did not respond in time")
        return None
