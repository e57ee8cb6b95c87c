"""TCP connections whose other end has vanished end by themselves.

A cable that is cut and a machine that loses power send no FIN: without keepalive the connection
stays open for ever, and with it the place, the file descriptor and the queue of its client.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import zmq

IDLE_S = 10
"""Silence before the first probe. A client that polls never gets one, and one that keeps a
connection in reserve answers a few bytes in 10 s."""
PROBE_EVERY_S = 3
PROBES = 3
"""That many unanswered in a row: a switch that restarts loses one or two, seldom three."""
VANISHED_S = IDLE_S + PROBES * PROBE_EVERY_S
"""After so long a vanished client's place is free: 19 s, and most PLCs are slower to start."""

_OPTIONS = {
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": PROBE_EVERY_S,
    "TCP_KEEPCNT": PROBES,
    # Keepalive does not probe while an answer waits to be acknowledged; the kernel would send that
    # again for a quarter of an hour.
    "TCP_USER_TIMEOUT": VANISHED_S * 1000,
}
ZMQ_OPTIONS: Mapping[int, int] = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: IDLE_S,
    zmq.TCP_KEEPALIVE_INTVL: PROBE_EVERY_S,
    zmq.TCP_KEEPALIVE_CNT: PROBES,
}
"""For sockets that bind. No TCP_MAXRT: it would also hang up on a subscriber that is there and
reads slowly. No heartbeats of ZMTP: those who speak version 3.0 need not know them."""


class OptionTaker(Protocol):
    """A socket, or what asyncio shows of one."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None: ...


def keep_alive(connection: OptionTaker) -> None:
    """Have the kernel end this TCP connection VANISHED_S after its other end has vanished.

    On a listening socket: each connection that it accepts (Linux hands the options down). What a
    system does not know is left out.
    """
    with suppress(OSError):  # of a connection that has ended already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            option = getattr(socket, name, None)
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
