"""A bad network between two sockets on loopback: it cuts, refuses and delays."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65536
TURN_S = 0.01


class _Way:
    """One direction of one connection, with what is under way in it."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.waiting: deque[tuple[float, bytes]] = deque()


class TcpProxy:
    """Passes connections on to a port of this machine; a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self.delay_s = 0.0
        """How late everything arrives."""
        self._ways: list[_Way] = []
        self._over = threading.Event()
        self._cut_until_s = 0.0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self._thread = threading.Thread(target=self._pass_on, name="proxy")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._listening.close()

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self, seconds: float) -> None:
        """End all connections, with what is under way in them, and let none through for a while."""
        self._cut_until_s = time.monotonic() + seconds

    def _pass_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            while not self._over.is_set():
                ready = {key.fileobj for key, _ in selector.select(TURN_S)}
                if time.monotonic() < self._cut_until_s:
                    for way in list(self._ways):
                        self._end(way, selector)
                if self._listening in ready:
                    self._accept(selector)
                for way in list(self._ways):
                    if (way.source in ready and not self._read(way)) or not self._write(way):
                        self._end(way, selector)
            for way in list(self._ways):
                self._end(way, selector)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with contextlib.suppress(OSError):
            near, _ = self._listening.accept()
            try:
                if time.monotonic() < self._cut_until_s:
                    raise ConnectionRefusedError
                far = socket.create_connection(self._target, timeout=1.0)
            except OSError:
                near.close()
                return
            for one in (near, far):
                one.setblocking(False)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(one, selectors.EVENT_READ)
            self._ways += [_Way(near, far), _Way(far, near)]

    def _read(self, way: _Way) -> bool:
        try:
            data = way.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            way.waiting.append((time.monotonic() + self.delay_s, data))
        return bool(data)

    def _write(self, way: _Way) -> bool:
        while way.waiting and way.waiting[0][0] <= time.monotonic():
            due_s, data = way.waiting.popleft()
            try:
                sent = way.sink.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False
            if sent < len(data):
                way.waiting.appendleft((due_s, data[sent:]))
                return True
        return True

    def _end(self, way: _Way, selector: selectors.BaseSelector) -> None:
        pair = {way.source, way.sink}
        self._ways = [each for each in self._ways if each.source not in pair]
        for one in pair:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(one)
            one.close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now, for a process that must come back at the same one."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports
