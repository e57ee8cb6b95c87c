"""`vigitri bridge`: serve the state of lines to PLCs."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from detector.bridge.bridge import LineEnds, OpcUa, listen_address, serve
from detector.bridge.modbus_server import ListenError
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.service_manager import ServiceManager
from detector.wire.endpoints import reachable
from detector.wire.keys import (
    ClientKeys,
    KeyPair,
    known_public_key,
    public_beside,
    read_key_pair,
)

logger = logging.getLogger(__name__)

UNITS_MAX = 247
"""The highest Modbus unit id."""


def ends_of_lines(  # noqa: PLR0917 - the options of a command
    profiles: Sequence[Path],
    subscribe: Sequence[str],
    requests: Sequence[str],
    units: Sequence[int],
    own_key: Path | None = None,
    line_keys: Sequence[str] = (),
    names: Sequence[str] = (),
) -> list[LineEnds]:
    """The endpoints, unit id and keys of each line to bridge, from the command's options.

    Raises ValueError and ProfileError, one line each.
    """
    if len(requests) != len(subscribe):
        raise ValueError(
            f"{len(requests)} --requests for {len(subscribe)} --subscribe: give one for each; the "
            "bridge fetches open and missed alerts there"
        )
    if line_keys and len(line_keys) != len(subscribe):
        raise ValueError(
            f"{len(line_keys)} --line-key for {len(subscribe)} --subscribe: give one for each, "
            "or none; for a --line the public key is read from beside its wire.keys"
        )
    if names and len(names) != len(subscribe):
        raise ValueError(
            f"{len(names)} --name for {len(subscribe)} --subscribe: give one for each, or none; a "
            "--line has the name in its profile"
        )
    own = None if own_key is None else read_key_pair(own_key)
    ends = [_end_of(load_profile(path), path, own) for path in profiles]
    for number, (publish, at) in enumerate(zip(subscribe, requests, strict=True)):
        keys = _keys(own, line_keys[number]) if line_keys else None
        ends.append(LineEnds(publish, at, 0, names[number] if names else None, keys))
    if not ends:
        raise ValueError("no line to bridge: give --line LINE.toml or --subscribe ENDPOINT")
    if own is not None and all(end.keys is None for end in ends):
        raise ValueError("--own-key, but no line requires keys: give the line's --line-key too")
    numbers = list(units) or list(range(1, len(ends) + 1))
    if len(numbers) != len(ends) or len(set(numbers)) != len(numbers):
        raise ValueError(
            f"{len(ends)} lines need {len(ends)} different --unit, not "
            f"{', '.join(map(str, numbers))}"
        )
    if not all(1 <= number <= UNITS_MAX for number in numbers):
        raise ValueError(f"--unit {max(numbers)}: a unit id is 1 to {UNITS_MAX}")
    return [replace(end, unit=unit) for end, unit in zip(ends, numbers, strict=True)]


def _end_of(profile: LineProfile, path: Path, own: KeyPair | None) -> LineEnds:
    wire, keys = profile.wire, None
    if wire.keys is not None:
        if own is None:
            raise ValueError(
                f"{path}: line {profile.line} requires keys: generate the bridge's with `vigitri "
                "keys new bridge`, allow it with `vigitri keys allow`, and give it with --own-key"
            )
        keys = _keys(own, str(public_beside(wire.keys)))
    return LineEnds(reachable(wire.publish), reachable(wire.requests), 0, profile.line, keys)


def _keys(own: KeyPair | None, line_key: str) -> ClientKeys:
    if own is None:
        raise ValueError("--line-key without --own-key: give both, or neither")
    return ClientKeys(own.public, own.secret, known_public_key(line_key))


def bridge_lines(
    lines: Sequence[LineEnds],
    listen: str,
    *,
    allow_remote: bool,
    until_stdin_ends: bool = False,
    opcua: str | None = None,
    opcua_security: Path | None = None,
) -> None:
    """Serve the lines until SIGINT or SIGTERM, or until stdin ends.

    `listen`: HOST:PORT for Modbus TCP. `opcua`: the endpoint at which to serve OPC UA too, with the
    certificates and users in the folder `opcua_security`; None: without.
    Raises ListenError, EndpointError and KeyFileError, one line each.
    """
    host, port = listen_address(listen, allow_remote=allow_remote)
    if opcua is None and opcua_security is not None:
        raise ListenError("--opcua-security has no effect without --opcua ENDPOINT")
    if opcua is not None:
        _check_names(lines)
    opcua_server = (
        None if opcua is None else _opcua(opcua, opcua_security, allow_remote=allow_remote)
    )

    async def until_stopped() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if until_stdin_ends:
            loop.add_reader(sys.stdin, stop.set)  # nothing is ever written to it
        service_manager = ServiceManager.of_this_process()
        await serve(lines, host, port, stop, opcua=opcua_server, service_manager=service_manager)

    asyncio.run(until_stopped())
    logger.info("bridge: stopped")


def _check_names(lines: Sequence[LineEnds]) -> None:
    names = [line.line for line in lines]
    if None in names:
        raise ListenError(
            "--opcua needs each line's name, of which its node ids are made: give --line "
            "LINE.toml, or --name NAME for each --subscribe"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ListenError(f"--opcua: two lines are named {twice!r}; their node ids would be equal")


def _opcua(endpoint: str, security: Path | None, *, allow_remote: bool) -> OpcUa:
    address = endpoint.removeprefix("opc.tcp://")
    if address == endpoint:
        raise ListenError(f"{endpoint!r}: write it like opc.tcp://127.0.0.1:4840/vigitri")
    protected = security is not None
    host, _ = listen_address(address.partition("/")[0], allow_remote=allow_remote or protected)
    try:
        from detector.bridge.opcua.security import SecurityFolder
        from detector.bridge.opcua.server import OpcUaServer
    except ModuleNotFoundError as error:
        raise ListenError(
            f"--opcua needs {error.name}: install it with pip install 'vigitri[opcua]'"
        ) from None
    folder = None if security is None else SecurityFolder(security)
    if folder is not None and folder.prepare([] if host in {"0.0.0.0", "::"} else [host]):
        logger.info("bridge: OPC UA: made the certificate %s", folder.certificate)
    return lambda lines: OpcUaServer(endpoint, lines, folder)


__all__ = ["ListenError", "bridge_lines", "ends_of_lines"]
