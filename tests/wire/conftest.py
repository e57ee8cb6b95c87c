from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import zmq


@pytest.fixture
def open_socket() -> Iterator[Callable[[int], zmq.Socket[bytes]]]:
    """Makes plain sockets and closes them at the end: pyzmq warns about unclosed ones."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made: list[zmq.Socket[bytes]] = []

    def make(kind: int) -> zmq.Socket[bytes]:
        made.append(context.socket(kind))
        made[-1].rcvtimeo = 5000
        return made[-1]

    yield make
    for socket in made:
        socket.close(linger=0)
    context.term()
