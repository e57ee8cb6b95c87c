"""`vigitri bridge`: the lines' registers for their PLCs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from calibration.profile_file import load_profile
from detector.bridge.bridge import LineEnds, listen_address, serve
from detector.bridge.modbus_server import ListenError

UNITS_MAX = 247
"""Of Modbus."""


def ends_of_lines(
    profiles: Sequence[Path], subscribe: Sequence[str], answers: Sequence[str], units: Sequence[int]
) -> list[LineEnds]:
    """What to bridge, from the options. Raises ValueError and ProfileError, one line each."""
    if answers and len(answers) != len(subscribe):
        raise ValueError(
            f"{len(answers)} --answers for {len(subscribe)} --subscribe: give one for each, or none"
        )
    met: list[tuple[str, str | None, str | None]] = [
        (profile.wire.publish, profile.wire.answers, profile.line)
        for profile in map(load_profile, profiles)
    ]
    met += [
        (endpoint, answers[number] if answers else None, None)
        for number, endpoint in enumerate(subscribe)
    ]
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
    lines: Sequence[LineEnds], listen: str, *, allow_remote: bool, until_stdin_ends: bool = False
) -> None:
    """Bridge until SIGINT or SIGTERM, or until stdin ends. Raises ListenError and EndpointError,
    one line each."""
    host, port = listen_address(listen, allow_remote=allow_remote)

    async def until_stopped() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if until_stdin_ends:
            loop.add_reader(sys.stdin, stop.set)  # nothing is ever written there
        await serve(lines, host, port, stop, _tell)

    asyncio.run(until_stopped())
    _tell("stopped")


def _tell(line: str) -> None:
    print(f"bridge: {line}", file=sys.stderr, flush=True)


__all__ = ["ListenError", "bridge_lines", "ends_of_lines"]
