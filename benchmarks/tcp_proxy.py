"""A bad network between two sockets on loopback: cuts, refuses and delays connections."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from typing import Self

CHUNK_BYTES = 65536
TURN_S = 0.01


class _Direction:
    """One direction of one connection, with the data in flight."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.waiting: deque[tuple[float, bytes]] = deque()


class TcpProxy:
    """Forwards connections to a port of this machine; a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self.delay_s = 0.0
        """Delay of all data."""
        self._directions: list[_Direction] = []
        self._over = threading.Event()
        self._cut_until_s = 0.0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self._thread = threading.Thread(target=self._pass_on, name="proxy")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._listening.close()

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self, seconds: float) -> None:
        """Close all connections, discard the data in flight, and refuse new ones for `seconds`."""
        self._cut_until_s = time.monotonic() + seconds

    def _pass_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            while not self._over.is_set():
                ready = {key.fileobj for key, _ in selector.select(TURN_S)}
                if time.monotonic() < self._cut_until_s:
                    for direction in list(self._directions):
                        self._end(direction, selector)
                if self._listening in ready:
                    self._accept(selector)
                for direction in list(self._directions):
                    if (direction.source in ready and not self._read(direction)) or not self._write(
                        direction
                    ):
                        self._end(direction, selector)
            for direction in list(self._directions):
                self._end(direction, selector)

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
            self._directions += [_Direction(near, far), _Direction(far, near)]

    def _read(self, direction: _Direction) -> bool:
        try:
            data = direction.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            direction.waiting.append((time.monotonic() + self.delay_s, data))
        return bool(data)

    def _write(self, direction: _Direction) -> bool:
        while direction.waiting and direction.waiting[0][0] <= time.monotonic():
            due_s, data = direction.waiting.popleft()
            try:
                sent = direction.sink.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False
            if sent < len(data):
                direction.waiting.appendleft((due_s, data[sent:]))
                return True
        return True

    def _end(self, direction: _Direction, selector: selectors.BaseSelector) -> None:
        pair = {direction.source, direction.sink}
        self._directions = [each for each in self._directions if each.source not in pair]
        for one in pair:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(one)
            one.close()


def free_ports(count: int) -> list[int]:
    """Currently free ports, for a process that must restart at the same one."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports
