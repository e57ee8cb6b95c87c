"""Serves the station over HTTP or HTTPS until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from detector.errors import VigitriError
from detector.service_manager import ServiceManager
from detector.station.web.app import make_app
from detector.station.web.station import Station

logger = logging.getLogger(__name__)

LISTEN = "127.0.0.1:8420"
STALLED_MS = 10_000
"""A connection whose peer takes nothing for this long is ended by the kernel."""
UNSENT_BYTES = 128 * 1024
"""Data of one connection that the kernel keeps: a slow page is noticed early, and shows no past."""
CONNECTIONS_MAX = 256
CLOSING_S = 2
ALIVE_S = 1.0
"""Interval at which the service manager is notified, at most."""


class ListenError(VigitriError, ValueError):
    """An address or a certificate that can't be served; one line."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to serve."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """The address of `HOST:PORT`. Raises ListenError."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ListenError(f"{text!r}: write a host and a port, like {LISTEN}")
        host = host.strip("[]")
        try:
            ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            raise ListenError(f"{text!r}: {host!r} is not an IP address; e.g. {LISTEN}") from None
        return cls(str(ip), int(port))


def check_open_to_network(address: ListenAddress, *, tls: bool, accounts: bool) -> None:
    """Refuse an address that others can reach without encryption and sign-in. ListenError."""
    if address.is_local:
        return
    if not tls:
        raise ListenError(
            f"{address.host}: other machines can reach this; give --tls-cert and --tls-key, or "
            f"use {LISTEN}"
        )
    if not accounts:
        raise ListenError(
            f"{address.host}: other machines can reach this, and there is no account yet: "
            "`vigitri station account add NAME --role operator`"
        )


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The TLS settings with this certificate. Raises ListenError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (certificate, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ListenError(f"{path}: {error.strerror}") from None

    def no_password() -> str:
        raise ListenError(f"{key}: is encrypted; give a key without a password")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ListenError(f"{key} is not the key of the certificate {certificate}") from None
        raise ListenError(
            f"{certificate}, {key}: not a certificate and its key in PEM ({error.reason})"
        ) from None
    return context


def listening_socket(address: ListenAddress) -> socket.socket:
    """A socket that listens. Raises ListenError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit these. A stalled page holds a buffer, not the station.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        opened.bind((address.host, address.port))
        opened.listen(CONNECTIONS_MAX)  # who connects before the server runs, waits
    except OSError as error:
        opened.close()
        at = f"{address.host}:{address.port}"
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"{at} is in use, perhaps by another station; stop that one or use --listen"
            ) from None
        raise ListenError(f"{at}: {error.strerror}") from None
    return opened


class _Server(uvicorn.Server):
    """Stopped by us, not by signals of its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _NoCutOffs(logging.Filter):
    """A page that was cut off is no fault of the program."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing response" not in record.getMessage()


async def _stay_alive(service_manager: ServiceManager) -> None:
    service_manager.ready()
    while True:
        service_manager.alive()
        await asyncio.sleep(ALIVE_S)


async def serve(
    station: Station,
    opened: socket.socket,
    stop: asyncio.Event,
    tls: ssl.SSLContext | None,
    service_manager: ServiceManager | None = None,
) -> None:
    """Serve until `stop`. Raises EndpointError.

    `service_manager`: is notified when the page is served, and while the loop runs.
    """
    service_manager = service_manager or ServiceManager()
    # uvicorn's own log goes through ours; it logs no requests.
    logging.getLogger("uvicorn.error").addFilter(_NoCutOffs())
    config = uvicorn.Config(
        make_app(station),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=CLOSING_S,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = _Server(config)
    async with station:
        host, port = opened.getsockname()[:2]
        scheme = "http" if tls is None else "https"
        at = f"[{host}]" if ":" in host else host
        logger.info("station: serving %s://%s:%d", scheme, at, port)
        serving = asyncio.create_task(server.serve(sockets=[opened]))
        others = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(station.failed()),
            asyncio.create_task(_stay_alive(service_manager)),
        ]
        done, _ = await asyncio.wait([serving, *others], return_when=asyncio.FIRST_COMPLETED)
        service_manager.stopping()
        station.broadcast.close_all()
        server.should_exit = True
        await serving
        for task in others:
            task.cancel()
        for task in done:
            task.result()
