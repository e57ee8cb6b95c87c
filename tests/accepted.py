"""The other end of a connection to a server in this process, without asking that server."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from detector.wire.keepalive import IDLE_S, PROBE_EVERY_S, PROBES


def accepted_socket(client: tuple[str, int]) -> socket.socket:
    """Of this process's open files the socket that is connected to `client`; to be closed."""
    for file in Path("/proc/self/fd").iterdir():
        try:
            if not str(file.readlink()).startswith("socket:"):
                continue
            found = socket.socket(fileno=os.dup(int(file.name)))
        except OSError:  # closed since
            continue
        try:
            if found.getpeername()[:2] == client:
                return found
        except OSError:  # it listens, or is no TCP socket
            pass
        found.close()
    raise AssertionError(f"no open file is connected to {client}")


def ends_by_itself(accepted: socket.socket) -> bool:
    """Whether the kernel looks after the other end, as often as promised."""
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    read = [
        accepted.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    ]
    return read == [IDLE_S, PROBE_EVERY_S, PROBES]
