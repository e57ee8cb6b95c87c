"""The sockets of a client, and how they feed a `LineFeed`; nothing here ever blocks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import zmq
from zmq.utils.monitor import parse_monitor_message

from detector.client.feed import LineFeed
from detector.wire.endpoints import connect, connect_address, is_local
from detector.wire.keys import ClientKeys

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Beyond this libzmq hangs up on the sender; an alert has some 2 kB, a snapshot up to 1 MB."""
TAKEN_AT_ONCE = 500
"""Messages decoded before the program gets its turn again."""
TICK_S = 0.05
"""How soon silence is noticed, and a request made again."""
DEAD_PEER_S = 3
"""Without a sign of life the connection is taken for dead and made anew."""
KNOCK_AGAIN_NS = 1_000_000_000
"""A client that was refused tries again after this: it may have been let in meanwhile."""
_REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
}


@dataclass(slots=True)
class _Door:
    """One of the detector's endpoints, and our socket at it."""

    socket: zmq.Socket[bytes]
    endpoint: str
    monitor: zmq.Socket[bytes]
    knock_ns: int | None = None
    """When to connect anew."""
    refusal: str | None = None
    """Why we are not let in; None: we are, or nobody has answered yet."""


class LineLink:
    """Owns the sockets of one line; a context manager, used in the thread that enters it."""

    def __init__(
        self,
        publish: str | None,
        requests: str | None,
        feed: LineFeed,
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
        self._doors: list[_Door] = []
        self._door_news: list[tuple[_Door, int]] = []
        """What has been heard of the doors, and is told after the messages that came before it."""
        self.sent = True
        """False: there was nobody to take the last request."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            if self._publish is not None:
                self._sub = self._open(zmq.SUB)
                self._sub.set(zmq.RCVHWM, self._queue_messages)
                for topic in self._topics:
                    self._sub.subscribe(topic)
                self._knock(self._sub, self._publish)
            if self._requests is not None:
                self._dealer = self._open(zmq.DEALER)
                # Nothing old waits for a detector that comes back: what counts is asked again.
                self._dealer.set(zmq.IMMEDIATE, 1)
                self._knock(self._dealer, self._requests)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def sockets(self) -> list[zmq.Socket[bytes]]:
        """Those on which something may come in."""
        monitors = [door.monitor for door in self._doors]
        return [*(door.socket for door in self._doors), *monitors]

    @property
    def refusal(self) -> str | None:
        """Why the detector does not let us in; None: it does, or has not answered yet."""
        return next((door.refusal for door in self._doors if door.refusal), None)

    def pump(self) -> None:
        """Take in what has come, send what is to go out."""
        if self._context is None:
            raise RuntimeError("a Line is used inside `with Line(…) as line:`")
        taken = 0
        while taken < TAKEN_AT_ONCE:
            # Heard before the messages are taken and told after them: beats that came just before
            # a connection was cut do not follow the word that all is over.
            self._listen_at_doors()
            published = self._take_published()
            came = published + self._take_replies()
            if published < TAKEN_AT_ONCE:  # none is left that came before
                came += self._tell_door_news()
            self._knock_again()
            self._feed.tick(time.monotonic_ns())
            self._send()
            if not came:
                return
            taken += came

    def _take_published(self) -> int:
        came = 0
        while self._sub is not None and came < TAKEN_AT_ONCE:
            try:
                frames = self._sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            came += 1
            self._feed.take_published(frames, time.monotonic_ns())
        return came

    def _take_replies(self) -> int:
        came = 0
        while self._dealer is not None and came < TAKEN_AT_ONCE:
            try:
                frames = self._dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            came += 1
            self._feed.take_reply(frames, time.monotonic_ns())
        return came

    def _listen_at_doors(self) -> None:
        for door in self._doors:
            while True:
                try:
                    event = parse_monitor_message(door.monitor.recv_multipart(zmq.NOBLOCK))["event"]
                except zmq.Again:
                    break
                self._door_news.append((door, event))

    def _tell_door_news(self) -> int:
        news, self._door_news = self._door_news, []
        for door, event in news:
            self._hear_door(door, event)
        return len(news)

    def _knock_again(self) -> None:
        for door in self._doors:
            if door.knock_ns is not None and time.monotonic_ns() >= door.knock_ns:
                door.knock_ns = None
                door.socket.disconnect(door.endpoint)
                connect(door.socket, door.endpoint, keys=self._keys is not None)

    def _hear_door(self, door: _Door, event: int) -> None:
        listens = door.socket is self._sub
        if event in _REFUSED:
            door.refusal = _why_refused(event, keys=self._keys is not None)
            if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                # Of these libzmq 4.3.5 takes no for an answer and never tries again.
                door.knock_ns = time.monotonic_ns() + KNOCK_AGAIN_NS
            if listens:
                self._feed.connection_refused(door.refusal)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            door.refusal = None
            if listens:
                self._feed.connection_made()
        elif listens and door.refusal is None:
            self._feed.connection_lost("the connection to the detector is cut")

    def _send(self) -> None:
        while self._dealer is not None and self._feed.to_send:
            try:
                self._dealer.send(self._feed.to_send[0], zmq.NOBLOCK)
            except zmq.Again:  # nobody there: made again by those who still want a reply
                self._feed.to_send.clear()
                self.sent = False
                return
            self._feed.to_send.popleft()
            self.sent = True

    def _knock(self, socket: zmq.Socket[bytes], endpoint: str) -> None:
        """Connect, and hear whether we are let in."""
        monitor = socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED
            | zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._doors.append(_Door(socket, endpoint, monitor))
        connect(socket, endpoint, keys=self._keys is not None)

    def _open(self, kind: int) -> zmq.Socket[bytes]:
        assert self._context is not None
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        options: dict[Any, int] = {
            zmq.LINGER: 0,  # a refused client would hang at the end for ever
            zmq.MAXMSGSIZE: MAX_FRAME_BYTES,
            zmq.RECONNECT_IVL: 100,
            zmq.RECONNECT_IVL_MAX: 1000,
        }
        if kind == zmq.SUB:
            # The kernel asks for the sign of life, not ZMTP: while a queue is full libzmq reads no
            # replies to its own pings, hangs up, and once the queue is read again ends the whole
            # program (4.3.5: "Assertion failed: _input_stopped", "!_io_error").
            options |= {
                zmq.TCP_KEEPALIVE: 1,
                zmq.TCP_KEEPALIVE_IDLE: 1,
                zmq.TCP_KEEPALIVE_INTVL: 1,
                zmq.TCP_KEEPALIVE_CNT: DEAD_PEER_S - 1,
            }
        else:  # its queue never fills: a consumer that is silent is sent nothing
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
        for door in self._doors:
            door.socket.disable_monitor()
            door.monitor.close(linger=0)
        for socket in (self._sub, self._dealer):
            if socket is not None:
                socket.close(linger=0)
        self._sub = self._dealer = None
        self._doors, self._door_news = [], []
        if self._context is not None:
            self._context.destroy(linger=0)  # with a socket that was refused its options
        self._context = None


def _why_refused(event: int, *, keys: bool) -> str:
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return "the detector refuses this key: `vigitri keys allow` there lets it in"
    if keys:
        return (
            "the detector breaks off the handshake: is that key its public one, and does it ask "
            "for keys at all?"
        )
    return "the detector breaks off the handshake: it may ask for keys (--own-key, --line-key)"


def same_host(publish: str | None) -> bool:
    """Whether the detector at that endpoint shares our clock."""
    return publish is None or is_local(publish)
