"""Finds the server's end of a connection to a server in this process, without its help."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from detector.wire.keepalive import IDLE_S, PROBE_EVERY_S, PROBES


def accepted_socket(client: tuple[str, int]) -> socket.socket:
    """The open socket of this process that is connected to `client`; the caller closes it."""
    for file in Path("/proc/self/fd").iterdir():
        try:
            if not str(file.readlink()).startswith("socket:"):
                continue
            found = socket.socket(fileno=os.dup(int(file.name)))
        except OSError:  # closed meanwhile
            continue
        try:
            if found.getpeername()[:2] == client:
                return found
        except OSError:  # it listens, or is not a TCP socket
            pass
        found.close()
    raise AssertionError(f"no open file is connected to {client}")


def ends_by_itself(accepted: socket.socket) -> bool:
    """Whether TCP keepalive is on, with the documented times."""
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    read = [
        accepted.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    ]
    return read == [IDLE_S, PROBE_EVERY_S, PROBES]
