"""One line's wire, listened to and answered in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Self

from detector.bridge.plc_link import Command
from detector.wire.answers import send_answer
from detector.wire.endpoints import connect_address
from detector.wire.gaps import Gap
from detector.wire.subscriber import Received, Subscriber

RESYNC_S = 1.5
"""A line that is heard but not completely known for so long is listened to anew: the detector
tells its open alarms again to whoever joins. Its state, which can make good a gap, comes each
second."""
LISTEN_S = 0.25
ANSWER_S = 2.0


class LineFeed:
    """Owns the sockets of one line; a context manager. Raises EndpointError."""

    def __init__(
        self,
        publish: str,
        answers: str | None,
        *,
        take: Callable[[Received | Gap], None],
        complete: Callable[[], bool],
        answered: Callable[[bool, str], None],
    ) -> None:
        """`take`: called with each message, `answered` with what became of a command, both in
        threads of this feed; `complete`: whether all of the line is known."""
        connect_address(publish)
        if answers is not None:
            connect_address(answers)
        self.publish, self.answers = publish, answers
        self._take, self._complete, self._answered = take, complete, answered
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._listen), threading.Thread(target=self._ask)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def ask(self, command: Command) -> None:
        """Have a command carried out by the detector; returns at once."""
        self._commands.put(command)

    def _listen(self) -> None:
        while not self._over.is_set():
            with Subscriber(self.publish) as subscriber:
                self._listen_until_lost(subscriber)

    def _listen_until_lost(self, subscriber: Subscriber) -> None:
        complete_s = time.monotonic()
        while not self._over.is_set():
            item = subscriber.receive(LISTEN_S)
            if item is None or self._complete():
                complete_s = time.monotonic()
            elif time.monotonic() - complete_s > RESYNC_S:
                return
            if item is not None:
                self._take(item)

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                command = self._commands.get(timeout=LISTEN_S)
            except Empty:
                continue
            if self.answers is None:
                self._answered(False, "no answers endpoint was given (--answers)")
                continue
            try:
                reply = send_answer(self.answers, command, ANSWER_S)
            except TimeoutError as error:
                self._answered(False, str(error))
            else:
                self._answered(reply.ok, reply.reason or "")
