"""TCP keepalive: close connections whose peer has vanished.

A cut cable or a power loss sends no FIN. Without keepalive the connection stays open for ever and
keeps its client's slot, file descriptor and queue.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import zmq

IDLE_S = 10
"""Silence before the first probe. A polling client never gets a probe; an idle spare connection
answers with a few bytes every 10 s."""
PROBE_EVERY_S = 3
PROBES = 3
"""Unanswered probes in a row; a restarting switch loses one or two, seldom three."""
VANISHED_S = IDLE_S + PROBES * PROBE_EVERY_S
"""Time until a vanished client's slot is free: 19 s; most PLCs take longer to start."""

_OPTIONS = {
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": PROBE_EVERY_S,
    "TCP_KEEPCNT": PROBES,
    # Keepalive does not probe while sent data is unacknowledged; the kernel would retransmit that
    # for 15 minutes.
    "TCP_USER_TIMEOUT": VANISHED_S * 1000,
}
ZMQ_OPTIONS: Mapping[int, int] = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: IDLE_S,
    zmq.TCP_KEEPALIVE_INTVL: PROBE_EVERY_S,
    zmq.TCP_KEEPALIVE_CNT: PROBES,
}
"""For sockets that bind. No TCP_MAXRT: it would also disconnect a slow but live subscriber. No ZMTP
heartbeats: peers that speak ZMTP 3.0 need not support them."""


class SocketLike(Protocol):
    """A socket, or asyncio's `TransportSocket`."""

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None: ...


def keep_alive(connection: SocketLike) -> None:
    """Have the kernel close this TCP connection VANISHED_S after its peer has vanished.

    On a listening socket this applies to each accepted connection (Linux inherits the options).
    Options that the system does not support are skipped.
    """
    with suppress(OSError):  # the connection has ended already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            option = getattr(socket, name, None)
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
