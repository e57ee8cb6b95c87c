"""ZeroMQ endpoints: checked before they are bound or connected.

Allowed are `tcp://127.0.0.1:5556`, `tcp://[::1]:5556`, `tcp://localhost:*` (a port that the system
chooses, for binding only) and `ipc:///run/vigitri/line-1`. TCP stays on loopback unless CURVE keys
protect the socket: without them the wire is neither encrypted nor authenticated.
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
_BIND_FIX = f"make keys (`vigitri keys new`, wire.keys in the profile), or use {ALERTS_ENDPOINT}"
_CONNECT_FIX = "make a key (`vigitri keys new`), have it allowed there, and give both keys"
_EXAMPLE = f"write it like {ALERTS_ENDPOINT} or ipc:///run/vigitri/line-1"


class EndpointError(VigitriError, ValueError):
    """An unusable endpoint; the message is one line with the reason and the fix."""


def bind_address(endpoint: str, *, keys: bool = False) -> str:
    """The address to bind for `endpoint`, or EndpointError; `keys`: CURVE protects the socket."""
    return _address(endpoint, keys=keys, fix=_BIND_FIX)


def connect_address(endpoint: str, *, keys: bool = False) -> str:
    """The address to connect to for `endpoint`, or EndpointError."""
    address = _address(endpoint, keys=True, fix="")
    if re.match(r"tcp://(0\.0\.0\.0|\[::\]):", address):
        raise EndpointError(
            f"{endpoint}: a wildcard address can only be bound; name the detector's address"
        )
    if address.endswith(":*"):
        raise EndpointError(
            f"{endpoint}: a port of * can only be bound; name the port that the detector printed"
        )
    return _address(endpoint, keys=keys, fix=_CONNECT_FIX)


def reachable(endpoint: str) -> str:
    """The endpoint at which a client on this machine reaches what was bound at `endpoint`.

    A wildcard address can only be bound and includes loopback.
    """
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("[::]", "[::1]")


def is_local(endpoint: str) -> bool:
    """Whether the endpoint is on this machine: loopback or a socket in the file system."""
    try:
        _address(endpoint, keys=False, fix="")
    except EndpointError:
        return False
    return True


def bind(socket: zmq.Socket[Any], endpoint: str, *, keys: bool = False) -> str:
    """Bind `socket` and return the actual endpoint (with the port that the system chose).

    Raises EndpointError. TCP keepalive closes connections whose peer has vanished.
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
    """Connect `socket`, or EndpointError. The peer may start later: libzmq keeps trying."""
    address = connect_address(endpoint, keys=keys)
    socket.ipv6 = "[" in address
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        raise EndpointError(f"{endpoint}: can't connect ({error.strerror}); {_EXAMPLE}") from error


def _address(endpoint: str, *, keys: bool, fix: str) -> str:
    if " " in endpoint or not endpoint.isprintable():
        raise EndpointError(
            f"{endpoint!r} contains a space or an unprintable character; {_EXAMPLE}"
        )
    if endpoint.startswith("ipc://"):
        return _ipc_address(endpoint)
    if endpoint.startswith("tcp://"):
        return _tcp_address(endpoint, keys=keys, fix=fix)
    raise EndpointError(f"{endpoint!r} is not an endpoint: {_EXAMPLE}")


def _tcp_address(endpoint: str, *, keys: bool, fix: str) -> str:
    parts = _TCP.fullmatch(endpoint)
    if parts is None:
        raise EndpointError(f"{endpoint!r} is not a TCP endpoint with host and port; {_EXAMPLE}")
    host, port = parts["host"], parts["port"]
    if port != "*" and not 1 <= int(port) <= 65535:
        raise EndpointError(f"{endpoint}: port {port} is not in 1 to 65535")
    # Not resolved: a hosts file may map `localhost` to another address.
    literal = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        ip = ipaddress.ip_address(literal)
    except ValueError:
        raise EndpointError(
            f"{endpoint}: {host or 'an empty host'} is neither localhost nor an IP address; "
            f"{_EXAMPLE}"
        ) from None
    if (ip.version == 6) != host.startswith("["):
        raise EndpointError(f"{endpoint}: IPv6 addresses, and only those, need [brackets]")
    if getattr(ip, "scope_id", None) or getattr(ip, "ipv4_mapped", None) or ip.is_multicast:
        raise EndpointError(
            f"{endpoint}: {literal} is not a unicast address of one machine; {_EXAMPLE}"
        )
    if not ip.is_loopback and not keys:
        raise EndpointError(
            f"{endpoint}: {literal} can be reached from other machines; without CURVE keys anyone "
            f"there could listen and answer; {fix}"
        )
    # Without leading zeros, so that one address has one text.
    port = port if port == "*" else str(int(port))
    return f"tcp://[{ip}]:{port}" if ip.version == 6 else f"tcp://{ip}:{port}"


def _ipc_address(endpoint: str) -> str:
    path = endpoint.removeprefix("ipc://")
    if not path or path in ("*", ".", "..") or path.startswith("@") or path.endswith("/"):
        raise EndpointError(f"{endpoint!r} does not name a socket file; {_EXAMPLE}")
    if len(path.encode(errors="surrogateescape")) > zmq.IPC_PATH_MAX_LEN:
        raise EndpointError(
            f"{endpoint}: the path is longer than the system's limit of {zmq.IPC_PATH_MAX_LEN} "
            f"bytes for a socket"
        )
    return endpoint


def _refuse_a_taken_path(endpoint: str, path: Path) -> None:
    """libzmq 4.3 removes any file at the path before it binds, in use or not."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise EndpointError(f"{endpoint}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise EndpointError(f"{endpoint}: {path} exists and is not a socket; name another path")
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
        f"{endpoint} is in use, perhaps by another detector; stop that one or use another endpoint"
    )


def _why_not_bound(endpoint: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return _taken(endpoint)
    if error.errno == errno.EACCES:
        return f"{endpoint}: no permission; use a port above 1023, or a folder you may write to"
    if error.errno == errno.ENOENT:
        return f"{endpoint}: the folder does not exist; create it first"
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EAFNOSUPPORT):
        return f"{endpoint}: this machine has no such address; use {ALERTS_ENDPOINT}"
    return f"{endpoint}: can't bind ({error.strerror})"
