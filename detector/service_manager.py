"""Notifies systemd that a service is ready, alive or stopping, by the protocol of sd_notify(3).

The protocol is one datagram per message and is documented to stay as it is. The libraries for it
need libsystemd, or have had no release since 2017.

Alive means that the loop runs. A blind line is alive: a restart would not give it sight, and would
lose what it knows of the belt.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

_NOTICES_PER_TIMEOUT = 4
"""A notice that comes late, or is lost, must not restart the service."""


class ServiceManager:
    """The service manager that started this process; without one, every call does nothing."""

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        """`address`: of its socket, a path or `@name`. `watchdog_s`: after this time without
        `alive` it restarts the service; 0: never."""
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address
        self._period_s = watchdog_s / _NOTICES_PER_TIMEOUT
        self._due_s = 0.0
        self._status = ""

    @classmethod
    def of_this_process(cls) -> ServiceManager:
        """As the environment names it. Removes its variables: a child is not the service."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        addressee = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        watched = microseconds.isdecimal() and addressee == str(os.getpid())
        return cls(address, int(microseconds) / 1e6 if watched else 0.0)

    def ready(self) -> None:
        """Its sockets listen; units that come after it may start."""
        self._send("READY=1")

    def alive(self) -> None:
        """Call at each turn of the service's loop; sends a few times per time-out."""
        if self._period_s and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + self._period_s
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it changes."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),  # it is being restarted; nothing here depends on it
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto(message.encode(errors="replace"), self._address)
