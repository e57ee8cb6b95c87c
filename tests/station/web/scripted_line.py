"""A detector's sockets without its camera: a test says what it publishes and takes answers."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import PendingAnswer, RequestServer
from detector.station.recorder import LineAddress
from detector.wire import samples
from detector.wire.messages import AlarmState, Alert, Message, Revision
from detector.wire.requests import Acknowledge, AnswerRequest, ReportOutcome, Shelve
from tests.small_line import PATIENCE_S

LINE, BOOT = "belt-1", "boot1"
TURN_S = 0.01
BEAT_EVERY = 10
"""Turns."""


class ScriptedLine:
    """Publishes heartbeats, states and what the test gives it; a context manager.

    Its sockets live in a thread, as in the detector.
    """

    def __init__(self, name: str = LINE, boot_id: str = BOOT) -> None:
        self.name, self.boot_id = name, boot_id
        self.answers: list[AnswerRequest] = []
        """Answers as they came, also those refused."""
        self.silent = threading.Event()
        """Set: publishes nothing and answers nothing."""
        self._open: dict[str, Alert] = {}
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop, self._bound = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted line")
        self._beats = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._bound.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def address(self) -> LineAddress:
        return LineAddress(self.name, self._ends[0], self._ends[1], self._ends[2])

    def raise_alarm(self, event_id: str, **changes: object) -> Alert:
        """Publish a new alarm of a gas bottle."""
        alert = samples.ALERT.model_copy(
            update={"event_id": event_id, "boot_id": self.boot_id, "line": self.name, **changes}
        )
        self._do(lambda: self._send(alert))
        return alert

    def end(self, event_id: str) -> None:
        """The alarm ends by itself."""
        self._do(lambda: self._revise(event_id, Revision.CLEARED, AlarmState.NORMAL))

    def send_images(self, message: Message, images: Sequence[bytes]) -> None:
        self._do(lambda: self._images_of(message, images))

    def publish(self, message: Message) -> None:
        self._do(lambda: self._publish(message))

    def _do(self, work: Callable[[], None]) -> None:
        done = threading.Event()

        def work_then_tell() -> None:
            work()
            done.set()

        self._work.put(work_then_tell)
        assert done.wait(PATIENCE_S)

    def _run(self) -> None:
        any_port = "tcp://127.0.0.1:*"
        with (
            Publisher(any_port, line=self.name, boot_id=self.boot_id) as self._publisher,
            RequestServer(any_port) as server,
            Publisher(
                any_port, line=self.name, boot_id=self.boot_id, of_images=True
            ) as self._images,
        ):
            self._outbox = Outbox(self._publisher, server, Journal(None))
            self._ends = self._publisher.endpoint, server.endpoint, self._images.endpoint
            self._bound.set()
            turn = 0
            while not self._stop.wait(TURN_S):
                turn += 1
                while not self._work.empty():
                    self._work.get()()
                if self.silent.is_set():
                    continue
                if turn % BEAT_EVERY == 1:
                    self._beat()
                for pending in self._outbox.poll():
                    self._answer(pending)

    def _beat(self) -> None:
        self._beats += 1
        state = samples.STATE.model_copy(
            update={"line": self.name, "active_alerts": len(self._open)}
        )
        self._outbox.state = state
        for message in (samples.HEARTBEAT.model_copy(update={"line": self.name}), state):
            self._publish(message)
        if self._publisher.is_subscribed("facts"):
            self._publish(samples.FACTS.model_copy(update={"line": self.name}))

    def _publish(self, message: Message) -> None:
        self._publisher.publish(
            message, t_capture_utc_ns=time.time_ns(), t_capture_mono_ns=time.monotonic_ns()
        )

    def _images_of(self, message: Message, images: Sequence[bytes]) -> None:
        numbered = self._images.number(
            message, t_capture_utc_ns=time.time_ns(), t_capture_mono_ns=time.monotonic_ns()
        )
        self._images.send(numbered, images)

    def _send(self, alert: Alert) -> None:
        now_ns, mono_ns = time.time_ns(), time.monotonic_ns()
        alert = alert.model_copy(update={"t_capture_utc_ns": now_ns, "t_capture_mono_ns": mono_ns})
        if alert.state is AlarmState.NORMAL:
            self._open.pop(alert.event_id, None)
        else:
            self._open[alert.event_id] = alert
        self._outbox.send([alert])

    def _revise(self, event_id: str, kind: Revision, state: AlarmState, **more: object) -> None:
        before = self._open[event_id]
        update = {"revision": before.revision + 1, "kind": kind, "state": state, **more}
        self._send(before.model_copy(update=update))

    def _answer(self, pending: PendingAnswer) -> None:
        answer = pending.answer
        self.answers.append(answer)
        if isinstance(answer, Shelve):
            self._outbox.reply(pending, True)
        elif answer.event_id not in self._open:
            reason = f"no open alarm {answer.event_id}: it has ended, or never was"
            self._outbox.reply(pending, False, reason)
        else:
            if isinstance(answer, Acknowledge):
                self._revise(answer.event_id, Revision.ACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
            elif isinstance(answer, ReportOutcome):
                normal = Revision.CLEARED, AlarmState.NORMAL
                self._revise(answer.event_id, *normal, outcome=answer.outcome)
            self._outbox.reply(pending, True)
