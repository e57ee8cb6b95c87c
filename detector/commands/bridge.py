"""`vigitri bridge`: the lines' registers for their PLCs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from calibration.profile_file import load_profile
from detector.bridge.bridge import LineEnds, OpcUa, listen_address, serve
from detector.bridge.modbus_server import ListenError

UNITS_MAX = 247
"""Of Modbus."""


def ends_of_lines(
    profiles: Sequence[Path], subscribe: Sequence[str], answers: Sequence[str], units: Sequence[int]
) -> list[LineEnds]:
    """What to bridge, from the options. Raises ValueError and ProfileError, one line each."""
    if len(answers) != len(subscribe):
        raise ValueError(
            f"{len(answers)} --answers for {len(subscribe)} --subscribe: give one for each; what "
            "was open before, or missed, is asked for there"
        )
    met: list[tuple[str, str, str | None]] = [
        (profile.wire.publish, profile.wire.answers, profile.line)
        for profile in map(load_profile, profiles)
    ]
    met += [(publish, at, None) for publish, at in zip(subscribe, answers, strict=True)]
    if not met:
        raise ValueError("no line to bridge: give --line LINE.toml or --subscribe ENDPOINT")
    numbers = list(units) or list(range(1, len(met) + 1))
    if len(numbers) != len(met) or len(set(numbers)) != len(numbers):
        raise ValueError(
            f"{len(met)} lines need {len(met)} different --unit, not {', '.join(map(str, numbers))}"
        )
    if not all(1 <= number <= UNITS_MAX for number in numbers):
        raise ValueError(f"--unit {max(numbers)}: a unit id is 1 to {UNITS_MAX}")
    return [
        LineEnds(publish, at, unit, line)
        for (publish, at, line), unit in zip(met, numbers, strict=True)
    ]


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
    print(f"bridge: {line}", file=sys.stderr, flush=True)


__all__ = ["ListenError", "bridge_lines", "ends_of_lines"]
