from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import zmq

from detector.wire.publisher import Publisher
from detector.wire.samples import BOOT_ID, LINE

ANY_PORT = "tcp://127.0.0.1:*"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, line=LINE, boot_id=BOOT_ID) as open_publisher:
        yield open_publisher


@pytest.fixture
def open_socket() -> Iterator[Callable[[int], zmq.Socket[bytes]]]:
    """Makes plain sockets, closed at the end: pyzmq warns of those left to the garbage."""
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


@pytest.fixture
def now() -> dict[str, int]:
    """The capture stamps of a frame grabbed this moment."""
    return {"t_capture_utc_ns": time.time_ns(), "t_capture_mono_ns": time.monotonic_ns()}
