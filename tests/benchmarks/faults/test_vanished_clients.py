from __future__ import annotations

import fcntl
import socket
import struct
import termios

import pytest

from benchmarks.faults.vanished_clients import Polls, vanish


def unacknowledged(sender: socket.socket) -> int:
    """Bytes that were sent and not acknowledged."""
    found: int = struct.unpack("i", fcntl.ioctl(sender, termios.TIOCOUTQ, bytes(4)))[0]
    return found


def test_a_vanished_client_acknowledges_nothing_and_closes_nothing() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0] as peer,
    ):
        peer.sendall(b"before")
        assert client.recv(6) == b"before"
        assert unacknowledged(peer) == 0
        vanish(client)
        peer.sendall(b"after")
        client.setblocking(False)
        peer.setblocking(False)
        for end in (client, peer):
            with pytest.raises(BlockingIOError):
                end.recv(5)
        assert unacknowledged(peer) == 5


def test_polls_are_summed_up_by_their_times() -> None:
    polls = Polls("PLC", 0.01, polls=100, failed=1, took_ms=[float(n) for n in range(100)])
    summary = polls.summary()
    assert (summary["every_ms"], summary["failed"]) == (10, 1)
    assert (summary["p50_ms"], summary["p99_ms"], summary["max_ms"]) == (50, 99, 99)
    assert Polls("panel", 1.0).summary()["max_ms"] == 0
