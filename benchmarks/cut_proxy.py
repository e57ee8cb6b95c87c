"""A TCP proxy on loopback that can be cut, and that can be slow: the network between two."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from typing import Self

CHUNK_BYTES = 65536


class CutProxy:
    """Forwards connections to `(host, port)`; a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.delay_s = 0.0
        """How much later everything comes."""
        self._cut = threading.Event()
        self._over = threading.Event()
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        self._close_all()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Break all connections, and let no new one through until `mend`."""
        self._cut.set()
        self._close_all()

    def mend(self) -> None:
        self._cut.clear()

    def _close_all(self) -> None:
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                ours, _ = self._listening.accept()
            except OSError:
                continue
            if self._cut.is_set() or self._over.is_set():
                ours.close()
                continue
            try:
                theirs = socket.create_connection(self._target, timeout=5)
            except OSError:
                ours.close()
                continue
            thread = threading.Thread(target=self._forward, args=(ours, theirs))
            self._threads.append(thread)
            thread.start()

    def _forward(self, ours: socket.socket, theirs: socket.socket) -> None:
        other: dict[object, socket.socket] = {ours: theirs, theirs: ours}
        ends = {ours, theirs}
        with self._lock:
            self._ends.update(ends)
        with ours, theirs, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            for end in ends:
                ready.register(end, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _ in ready.select(timeout=0.5):
                    data = other[other[key.fileobj]].recv(CHUNK_BYTES)
                    if not data:
                        return
                    if self.delay_s:
                        time.sleep(self.delay_s)
                    other[key.fileobj].sendall(data)
        with self._lock:
            self._ends.difference_update(ends)
