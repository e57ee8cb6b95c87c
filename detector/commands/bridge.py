"""`vigitri bridge`: the lines' registers for their PLCs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from detector.bridge.bridge import LineEnds, OpcUa, listen_address, serve
from detector.bridge.modbus_server import ListenError
from detector.commands.telling import tell
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.wire.endpoints import reachable
from detector.wire.keys import (
    ClientKeys,
    KeyPair,
    known_public_key,
    public_beside,
    read_key_pair,
)

UNITS_MAX = 247
"""Of Modbus."""


def ends_of_lines(  # noqa: PLR0917 - the options of a command
    profiles: Sequence[Path],
    subscribe: Sequence[str],
    answers: Sequence[str],
    units: Sequence[int],
    own_key: Path | None = None,
    line_keys: Sequence[str] = (),
) -> list[LineEnds]:
    """What to bridge, from the options. Raises ValueError and ProfileError, one line each."""
    if len(answers) != len(subscribe):
        raise ValueError(
            f"{len(answers)} --answers for {len(subscribe)} --subscribe: give one for each; what "
            "was open before, or missed, is asked for there"
        )
    if line_keys and len(line_keys) != len(subscribe):
        raise ValueError(
            f"{len(line_keys)} --line-key for {len(subscribe)} --subscribe: give one for each, "
            "or none; of a --line the public key lies beside its wire.keys"
        )
    own = None if own_key is None else read_key_pair(own_key)
    met = [_end_of(load_profile(path), path, own) for path in profiles]
    for number, (publish, at) in enumerate(zip(subscribe, answers, strict=True)):
        keys = _keys(own, line_keys[number]) if line_keys else None
        met.append(LineEnds(publish, at, 0, keys=keys))
    if not met:
        raise ValueError("no line to bridge: give --line LINE.toml or --subscribe ENDPOINT")
    if own is not None and all(end.keys is None for end in met):
        raise ValueError("--own-key, and no line that asks for keys: give its --line-key too")
    numbers = list(units) or list(range(1, len(met) + 1))
    if len(numbers) != len(met) or len(set(numbers)) != len(numbers):
        raise ValueError(
            f"{len(met)} lines need {len(met)} different --unit, not {', '.join(map(str, numbers))}"
        )
    if not all(1 <= number <= UNITS_MAX for number in numbers):
        raise ValueError(f"--unit {max(numbers)}: a unit id is 1 to {UNITS_MAX}")
    return [replace(end, unit=unit) for end, unit in zip(met, numbers, strict=True)]


def _end_of(profile: LineProfile, path: Path, own: KeyPair | None) -> LineEnds:
    wire, keys = profile.wire, None
    if wire.keys is not None:
        if own is None:
            raise ValueError(
                f"{path}: line {profile.line} asks for keys: make the bridge's with `vigitri keys "
                "new bridge`, let it in with `vigitri keys allow`, and give it with --own-key"
            )
        keys = _keys(own, str(public_beside(wire.keys)))
    return LineEnds(reachable(wire.publish), reachable(wire.answers), 0, profile.line, keys)


def _keys(own: KeyPair | None, line_key: str) -> ClientKeys:
    if own is None:
        raise ValueError("--line-key, and no --own-key: they go together, ours and the line's")
    return ClientKeys(own.public, own.secret, known_public_key(line_key))


def bridge_lines(
    lines: Sequence[LineEnds],
    listen: str,
    *,
    allow_remote: bool,
    until_stdin_ends: bool = False,
    opcua: str | None = None,
) -> None:
    """Bridge until SIGINT or SIGTERM, or until stdin ends. Raises ListenError and EndpointError,
    one line each. `opcua`: where to serve OPC UA too."""
    host, port = listen_address(listen, allow_remote=allow_remote)
    others = None if opcua is None else _opcua(opcua, allow_remote=allow_remote)

    async def until_stopped() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if until_stdin_ends:
            loop.add_reader(sys.stdin, stop.set)  # nothing is ever written there
        await serve(lines, host, port, stop, _tell, opcua=others)

    asyncio.run(until_stopped())
    _tell("stopped")


def _opcua(endpoint: str, *, allow_remote: bool) -> OpcUa:
    address = endpoint.removeprefix("opc.tcp://")
    if address == endpoint:
        raise ListenError(f"{endpoint!r}: write it like opc.tcp://127.0.0.1:4840/vigitri")
    listen_address(address.partition("/")[0], allow_remote=allow_remote)
    try:
        from detector.bridge.opcua import OpcUaServer
    except ModuleNotFoundError as error:
        raise ListenError(
            f"--opcua needs {error.name}: install it with pip install 'vigitri[opcua]'"
        ) from None
    return lambda lines: OpcUaServer(endpoint, lines)


def _tell(line: str) -> None:
    tell(f"bridge: {line}")


__all__ = ["ListenError", "bridge_lines", "ends_of_lines"]
