"""What a subscriber in Python uses to read a line's messages."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

import zmq
from pydantic import ValidationError

from detector.wire.answers import one_line
from detector.wire.endpoints import ALERTS_ENDPOINT, connect, connect_address
from detector.wire.gaps import Gap, GapWatch
from detector.wire.messages import PAYLOADS, WIRE_VERSION, Header, Message

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Beyond this libzmq hangs up on the sender; an alert has some 2 kB."""


class Received(NamedTuple):
    """One message, decoded."""

    topic: str
    header: Header
    payload: Message
    t_received_mono_ns: int
    """This host's CLOCK_MONOTONIC when it was taken out of the socket."""

    @property
    def latency_ms(self) -> float | None:
        """From the frame's capture to here; None for a recording, whose stamps are no moments.

        Publisher and subscriber share a host (endpoints allow no other) and so its clock.
        """
        if self.header.stamp_source != "grab":
            return None
        return (self.t_received_mono_ns - self.header.t_capture_mono_ns) / 1e6


class Subscriber:
    """Owns a SUB socket; a context manager, used in the thread that enters it.

    Iterating it, or `receive`, gives `Received` messages and `Gap`s in the order they are noticed,
    a gap before the message that reveals it. Fields that this version doesn't know are ignored;
    what can't be read is counted in `malformed` and skipped. `topics` are prefixes:
    `alert/tapis-1/` is one line's alerts, `""` everything. Raises EndpointError.

    `queue_messages`: kept here while nobody reads (RCVHWM). Raised, a reader can pause for longer
    without a gap; lowered, it wakes to fresher news.
    """

    def __init__(
        self,
        endpoint: str = ALERTS_ENDPOINT,
        topics: Iterable[str] = ("",),
        *,
        queue_messages: int = 1000,
    ) -> None:
        connect_address(endpoint)
        self.endpoint = endpoint
        self._topics = tuple(topics)
        self._queue_messages = queue_messages
        self._gaps = GapWatch(everything="" in self._topics)
        self._ready: deque[Received | Gap] = deque()
        self._socket: zmq.Socket[bytes] | None = None
        self.malformed = 0
        """Messages that could not be read."""
        self.malformed_reason: str | None = None
        """What was wrong with the last of them, in one line."""
        self.unknown_topics = 0
        """Messages of topics that this version doesn't know; a newer detector may send them."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        socket = self._context.socket(zmq.SUB)
        try:
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RCVHWM, self._queue_messages)
            socket.set(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
            for topic in self._topics:
                socket.subscribe(topic)
            connect(socket, self.endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self._socket = socket
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open_socket().close()
        self._socket = None
        self._context.term()

    @property
    def missed(self) -> int:
        """Messages missed since the start, as far as their numbers have shown."""
        return self._gaps.missed

    def receive(self, timeout_s: float | None = None) -> Received | Gap | None:
        """The next message or gap; None if none has come within `timeout_s` (None: wait)."""
        socket = self._open_socket()
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ready:
            left_ms = None
            if deadline_s is not None:
                left_ms = max(0, round((deadline_s - time.monotonic()) * 1000))
            if not socket.poll(left_ms, zmq.POLLIN):
                return None
            self._take(socket.recv_multipart(), time.monotonic_ns())
        return self._ready.popleft()

    def __iter__(self) -> Iterator[Received | Gap]:
        while True:
            item = self.receive()
            if item is not None:
                yield item

    def _take(self, frames: list[bytes], t_received_mono_ns: int) -> None:
        try:
            topic, header = _head(frames)
        except ValueError as error:
            self._count_malformed(error)
            return
        self._ready.extend(self._gaps.heard(topic, header))
        kind = topic.partition("/")[0]
        if kind not in PAYLOADS:
            self.unknown_topics += 1
            return
        try:
            payload = _payload(kind, header, frames[2])
        except ValueError as error:
            self._count_malformed(error)
            return
        self._ready.append(Received(topic, header, payload, t_received_mono_ns))

    def _count_malformed(self, error: ValueError) -> None:
        self.malformed += 1
        self.malformed_reason = (
            one_line(error) if isinstance(error, ValidationError) else str(error)
        )

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("a Subscriber is used inside `with Subscriber(…) as subscriber:`")
        return self._socket


def decode(frames: list[bytes]) -> tuple[str, Header, Message]:
    """The topic, header and payload of a message's three frames; ValueError if unreadable."""
    topic, header = _head(frames)
    return topic, header, _payload(topic.partition("/")[0], header, frames[2])


def _head(frames: list[bytes]) -> tuple[str, Header]:
    if len(frames) != 3:
        raise ValueError(f"a message is three frames [topic, header, payload], not {len(frames)}")
    # `extra` (pydantic 2.12) reaches into nested models too: the promise that fields may be added.
    return frames[0].decode(), Header.model_validate_json(frames[1], extra="ignore")


def _payload(kind: str, header: Header, body: bytes) -> Message:
    expected = f"{kind}/{WIRE_VERSION}"
    if kind not in PAYLOADS or header.schema_ != expected:
        raise ValueError(f"schema {header.schema_[:40]!r} on a topic of {expected!r}")
    return PAYLOADS[kind].model_validate_json(body, extra="ignore")
