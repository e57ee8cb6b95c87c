"""The sockets of a client, and how they feed a `LineFeed`; nothing here ever blocks."""

from __future__ import annotations

import time
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
DEAD_PEER_MS = 3000
"""Without a sign of life (ZMTP ping) the connection is taken for dead and made anew."""


class LineLink:
    """Owns the sockets of one line; a context manager, used in the thread that enters it."""

    def __init__(
        self,
        publish: str | None,
        answers: str | None,
        feed: LineFeed,
        *,
        topics: tuple[str, ...],
        queue_messages: int,
        keys: ClientKeys | None,
    ) -> None:
        for endpoint in (publish, answers):
            if endpoint is not None:
                connect_address(endpoint, keys=keys is not None)
        self._publish, self._answers, self._feed = publish, answers, feed
        self._topics, self._queue_messages, self._keys = topics, queue_messages, keys
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._sub: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._dealer: zmq.Socket[bytes] | None = None
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
                self._monitor = self._sub.get_monitor_socket(
                    zmq.EVENT_DISCONNECTED
                    | zmq.EVENT_HANDSHAKE_SUCCEEDED
                    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
                )
                connect(self._sub, self._publish, keys=self._keys is not None)
            if self._answers is not None:
                self._dealer = self._open(zmq.DEALER)
                # Nothing old waits for a detector that comes back: what counts is asked again.
                self._dealer.set(zmq.IMMEDIATE, 1)
                connect(self._dealer, self._answers, keys=self._keys is not None)
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
        return [each for each in (self._sub, self._monitor, self._dealer) if each is not None]

    def pump(self) -> None:
        """Take in what has come, send what is to go out."""
        if self._context is None:
            raise RuntimeError("a Line is used inside `with Line(…) as line:`")
        taken = 0
        while taken < TAKEN_AT_ONCE:
            came = self._take_published() + self._take_replies()
            # Last, so that beats which were under way do not follow the word that all is over.
            came += self._take_monitor()
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

    def _take_monitor(self) -> int:
        came = 0
        while self._monitor is not None:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                break
            came += 1
            if event == zmq.EVENT_DISCONNECTED:
                self._feed.connection_lost("the connection to the detector is cut")
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._feed.connection_lost("the detector refuses this key: `vigitri keys allow`")
            else:
                self._feed.connection_made()
        return came

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

    def _open(self, kind: int) -> zmq.Socket[bytes]:
        assert self._context is not None
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        options: dict[Any, int] = {
            zmq.LINGER: 0,  # a refused client would hang at the end for ever
            zmq.MAXMSGSIZE: MAX_FRAME_BYTES,
            zmq.RECONNECT_IVL: 100,
            zmq.RECONNECT_IVL_MAX: 1000,
            zmq.HEARTBEAT_IVL: DEAD_PEER_MS // 3,
            zmq.HEARTBEAT_TIMEOUT: DEAD_PEER_MS,
        }
        for option, value in options.items():
            socket.set(option, value)
        if self._keys is not None:
            socket.curve_publickey = self._keys.public.encode()
            socket.curve_secretkey = self._keys.secret.encode()
            socket.curve_serverkey = self._keys.server.encode()
        return socket

    def _close(self) -> None:
        if self._sub is not None and self._monitor is not None:
            self._sub.disable_monitor()
            self._monitor.close(linger=0)
        for socket in (self._sub, self._dealer):
            if socket is not None:
                socket.close(linger=0)
        self._sub = self._monitor = self._dealer = None
        if self._context is not None:
            self._context.term()
        self._context = None


def same_host(publish: str | None) -> bool:
    """Whether the detector at that endpoint shares our clock."""
    return publish is None or is_local(publish)
