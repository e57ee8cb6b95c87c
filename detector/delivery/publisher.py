"""What the detector has to say, to whoever subscribes, without ever waiting for one of them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import zmq

from detector.delivery.clocks import Clocks, HostClocks
from detector.wire.endpoints import bind, bind_address
from detector.wire.keys import Guard
from detector.wire.messages import Alert, Heartbeat, Message, schema_name

BEAT_PERIOD_NS = 200_000_000
"""Least capture time between two heartbeats: 5 Hz, the PLC's tick."""

SEND_QUEUE_MESSAGES = 1000
"""Kept per subscriber that does not read (SNDHWM); what comes after is dropped for that one.

Bounds the memory that a stalled subscriber can cost: alerts are about 2 kB, so some 2 MB beside
the kernel's buffers. Raised, a subscriber can sleep longer without a gap and wakes to older news;
lowered, the other way. With detections at 30 fps it is about 25 s, without them minutes."""

CLOSING_MS = 250
"""How long closing waits for the last messages to leave (linger): at 0 the alert sent just before
the end is lost, and a subscriber that stalls can hold up the end by no more than this."""

_HEARD_AT_ONCE = 100
_LINE_NAME = re.compile(r"\w[\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A message with its numbers, ready to be sent."""

    topic: str
    head: str
    """The header's fields but those that tell of the moment of sending."""
    alert_seq: int
    t_capture_mono_ns: int
    body: bytes


class Publisher:
    """Owns the XPUB socket of one line; a context manager.

    Use it in the thread that enters it, and in no other. `publish` and `beat` never block: a
    subscriber that stalls loses messages and sees a gap in `seq`, the detector notices nothing.
    Raises EndpointError where the endpoint is wrong or taken, ValueError for a line's name that
    can't be part of a topic.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        line: str,
        boot_id: str,
        clocks: Clocks | None = None,
        guard: Guard | None = None,
    ) -> None:
        if not _LINE_NAME.fullmatch(line):
            raise ValueError(
                f"line {line!r}: a line's name is part of its topics, so it is made of letters, "
                f"digits, '-', '_' and '.', at most 64 of them, like tapis-1"
            )
        bind_address(endpoint, keys=guard is not None)
        self._guard = guard
        self.line = line
        self.boot_id = boot_id
        self._wanted_endpoint = endpoint
        self._clocks = HostClocks() if clocks is None else clocks
        self._boot_json = json.dumps(boot_id)
        self._gseq = 0
        self.alert_seq = 0
        """How many alerts have been numbered since the start."""
        self._seq: defaultdict[str, int] = defaultdict(int)
        self._schemas: dict[type[Message], tuple[str, str]] = {}
        self._subscriptions: set[bytes] = set()
        self._joined = 0
        self._last_beat_ns: int | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._thread = 0
        self._endpoint = ""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            if self._guard is not None:
                self._guard.start(self._context)
            socket = self._context.socket(zmq.XPUB)
            socket.set(zmq.LINGER, CLOSING_MS)
            socket.set(zmq.SNDHWM, SEND_QUEUE_MESSAGES)
            socket.set(zmq.XPUB_VERBOSE, 1)  # tells of each subscriber, for `joined`
            socket.set(zmq.MAXMSGSIZE, 4096)  # all that comes in here is topics
            if self._guard is not None:
                self._guard.protect(socket)
            self._endpoint = bind(socket, self._wanted_endpoint, keys=self._guard is not None)
        except BaseException:
            if self._guard is not None:
                self._guard.stop(self._context)
            self._context.destroy(linger=0)
            raise
        self._socket = socket
        self._thread = threading.get_ident()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open_socket().close()
        self._socket = None
        if self._guard is not None:
            self._guard.stop(self._context)
        self._context.term()

    @property
    def endpoint(self) -> str:
        """The endpoint really bound, with the port that the system chose; "" before entering."""
        return self._endpoint

    def publish(
        self,
        payload: Message,
        *,
        t_capture_utc_ns: int,
        t_capture_mono_ns: int,
        subtopic: str | None = None,
    ) -> None:
        """Send `payload` to whoever has subscribed to its topic; never blocks.

        The capture times are those of the frame that it speaks of. `subtopic` is the topic's last
        part; an alert's is its hazard if not given.
        """
        self.send(
            self.number(
                payload,
                t_capture_utc_ns=t_capture_utc_ns,
                t_capture_mono_ns=t_capture_mono_ns,
                subtopic=subtopic,
            )
        )

    def number(
        self,
        payload: Message,
        *,
        t_capture_utc_ns: int,
        t_capture_mono_ns: int,
        subtopic: str | None = None,
        alert_seq: int | None = None,
    ) -> Numbered:
        """Give `payload` its numbers, to be sent with `send` before anything else is numbered.

        `alert_seq`: of an alert that is sent once more, the number that it had.
        """
        self._open_socket()
        kind, head = self._schema(payload)
        if subtopic is None and isinstance(payload, Alert):
            subtopic = payload.hazard.value
        topic = f"{kind}/{self.line}/{subtopic}" if subtopic else f"{kind}/{self.line}"
        body = payload.model_dump_json().encode()

        # Counted only once nothing can fail any more, so that no number is ever skipped.
        if alert_seq is None:
            self.alert_seq += isinstance(payload, Alert)
            alert_seq = self.alert_seq
        self._gseq += 1
        self._seq[topic] = seq = self._seq[topic] + 1
        numbers = f'{head}"seq":{seq},"gseq":{self._gseq},"alert_seq":{alert_seq},'
        stamps = f'"t_capture_utc_ns":{t_capture_utc_ns},"t_capture_mono_ns":{t_capture_mono_ns},'
        return Numbered(topic, numbers + stamps, alert_seq, t_capture_mono_ns, body)

    def header(self, message: Numbered) -> str:
        """The header of a message that would be sent now, JSON."""
        age_ms = self._clocks.age_ms(message.t_capture_mono_ns)
        return (
            f'{message.head}"age_ms":{"null" if age_ms is None else format(age_ms, ".3f")},'
            f'"clock_sync":"{self._clocks.sync()}","stamp_source":"{self._clocks.stamp_source}"}}'
        )

    def send(self, message: Numbered) -> None:
        """Send it to whoever has subscribed to its topic; never blocks."""
        socket = self._open_socket()
        self._hear(socket)
        # XPUB drops for a full subscriber and never answers EAGAIN; NOBLOCK says that we count
        # on it.
        frames = [message.topic.encode(), self.header(message).encode(), message.body]
        socket.send_multipart(frames, zmq.NOBLOCK)

    def beat(
        self, *, inferences: int, frame_index: int, t_capture_utc_ns: int, t_capture_mono_ns: int
    ) -> bool:
        """To be called after each completed inference, and for nothing else.

        Publishes a heartbeat unless the last one is of a frame captured less than 200 ms earlier;
        True if it did. By capture time, so that footage beats at the same frames every time it is
        replayed and a picture that keeps its stamp beats no more. A stamp that has jumped back (a
        recording starts over) beats at once.
        """
        last_ns = self._last_beat_ns
        if last_ns is not None and 0 <= t_capture_mono_ns - last_ns < BEAT_PERIOD_NS:
            return False
        self._last_beat_ns = t_capture_mono_ns
        self.publish(
            Heartbeat(line=self.line, inferences=inferences, frame_index=frame_index),
            t_capture_utc_ns=t_capture_utc_ns,
            t_capture_mono_ns=t_capture_mono_ns,
        )
        return True

    def wanted(self, kind: str) -> bool:
        """Whether anybody has subscribed to topics of a kind, e.g. `detections`.

        Lets the caller skip making what nobody reads.
        """
        socket = self._open_socket()
        self._hear(socket)
        topic = f"{kind}/{self.line}".encode()
        return any(topic.startswith(ours) or ours.startswith(topic) for ours in self._subscriptions)

    @property
    def joined(self) -> int:
        """Subscriptions heard since the start.

        When it has grown, somebody new listens who knows nothing of the active alerts: they can
        be published again as they are, being idempotent on their revision.
        """
        self._hear(self._open_socket())
        return self._joined

    def wait_for_subscriber(self, kind: str, timeout_s: float) -> bool:
        """Wait until somebody has subscribed to a kind; False if nobody did.

        What is published before is lost to them. For replays and tests: a running line never waits.
        """
        socket = self._open_socket()
        deadline_s = time.monotonic() + timeout_s
        while not self.wanted(kind):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            socket.poll(round(left_s * 1000), zmq.POLLIN)
        return True

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("a Publisher is used inside `with Publisher(…) as publisher:`")
        if self._thread != threading.get_ident():
            # libzmq's sockets abort the process when two threads use one.
            raise RuntimeError("a Publisher is used in the thread that entered it, and no other")
        return self._socket

    def _schema(self, payload: Message) -> tuple[str, str]:
        """The topic's first part and the header's first fields."""
        made = self._schemas.get(type(payload))
        if made is None:
            name = schema_name(payload)
            head = f'{{"schema":"{name}","boot_id":{self._boot_json},'
            made = self._schemas[type(payload)] = name.partition("/")[0], head
        return made

    def _hear(self, socket: zmq.Socket[bytes]) -> None:
        """Take in who has (un)subscribed; unread, these would pile up."""
        for _ in range(_HEARD_AT_ONCE):
            if not socket.poll(0, zmq.POLLIN):
                return
            said = socket.recv(zmq.NOBLOCK)
            if said[:1] == b"\1":
                self._subscriptions.add(said[1:])
                self._joined += 1
            elif said[:1] == b"\0":
                self._subscriptions.discard(said[1:])
