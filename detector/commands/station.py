"""`vigitri station serve`: the lines' addresses, and the server."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from detector.profile.loading import load_profile
from detector.service_manager import ServiceManager
from detector.state_folder import state_folder
from detector.station.recorder import LineAddress
from detector.station.web.accounts import Accounts
from detector.station.web.server import (
    ListenAddress,
    ListenError,
    check_open_to_network,
    listening_socket,
    serve,
    tls_context,
)
from detector.station.web.station import Station
from detector.wire.endpoints import reachable
from detector.wire.evidence import evidence_beside
from detector.wire.keys import public_beside

logger = logging.getLogger(__name__)


def default_folder() -> Path:
    """In the service's state folder, else in the user's."""
    return state_folder() / "station"


def addresses_of_lines(
    profiles: Sequence[Path],
    endpoints: Sequence[tuple[str, str, str, str | None]],
    own_key: Path | None = None,
    line_keys: Sequence[str] = (),
) -> list[LineAddress]:
    """The addresses of the lines: of profiles, and of name and endpoints.

    Raises ValueError and ProfileError, one line each.
    """
    if line_keys and len(line_keys) != len(endpoints):
        raise ValueError(
            f"{len(line_keys)} --line-key for {len(endpoints)} --subscribe: give one for each"
        )
    if line_keys and own_key is None:
        raise ValueError("--line-key without --own-key: give both, or neither")
    lines = [_of_profile(path, own_key) for path in profiles]
    for number, (name, publish, requests, evidence) in enumerate(endpoints):
        line_key = line_keys[number] if line_keys else None
        images = evidence or evidence_beside(publish)
        lines.append(LineAddress(name, publish, requests, images, own_key, line_key))
    if not lines:
        raise ValueError("no line: give LINE.toml, or --subscribe and its other endpoints")
    names = [line.name for line in lines]
    if len(set(names)) != len(names):
        raise ValueError(f"two lines of the same name: {', '.join(sorted(names))}")
    return lines


def _of_profile(path: Path, own_key: Path | None) -> LineAddress:
    profile = load_profile(path)
    wire = profile.wire
    if wire.keys is not None and own_key is None:
        raise ValueError(
            f"{path}: line {profile.line} requires keys: generate the station's with `vigitri "
            "keys new station`, allow it with `vigitri keys allow`, and give it with --own-key"
        )
    return LineAddress(
        profile.line,
        reachable(wire.publish),
        reachable(wire.requests),
        reachable(wire.evidence or evidence_beside(wire.publish)),
        None if wire.keys is None else own_key,
        None if wire.keys is None else str(public_beside(wire.keys)),
    )


def check_listen(listen: str) -> None:
    """Refuse an address that a station without TLS can't have. Raises ListenError."""
    check_open_to_network(ListenAddress.parse(listen), tls=False, accounts=False)


def serve_station(
    lines: Sequence[LineAddress],
    listen: str,
    *,
    folder: Path | None = None,
    tls: tuple[Path | None, Path | None] = (None, None),
    model: str | None = None,
    until_stdin_ends: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM, or until stdin ends.

    Raises ListenError, AccountError, StoreError and EndpointError, one line each.
    """
    address = ListenAddress.parse(listen)
    certificate, key = tls
    if (certificate is None) != (key is None):
        raise ListenError("--tls-cert and --tls-key go together: give both, or neither")
    context = None if certificate is None or key is None else tls_context(certificate, key)
    folder = folder or default_folder()
    accounts = bool(Accounts(folder))
    check_open_to_network(address, tls=context is not None, accounts=accounts)
    opened = listening_socket(address)

    async def until_stopped() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if until_stdin_ends:
            loop.add_reader(sys.stdin, stop.set)  # nothing is ever written to it
        station = Station(
            folder, lines, is_local=address.is_local, tls=context is not None, model=model
        )
        await serve(station, opened, stop, context, ServiceManager.of_this_process())

    with opened:
        asyncio.run(until_stopped())
    logger.info("station: stopped")
