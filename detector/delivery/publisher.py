"""The publisher: sends messages to subscribers and never waits for them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import zmq

from detector.delivery.clocks import HostClocks
from detector.wire.endpoints import bind, bind_address
from detector.wire.keys import Guard
from detector.wire.messages import Alert, Heartbeat, Message, schema_name

BEAT_PERIOD_NS = 200_000_000
"""Least capture time between two heartbeats: 5 Hz, as PLCs expect."""

SEND_QUEUE_MESSAGES = 1000
"""Messages queued per subscriber that does not read (SNDHWM); later ones are dropped for it.

Bounds the memory of a stalled subscriber: alerts have about 2 kB, so some 2 MB plus the kernel's
buffers. Higher values let a subscriber pause longer without a gap, but it then reads older
messages. The queue lasts about 25 s with detections at 30 fps, minutes without them."""

SEND_QUEUE_IMAGES = 32
"""The same for messages with images, some 0.2 MB each."""

CLOSING_MS = 250
"""Linger time of the socket: at 0 an alert sent just before closing is lost; a stalled subscriber
delays closing by at most this."""

_SUBSCRIPTIONS_AT_ONCE = 100
_LINE_NAME = re.compile(r"\w[\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class NumberedMessage:
    """A message with its sequence numbers, ready to be sent."""

    topic: str
    head: str
    """The header's JSON without the fields that depend on the time of sending."""
    alert_seq: int
    t_capture_mono_ns: int
    body: bytes


class Publisher:
    """Owns the XPUB socket of one line; a context manager.

    Use it only in the thread that enters it. `publish` and `beat` never block: a stalled subscriber
    loses messages and sees a gap in `seq`; the detector is not affected. Raises EndpointError if
    the endpoint is invalid or in use, ValueError if the line's name can't be part of a topic.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        line: str,
        boot_id: str,
        guard: Guard | None = None,
        of_images: bool = False,
    ) -> None:
        """`of_images`: the socket for images, which are large and are no alerts."""
        if not _LINE_NAME.fullmatch(line):
            raise ValueError(
                f"line {line!r}: the name is part of the topics; use at most 64 letters, digits, "
                f"'-', '_' and '.', like tapis-1"
            )
        bind_address(endpoint, keys=guard is not None)
        self._guard = guard
        self.line = line
        self.boot_id = boot_id
        self._of_images = of_images
        self._wanted_endpoint = endpoint
        self._clocks = HostClocks()
        self._boot_json = json.dumps(boot_id)
        self._gseq = 0
        self.alert_seq = 0
        """Number of alert revisions since the start."""
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
            queued = SEND_QUEUE_IMAGES if self._of_images else SEND_QUEUE_MESSAGES
            socket.set(zmq.SNDHWM, queued)
            socket.set(zmq.XPUB_VERBOSE, 1)  # reports every subscription, for `joined`
            socket.set(zmq.MAXMSGSIZE, 4096)  # only subscriptions come in here
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

    def __exit__(self, *_: object) -> None:
        self._open_socket().close()
        self._socket = None
        if self._guard is not None:
            self._guard.stop(self._context)
        self._context.term()

    @property
    def endpoint(self) -> str:
        """The endpoint actually bound, with the port that the system chose; "" before entering."""
        return self._endpoint

    def publish(
        self,
        payload: Message,
        *,
        t_capture_utc_ns: int,
        t_capture_mono_ns: int,
        subtopic: str | None = None,
    ) -> None:
        """Send `payload` to the subscribers of its topic; never blocks.

        The capture times are those of the payload's frame. `subtopic` is the last part of the
        topic; default for an alert: its hazard.
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
    ) -> NumberedMessage:
        """Assign sequence numbers to `payload`; send it with `send` before numbering another.

        `alert_seq`: the original number of an alert that is sent again.
        """
        self._open_socket()
        kind, head = self._schema(payload)
        if subtopic is None and isinstance(payload, Alert):
            subtopic = payload.hazard.value
        topic = f"{kind}/{self.line}/{subtopic}" if subtopic else f"{kind}/{self.line}"
        body = payload.model_dump_json().encode()

        # Counted only when nothing can fail any more, so that no number is skipped.
        if alert_seq is None:
            self.alert_seq += isinstance(payload, Alert)
            alert_seq = self.alert_seq
        self._gseq += 1
        self._seq[topic] = seq = self._seq[topic] + 1
        of_alerts = "null" if self._of_images else alert_seq
        numbers = f'{head}"seq":{seq},"gseq":{self._gseq},"alert_seq":{of_alerts},'
        stamps = f'"t_capture_utc_ns":{t_capture_utc_ns},"t_capture_mono_ns":{t_capture_mono_ns},'
        return NumberedMessage(topic, numbers + stamps, alert_seq, t_capture_mono_ns, body)

    def header(self, message: NumberedMessage) -> str:
        """The header, JSON, of a message sent now."""
        age_ms = self._clocks.age_ms(message.t_capture_mono_ns)
        return f'{message.head}"age_ms":{age_ms:.3f},"clock_sync":"{self._clocks.sync()}"}}'

    def send(self, message: NumberedMessage, images: Sequence[bytes] = ()) -> None:
        """Send a message to the subscribers of its topic; never blocks.

        `images`: frames that follow the payload.
        """
        socket = self._open_socket()
        self._read_subscriptions(socket)
        # XPUB drops messages for a full subscriber and never raises EAGAIN; NOBLOCK documents
        # that we rely on it.
        head = self.header(message).encode()
        frames = [message.topic.encode(), head, message.body, *images]
        socket.send_multipart(frames, zmq.NOBLOCK)

    def beat(
        self, *, inferences: int, frame_index: int, t_capture_utc_ns: int, t_capture_mono_ns: int
    ) -> bool:
        """Publish a heartbeat; call after each completed inference pass and at no other time.

        Skipped if the last heartbeat's frame was captured less than 200 ms earlier; returns whether
        it was published. Capture time is used so that a recording gives the same heartbeats in
        every replay, and a repeated frame with its old timestamp gives none. A timestamp that jumps
        back (a recording starts over) gives one at once.
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

    def is_subscribed(self, kind: str) -> bool:
        """Whether there is a subscription to topics of a kind, e.g. `detections`.

        Lets the caller skip payloads without readers.
        """
        return self.are_subscribed(kind)[0]

    def are_subscribed(self, *kinds: str) -> list[bool]:
        """The same for several kinds: no subscription is read between one and the next."""
        self._read_subscriptions(self._open_socket())
        topics = [f"{kind}/{self.line}".encode() for kind in kinds]
        return [
            any(topic.startswith(ours) or ours.startswith(topic) for ours in self._subscriptions)
            for topic in topics
        ]

    @property
    def joined(self) -> int:
        """Subscriptions received since the start.

        An increase means a new subscriber without the active alerts: publish them again unchanged,
        revisions are idempotent.
        """
        self._read_subscriptions(self._open_socket())
        return self._joined

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """For a poller: it is readable when subscriptions have changed."""
        return self._open_socket()

    def wait_for_subscriber(self, kind: str, timeout_s: float) -> bool:
        """Wait for a subscription to a kind; False after the timeout.

        For replays and tests, where earlier messages would be lost; a running line never waits.
        """
        socket = self._open_socket()
        deadline_s = time.monotonic() + timeout_s
        while not self.is_subscribed(kind):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            socket.poll(round(left_s * 1000), zmq.POLLIN)
        return True

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("use a Publisher inside `with Publisher(…) as publisher:`")
        if self._thread != threading.get_ident():
            # libzmq's sockets abort the process when two threads use one.
            raise RuntimeError("use a Publisher only in the thread that entered it")
        return self._socket

    def _schema(self, payload: Message) -> tuple[str, str]:
        """The topic's first part and the header's first fields."""
        made = self._schemas.get(type(payload))
        if made is None:
            name = schema_name(payload)
            head = f'{{"schema":"{name}","boot_id":{self._boot_json},'
            made = self._schemas[type(payload)] = name.partition("/")[0], head
        return made

    def _read_subscriptions(self, socket: zmq.Socket[bytes]) -> None:
        """Read new and ended subscriptions; unread, they would accumulate."""
        for _ in range(_SUBSCRIPTIONS_AT_ONCE):
            if not socket.poll(0, zmq.POLLIN):
                return
            message = socket.recv(zmq.NOBLOCK)
            if message[:1] == b"\1":
                self._subscriptions.add(message[1:])
                self._joined += 1
            elif message[:1] == b"\0":
                self._subscriptions.discard(message[1:])
