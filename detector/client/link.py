"""The sockets of a client; they feed a `LineFeed` or the images' feed, and never block."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol, Self

import zmq
from zmq.utils.monitor import parse_monitor_message

from detector.wire.endpoints import connect, connect_address, is_local
from detector.wire.keys import ClientKeys

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""libzmq disconnects the sender of a longer frame; an alert has some 2 kB, a snapshot up to
1 MB."""
READ_AT_ONCE = 500
"""Messages decoded before control returns to the program."""
TICK_S = 0.05
"""Resolution at which silence is detected and requests are repeated."""
DEAD_PEER_S = 3
"""Silence after which a connection is considered dead and replaced."""
RECONNECT_NS = 1_000_000_000
"""A refused client reconnects after this: its key may have been allowed meanwhile."""
_REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
}


class Feed(Protocol):
    """Takes what the sockets receive, and has what they are to send; times are CLOCK_MONOTONIC."""

    to_send: deque[bytes]

    def receive_published(self, frames: list[bytes], now_ns: int) -> None: ...
    def receive_reply(self, frames: list[bytes], now_ns: int) -> None: ...
    def connection_lost(self, reason: str) -> None: ...
    def connection_refused(self, reason: str) -> None: ...
    def connection_made(self) -> None: ...
    def tick(self, now_ns: int) -> None: ...


@dataclass(slots=True)
class _Connection:
    """Our socket at one of the detector's endpoints, with its monitor."""

    socket: zmq.Socket[bytes]
    endpoint: str
    monitor: zmq.Socket[bytes]
    reconnect_ns: int | None = None
    """When to connect again."""
    refusal: str | None = None
    """Why the connection is refused; None: it is not, or no answer yet."""


class LineLink:
    """Owns the sockets of one line; a context manager, used in the thread that enters it."""

    def __init__(
        self,
        publish: str | None,
        requests: str | None,
        feed: Feed,
        *,
        topics: tuple[str, ...],
        queue_messages: int,
        keys: ClientKeys | None,
    ) -> None:
        for endpoint in (publish, requests):
            if endpoint is not None:
                connect_address(endpoint, keys=keys is not None)
        self._publish, self._requests, self._feed = publish, requests, feed
        self._topics, self._queue_messages, self._keys = topics, queue_messages, keys
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._sub: zmq.Socket[bytes] | None = None
        self._dealer: zmq.Socket[bytes] | None = None
        self._connections: list[_Connection] = []
        self._events: list[tuple[_Connection, int]] = []
        """Connection events, handled after the messages that arrived before them."""
        self.sent = True
        """False: there was no peer for the last request."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            if self._publish is not None:
                self._sub = self._open(zmq.SUB)
                self._sub.set(zmq.RCVHWM, self._queue_messages)
                for topic in self._topics:
                    self._sub.subscribe(topic)
                self._connect(self._sub, self._publish)
            if self._requests is not None:
                self._dealer = self._open(zmq.DEALER)
                # Nothing is queued for a detector that comes back: pending requests are repeated.
                self._dealer.set(zmq.IMMEDIATE, 1)
                self._connect(self._dealer, self._requests)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def subscribe(self, topic: str) -> None:
        """Subscribe to one more topic."""
        assert self._sub is not None
        self._sub.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        assert self._sub is not None
        self._sub.unsubscribe(topic)

    @property
    def sockets(self) -> list[zmq.Socket[bytes]]:
        """All sockets on which messages or connection events arrive."""
        monitors = [connection.monitor for connection in self._connections]
        return [*(connection.socket for connection in self._connections), *monitors]

    @property
    def refusal(self) -> str | None:
        """Why the detector refuses the connection; None: it does not, or no answer yet."""
        return next((each.refusal for each in self._connections if each.refusal), None)

    def pump(self) -> int:
        """Process received messages and send pending requests. Returns how many were received."""
        if self._context is None:
            raise RuntimeError("use a Line inside `with Line(…) as line:`")
        handled = 0
        while handled < READ_AT_ONCE:
            # Events are read before the messages and handled after them, so that heartbeats that
            # arrived just before a disconnect do not follow its report.
            self._read_events()
            published = self._read_published()
            count = published + self._read_replies()
            if published < READ_AT_ONCE:  # no earlier message is left
                count += self._handle_events()
            self._reconnect()
            self._feed.tick(time.monotonic_ns())
            self._send()
            if not count:
                break
            handled += count
        return handled

    def _read_published(self) -> int:
        count = 0
        while self._sub is not None and count < READ_AT_ONCE:
            try:
                frames = self._sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            count += 1
            self._feed.receive_published(frames, time.monotonic_ns())
        return count

    def _read_replies(self) -> int:
        count = 0
        while self._dealer is not None and count < READ_AT_ONCE:
            try:
                frames = self._dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            count += 1
            self._feed.receive_reply(frames, time.monotonic_ns())
        return count

    def _read_events(self) -> None:
        for connection in self._connections:
            while True:
                try:
                    frames = connection.monitor.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._events.append((connection, parse_monitor_message(frames)["event"]))

    def _handle_events(self) -> int:
        events, self._events = self._events, []
        for connection, event in events:
            self._handle_event(connection, event)
        return len(events)

    def _reconnect(self) -> None:
        for connection in self._connections:
            due_ns = connection.reconnect_ns
            if due_ns is not None and time.monotonic_ns() >= due_ns:
                connection.reconnect_ns = None
                connection.socket.disconnect(connection.endpoint)
                connect(connection.socket, connection.endpoint, keys=self._keys is not None)

    def _handle_event(self, connection: _Connection, event: int) -> None:
        listens = connection.socket is self._sub
        if event in _REFUSED:
            connection.refusal = _why_refused(event, keys=self._keys is not None)
            if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                # After these libzmq 4.3.5 never reconnects by itself.
                connection.reconnect_ns = time.monotonic_ns() + RECONNECT_NS
            if listens:
                self._feed.connection_refused(connection.refusal)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            connection.refusal = None
            if listens:
                self._feed.connection_made()
        elif listens and connection.refusal is None:
            self._feed.connection_lost("connection to the detector lost")

    def _send(self) -> None:
        while self._dealer is not None and self._feed.to_send:
            try:
                self._dealer.send(self._feed.to_send[0], zmq.NOBLOCK)
            except zmq.Again:  # no peer: pending requests are repeated later
                self._feed.to_send.clear()
                self.sent = False
                return
            self._feed.to_send.popleft()
            self.sent = True

    def _connect(self, socket: zmq.Socket[bytes], endpoint: str) -> None:
        """Connect, with a monitor that reports refusals."""
        monitor = socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED
            | zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._connections.append(_Connection(socket, endpoint, monitor))
        connect(socket, endpoint, keys=self._keys is not None)

    def _open(self, kind: int) -> zmq.Socket[bytes]:
        assert self._context is not None
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        options: dict[Any, int] = {
            zmq.LINGER: 0,  # else closing a refused client hangs for ever
            zmq.MAXMSGSIZE: MAX_FRAME_BYTES,
            zmq.RECONNECT_IVL: 100,
            zmq.RECONNECT_IVL_MAX: 1000,
        }
        if kind == zmq.SUB:
            # TCP keepalive, not ZMTP heartbeats: while a queue is full libzmq does not read the
            # replies to its pings, disconnects, and aborts the program when the queue is read
            # again (4.3.5: "Assertion failed: _input_stopped", "!_io_error").
            options |= {
                zmq.TCP_KEEPALIVE: 1,
                zmq.TCP_KEEPALIVE_IDLE: 1,
                zmq.TCP_KEEPALIVE_INTVL: 1,
                zmq.TCP_KEEPALIVE_CNT: DEAD_PEER_S - 1,
            }
        else:  # its queue never fills: the detector sends nothing to a silent consumer
            options |= {
                zmq.HEARTBEAT_IVL: DEAD_PEER_S * 1000 // 3,
                zmq.HEARTBEAT_TIMEOUT: DEAD_PEER_S * 1000,
            }
        for option, value in options.items():
            socket.set(option, value)
        if self._keys is not None:
            socket.curve_publickey = self._keys.public.encode()
            socket.curve_secretkey = self._keys.secret.encode()
            socket.curve_serverkey = self._keys.server.encode()
        return socket

    def _close(self) -> None:
        for connection in self._connections:
            connection.socket.disable_monitor()
            connection.monitor.close(linger=0)
        for socket in (self._sub, self._dealer):
            if socket is not None:
                socket.close(linger=0)
        self._sub = self._dealer = None
        self._connections, self._events = [], []
        if self._context is not None:
            self._context.destroy(linger=0)  # also a socket whose options failed
        self._context = None


def _why_refused(event: int, *, keys: bool) -> str:
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return "the detector refuses this key: allow it there with `vigitri keys allow`"
    if keys:
        return (
            "the detector aborts the handshake: is this its public key, and does the line use keys?"
        )
    return "the detector aborts the handshake: the line may need keys (--own-key, --line-key)"


def same_host(publish: str | None) -> bool:
    """Whether the detector at this endpoint runs on this host and shares its clock."""
    return publish is None or is_local(publish)
