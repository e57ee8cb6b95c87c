"""The client of one line: `Line` blocks its thread, `AsyncLine` uses asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Self

import zmq

from detector.client.events import Event, Received
from detector.client.feed import ASK_AGAIN_NS, LineFeed
from detector.client.link import TICK_S, LineLink, same_host
from detector.client.requests import acknowledgement, belt_report, outcome_report
from detector.vocabulary import VisionState
from detector.wire.endpoints import ALERTS_ENDPOINT
from detector.wire.keys import ClientKeys
from detector.wire.messages import Alert, Hazard, LineState, Outcome
from detector.wire.requests import AnyRequest, Position, Reply, Shelve


class _Line:
    """Parameters and state of a line's client.

    `publish`: the detector's publishing endpoint; None to send answers only. `requests`: its
    endpoint for requests (also for snapshots, replays and deliveries); None to listen only.
    `topics` are prefixes: a bridge needs `alert/`, `heartbeat/` and `state/`, `""` is everything.
    `consumer`: a name under which each alert is delivered until confirmed. `after`: a stored
    `position` from which this consumer continues. `blind_after_s`: time without a heartbeat after
    which the belt counts as not watched; heartbeats arrive five times a second.
    `queue_messages`: messages queued while the program does not read; higher values allow longer
    pauses without a gap.

    Raises EndpointError. Use it in the thread that enters it.
    """

    def __init__(
        self,
        publish: str | None = ALERTS_ENDPOINT,
        requests: str | None = None,
        *,
        topics: Iterable[str] = ("",),
        consumer: str | None = None,
        after: Position | None = None,
        keys: ClientKeys | None = None,
        blind_after_s: float = 1.0,
        queue_messages: int = 1000,
    ) -> None:
        if consumer is not None and requests is None:
            raise ValueError("a consumer needs the endpoint where the detector serves requests")
        topics = tuple(topics)
        self.publish, self.requests = publish, requests
        self._feed = LineFeed(
            time.monotonic_ns(),
            topics=topics,
            asks=publish is not None and requests is not None,
            consumer=consumer,
            after=after,
            blind_after_s=blind_after_s,
            same_host=same_host(publish),
        )
        self._link = LineLink(
            publish, requests, self._feed, topics=topics, queue_messages=queue_messages, keys=keys
        )

    @property
    def vision(self) -> VisionState:
        """Whether the belt is being watched now."""
        return self._feed.vision(time.monotonic_ns())[0]

    @property
    def vision_reason(self) -> str:
        """Why the belt is not being watched; "" while it is."""
        return self._feed.vision(time.monotonic_ns())[1]

    @property
    def refusal(self) -> str | None:
        """Why the detector refuses the connection (keys); None: not refused, or no answer yet."""
        return self._link.refusal

    @property
    def consumer_refusal(self) -> str | None:
        """Why the detector does not deliver to our consumer; None: it does, or no answer yet.

        Gaps are filled even so. The registration is repeated every second.
        """
        return self._feed.consumer_refusal

    @property
    def state(self) -> LineState | None:
        """The last state published since the detector's start; None: none yet."""
        return self._feed.watch.state

    @property
    def active(self) -> list[Received]:
        """The last revision of each open alert, in order of arrival."""
        return list(self._feed.active.values())

    @property
    def lacks_alerts(self) -> bool:
        """Alerts are missing and being requested: `active` is incomplete."""
        return self._feed.lacks_alerts

    @property
    def boot_id(self) -> str | None:
        """The detector's current start."""
        return self._feed.boot_id

    @property
    def position(self) -> Position | None:
        """All alerts up to here have been processed; a consumer may store this position."""
        return self._feed.processed

    @property
    def missed(self) -> int:
        """Messages missed since the start, by their sequence numbers."""
        return self._feed.missed

    @property
    def repeated(self) -> int:
        """Alerts received more than once; each was one event."""
        return self._feed.repeated

    @property
    def malformed(self) -> int:
        """Messages that could not be read."""
        return self._feed.malformed

    @property
    def malformed_reason(self) -> str | None:
        """Why the last of them could not be read, one line."""
        return self._feed.malformed_reason

    @property
    def unknown_topics(self) -> int:
        """Messages of topics that this version doesn't know; a newer detector may send them."""
        return self._feed.unknown_topics


class _PendingRequest:
    """A request of the program, repeated with the same id until its reply arrives."""

    def __init__(self, line: _Line, request: AnyRequest, timeout_s: float) -> None:
        self._feed, self._link, self._endpoint = line._feed, line._link, line.requests
        self._timeout_s, self._deadline_s = timeout_s, time.monotonic() + timeout_s
        self._id = self._feed.ask(request)
        self._request = request.model_copy(update={"request_id": self._id})
        self._again_ns = time.monotonic_ns() + ASK_AGAIN_NS
        self.read = False
        """The last `reply` has read messages, which may be for others."""

    def reply(self) -> Reply | None:
        """The reply, or None if it has not arrived. Raises TimeoutError after the deadline."""
        self.read = self._link.pump() > 0
        reply = self._feed.replies.pop(self._id, None)
        if reply is not None:
            return reply
        if time.monotonic() >= self._deadline_s:
            self._feed.give_up(self._id)
            if self._link.refusal is not None:
                raise TimeoutError(f"no reply from {self._endpoint}: {self._link.refusal}")
            raise TimeoutError(
                f"no reply from {self._endpoint} within {self._timeout_s:g} s: is the detector "
                f"running, and is this its endpoint for requests? (it may still carry out the "
                f"request; check the alert)"
            )
        if not self._link.sent or time.monotonic_ns() >= self._again_ns:
            self._feed.ask(self._request)
            self._again_ns = time.monotonic_ns() + ASK_AGAIN_NS
        return None


class Line(_Line):
    """Client of one line; a context manager and an iterator of events, see `detector.client`."""

    __doc__ = f"{__doc__}\n\n{_Line.__doc__}"

    def __enter__(self) -> Self:
        self._link.__enter__()
        self._poller = zmq.Poller()
        for socket in self._link.sockets:
            self._poller.register(socket, zmq.POLLIN)
        return self

    def __exit__(self, *raised: object) -> None:
        self._link.__exit__(*raised)

    def receive(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None after `timeout_s` without one (None: wait)."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._link.pump()
            event = self._feed.next_event()
            left_s = TICK_S
            if deadline_s is not None:
                left_s = min(left_s, deadline_s - time.monotonic())
            if event is not None or left_s <= 0:
                return event
            self._poller.poll(max(1, round(left_s * 1000)))

    def receive_batch(self, timeout_s: float | None = None, most: int = 200) -> list[Event]:
        """The next event and those that wait behind it; empty after `timeout_s` without one.

        For a consumer that writes many at once: the next call confirms all of them.
        """
        event = self.receive(timeout_s)
        return [] if event is None else [event, *self._feed.more_events(most - 1)]

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.receive()
            if event is not None:
                yield event

    def acknowledge(self, alert: Alert, operator: str, timeout_s: float = 2.0) -> Reply:
        """Acknowledge an alert. Raises TimeoutError if no reply arrives."""
        return self.ask(acknowledgement(alert, operator), timeout_s)

    def report_outcome(
        self, alert: Alert, outcome: Outcome, operator: str, timeout_s: float = 2.0
    ) -> Reply:
        """Report what was found; closes a latched alert. Raises TimeoutError."""
        return self.ask(outcome_report(alert, outcome, operator), timeout_s)

    def shelve(self, hazard: Hazard, minutes: int, operator: str, timeout_s: float = 2.0) -> Reply:
        """Shelve a hazard's alarms for a limited time. Raises TimeoutError."""
        return self.ask(Shelve(hazard=hazard, minutes=minutes, operator=operator), timeout_s)

    def report_belt(
        self, source: str, counts: int | None, runs: bool | None = None, timeout_s: float = 0.5
    ) -> Reply:
        """Report encoder counts and run signal, ten times a second. Raises TimeoutError."""
        return self.ask(belt_report(source, counts, runs, self.requests), timeout_s)

    def ask(self, request: AnyRequest, timeout_s: float = 2.0) -> Reply:
        """Send a request and wait for its reply; events received meanwhile are kept."""
        pending = _PendingRequest(self, request, timeout_s)
        while (reply := pending.reply()) is None:
            self._poller.poll(round(TICK_S * 1000))
        return reply


class AsyncLine(_Line):
    """Client of one line for asyncio; an async context manager and async iterator of events."""

    __doc__ = f"{__doc__}\n\n{_Line.__doc__}"

    async def __aenter__(self) -> Self:
        self._link.__enter__()
        self._waiting: set[asyncio.Future[None]] = set()
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._link.__exit__(*raised)

    async def receive(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None after `timeout_s` without one (None: wait)."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self._link.pump():
                self._wake()
            event = self._feed.next_event()
            left_s = TICK_S
            if deadline_s is not None:
                left_s = min(left_s, deadline_s - time.monotonic())
            if event is not None or left_s <= 0:
                return event
            await self._readable(left_s)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            event = await self.receive()
            if event is not None:
                yield event

    async def acknowledge(self, alert: Alert, operator: str, timeout_s: float = 2.0) -> Reply:
        """Acknowledge an alert. Raises TimeoutError if no reply arrives."""
        return await self.ask(acknowledgement(alert, operator), timeout_s)

    async def report_outcome(
        self, alert: Alert, outcome: Outcome, operator: str, timeout_s: float = 2.0
    ) -> Reply:
        """Report what was found; closes a latched alert. Raises TimeoutError."""
        return await self.ask(outcome_report(alert, outcome, operator), timeout_s)

    async def shelve(
        self, hazard: Hazard, minutes: int, operator: str, timeout_s: float = 2.0
    ) -> Reply:
        """Shelve a hazard's alarms for a limited time. Raises TimeoutError."""
        return await self.ask(Shelve(hazard=hazard, minutes=minutes, operator=operator), timeout_s)

    async def report_belt(
        self, source: str, counts: int | None, runs: bool | None = None, timeout_s: float = 0.5
    ) -> Reply:
        """Report encoder counts and run signal, ten times a second. Raises TimeoutError."""
        return await self.ask(belt_report(source, counts, runs, self.requests), timeout_s)

    async def ask(self, request: AnyRequest, timeout_s: float = 2.0) -> Reply:
        """Send a request and wait for its reply; another task may receive meanwhile."""
        pending = _PendingRequest(self, request, timeout_s)
        while True:
            reply = pending.reply()
            if pending.read:
                self._wake()
            if reply is not None:
                return reply
            await self._readable(TICK_S)

    async def _readable(self, timeout_s: float) -> None:
        """Wait until a message may have arrived, or another task has read some.

        libzmq's descriptor becomes readable with an event and stays so until the socket is read;
        `pump` has read it before. It is watched only while a task waits: an unread one spins the
        loop. Each task waits for an event after its own `pump`: one that is shared stays set while
        two take turns, and they spin.
        """
        loop = asyncio.get_running_loop()
        descriptors = [int(socket.get(zmq.FD)) for socket in self._link.sockets]
        if not self._waiting:
            for descriptor in descriptors:
                loop.add_reader(descriptor, self._wake)
        woken = loop.create_future()
        self._waiting.add(woken)
        try:
            await asyncio.wait([woken], timeout=timeout_s)
        finally:
            self._waiting.discard(woken)
            if not self._waiting:
                for descriptor in descriptors:
                    loop.remove_reader(descriptor)

    def _wake(self) -> None:
        for each in self._waiting:
            if not each.done():
                each.set_result(None)
