"""Where the sockets are: one string that can be read aloud, refused at the door if it is wrong.

`tcp://127.0.0.1:5556`, `tcp://[::1]:5556`, `tcp://localhost:*` (a port the system chooses, to
bind only) and `ipc:///run/vigitri/line-1`. TCP stays on loopback unless CURVE keys guard the
socket: without them nothing on the wire is encrypted or authenticated.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket as os_socket
import stat
from pathlib import Path
from typing import Any

import zmq

from detector.errors import VigitriError
from detector.wire.keepalive import ZMQ_OPTIONS

ALERTS_ENDPOINT = "tcp://127.0.0.1:5556"
REQUESTS_ENDPOINT = "tcp://127.0.0.1:5557"

_TCP = re.compile(r"tcp://(?P<host>\[[^\]]*\]|[^:\[\]]*):(?P<port>[0-9]{1,5}|\*)", re.ASCII)
_BINDERS_MEND = (
    f"make keys (`vigitri keys new`, wire.keys in the profile), or use {ALERTS_ENDPOINT}"
)
_CLIENTS_MEND = "make a key (`vigitri keys new`), have it let in there, and give both keys"
_EXAMPLE = f"write it like {ALERTS_ENDPOINT} or ipc:///run/vigitri/line-1"


class EndpointError(VigitriError, ValueError):
    """An endpoint that can't be used; its text is one line that says why and what mends it."""


def bind_address(endpoint: str, *, keys: bool = False) -> str:
    """The address to bind for `endpoint`, or EndpointError; `keys`: CURVE guards the socket."""
    return _address(endpoint, keys=keys, mend=_BINDERS_MEND)


def connect_address(endpoint: str, *, keys: bool = False) -> str:
    """The address to connect to for `endpoint`, or EndpointError."""
    address = _address(endpoint, keys=True, mend="")
    if re.match(r"tcp://(0\.0\.0\.0|\[::\]):", address):
        raise EndpointError(f"{endpoint}: is every address, to bind only; name the detector's")
    if address.endswith(":*"):
        raise EndpointError(
            f"{endpoint}: a port of * can only be bound; name the port that the detector printed"
        )
    return _address(endpoint, keys=keys, mend=_CLIENTS_MEND)


def reachable(endpoint: str) -> str:
    """Where a client on this machine meets what was bound at `endpoint`.

    Every address, which can only be bound, has loopback among it.
    """
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("[::]", "[::1]")


def is_local(endpoint: str) -> bool:
    """Whether the endpoint is on this machine: loopback or a socket in the file system."""
    try:
        _address(endpoint, keys=False, mend="")
    except EndpointError:
        return False
    return True


def bind(socket: zmq.Socket[Any], endpoint: str, *, keys: bool = False) -> str:
    """Bind `socket`; the real endpoint (with the port the system chose), or EndpointError.

    Connections to it end by themselves once their other end has vanished.
    """
    address = bind_address(endpoint, keys=keys)
    socket.ipv6 = "[" in address
    for option, value in ZMQ_OPTIONS.items():
        socket.set(option, value)
    if address.startswith("ipc://"):
        _refuse_a_taken_path(endpoint, Path(address.removeprefix("ipc://")))
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise EndpointError(_why_not_bound(endpoint, error)) from error
    bound = socket.get(zmq.LAST_ENDPOINT)
    return str(bound.rstrip(b"\0").decode() if isinstance(bound, bytes) else bound)


def connect(socket: zmq.Socket[Any], endpoint: str, *, keys: bool = False) -> None:
    """Connect `socket`, or EndpointError. Nobody need be there yet: libzmq keeps trying."""
    address = connect_address(endpoint, keys=keys)
    socket.ipv6 = "[" in address
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        raise EndpointError(f"{endpoint}: can't connect ({error.strerror}); {_EXAMPLE}") from error


def _address(endpoint: str, *, keys: bool, mend: str) -> str:
    if " " in endpoint or not endpoint.isprintable():
        raise EndpointError(f"{endpoint!r} has a space or unprintable sign in it; {_EXAMPLE}")
    if endpoint.startswith("ipc://"):
        return _ipc_address(endpoint)
    if endpoint.startswith("tcp://"):
        return _tcp_address(endpoint, keys=keys, mend=mend)
    raise EndpointError(f"{endpoint!r} is no endpoint: {_EXAMPLE}")


def _tcp_address(endpoint: str, *, keys: bool, mend: str) -> str:
    parts = _TCP.fullmatch(endpoint)
    if parts is None:
        raise EndpointError(f"{endpoint!r} is no TCP endpoint, a host and a port; {_EXAMPLE}")
    host, port = parts["host"], parts["port"]
    if port != "*" and not 1 <= int(port) <= 65535:
        raise EndpointError(f"{endpoint}: port {port} is not in 1 to 65535")
    # `localhost` is mapped by hand: what it resolves to is another machine's hosts file's business.
    literal = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        ip = ipaddress.ip_address(literal)
    except ValueError:
        raise EndpointError(
            f"{endpoint}: {host or 'an empty host'} is neither localhost nor an IP address; "
            f"{_EXAMPLE}"
        ) from None
    if (ip.version == 6) != host.startswith("["):
        raise EndpointError(f"{endpoint}: an IPv6 address, and only that, stands in [brackets]")
    if getattr(ip, "scope_id", None) or getattr(ip, "ipv4_mapped", None) or ip.is_multicast:
        raise EndpointError(f"{endpoint}: {literal} is no plain address of one machine; {_EXAMPLE}")
    if not ip.is_loopback and not keys:
        raise EndpointError(
            f"{endpoint}: {literal} can be reached from other machines, and without CURVE keys "
            f"anybody there could listen and answer; {mend}"
        )
    # Leading zeros of the port would make two texts of one address.
    port = port if port == "*" else str(int(port))
    return f"tcp://[{ip}]:{port}" if ip.version == 6 else f"tcp://{ip}:{port}"


def _ipc_address(endpoint: str) -> str:
    path = endpoint.removeprefix("ipc://")
    if not path or path in ("*", ".", "..") or path.startswith("@") or path.endswith("/"):
        raise EndpointError(f"{endpoint!r} names no file for the socket; {_EXAMPLE}")
    if len(path.encode(errors="surrogateescape")) > zmq.IPC_PATH_MAX_LEN:
        raise EndpointError(
            f"{endpoint}: the path is longer than the {zmq.IPC_PATH_MAX_LEN} bytes that the "
            f"system allows for a socket"
        )
    return endpoint


def _refuse_a_taken_path(endpoint: str, path: Path) -> None:
    """Before it binds, libzmq 4.3 removes whatever lies at the path, in use or not."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise EndpointError(f"{endpoint}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise EndpointError(f"{endpoint}: {path} is there and is no socket; name another path")
    with os_socket.socket(os_socket.AF_UNIX, os_socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return  # left behind by a process that was killed
        except OSError as error:
            raise EndpointError(f"{endpoint}: {error.strerror}") from error
    raise EndpointError(_taken(endpoint))


def _taken(endpoint: str) -> str:
    return (
        f"{endpoint} is taken, perhaps by another detector that still runs; stop that one or "
        f"give this one another endpoint"
    )


def _why_not_bound(endpoint: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return _taken(endpoint)
    if error.errno == errno.EACCES:
        return f"{endpoint}: no permission; use a port above 1023, or a folder you may write to"
    if error.errno == errno.ENOENT:
        return f"{endpoint}: the folder is not there; make it first"
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EAFNOSUPPORT):
        return f"{endpoint}: this machine has no such address; use {ALERTS_ENDPOINT}"
    return f"{endpoint}: can't bind ({error.strerror})"
