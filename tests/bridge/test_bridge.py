"""What the bridge logs about its lines, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any, Self

import pytest

from detector.bridge.bridge import BridgedLine, LineEnds, serve
from detector.bridge.modbus_server import ListenError
from detector.bridge.plc_link import PlcBelt, PlcLink
from detector.bridge.register_map import decode
from detector.bridge.register_words import RunSignal
from detector.client import AsyncLine
from detector.wire.requests import Acknowledge
from tests.bridge.conftest import SimulatedLine


def test_each_change_of_a_line_is_logged_once_with_its_name_and_a_level(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        endpoints = ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557")
        lines = [BridgedLine(LineEnds(*endpoints, unit), 0) for unit in (1, 2)]
        simulated = SimulatedLine()
        lines[1].watch = simulated.watch
        monkeypatch.setattr(time, "monotonic_ns", lambda: simulated.now_ns)

        def log_changes() -> None:
            for line in (*lines, *lines):
                line.log_changes()

        log_changes()
        simulated.inference()
        simulated.state()
        log_changes()
        simulated.now_ns += 60_000_000_000
        log_changes()

    asyncio.run(run())
    logged = [(each.levelname, each.__dict__["line"], each.message) for each in caplog.records]
    assert logged == [
        ("INFO", None, "bridge, unit 1: no line received yet, unknown"),
        ("INFO", None, "bridge, unit 2: no line received yet, unknown"),
        ("INFO", "tapis-1", "bridge, unit 2: ready"),
        ("ERROR", None, "bridge, unit 1: no line received yet, unavailable"),
        ("ERROR", "tapis-1", "bridge, unit 2: unavailable"),
    ]


def test_an_encoder_that_is_written_wrongly_is_logged_once_with_what_to_do(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        line = BridgedLine(LineEnds("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557", 1), 0)
        for n in range(40):
            monkeypatch.setattr(time, "monotonic_ns", lambda n=n: n * 10_000_000)
            line.unit().write(100, [n, 0, 0, 2, 0, 100 * n, 1])  # low word first
            line.log_changes()

    asyncio.run(run())
    (logged,) = [each for each in caplog.records if "encoder" in each.message]
    assert (logged.levelname, logged.message) == (
        "WARNING",
        "bridge, unit 1: the PLC's encoder (registers 105, 106): the two words of the encoder's "
        "count are swapped: write the high word to register 105 and the low word to 106 (a 16-bit "
        "count: 0 to 105)",
    )


def test_event_numbers_grow_although_the_clock_was_set_back_before_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))

    async def last_seq(clock_s: float, port: int) -> int:
        monkeypatch.setattr(time, "time", lambda: clock_s)
        line = BridgedLine(LineEnds("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557", 1), port)
        line.watch.last_seq += 700  # events
        line.reserve_numbers()
        return decode(line.unit().read())[0]["last_seq"]

    async def run(port: int) -> list[int]:
        return [await last_seq(clock_s, port) for clock_s in (2e9, 1.8e9, 0.0)]

    numbers = asyncio.run(run(1502))
    assert sorted(set(numbers)) == numbers
    assert [path.name for path in (tmp_path / "bridge").iterdir()] == ["bridge-1502-1.seq"]
    assert numbers != asyncio.run(run(0))  # of a port that will not be the same again
    assert len(list((tmp_path / "bridge").iterdir())) == 1


@pytest.mark.parametrize("by", ["belt report", "command"])
def test_a_request_that_waits_for_its_reply_ends_before_its_line_is_closed(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, endings = AsyncLine.ask, list[BaseException]()

    async def run() -> None:
        asked, stop = asyncio.Event(), asyncio.Event()

        async def ask_at(line: AsyncLine, *request: Any) -> Any:
            asked.set()
            try:
                return await ask(line, *request)
            except BaseException as error:
                endings.append(error)
                raise

        monkeypatch.setattr(AsyncLine, "ask", ask_at)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # bound and not listening: there is never a reply
            endpoint = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            line = BridgedLine(LineEnds(endpoint, endpoint, 1), 0)
            serving = asyncio.create_task(line.serve(stop))
            if by == "command":
                line.unit().write(0, [])
            await asked.wait()
            stop.set()
            await serving
        expected = TimeoutError if by == "belt report" else asyncio.CancelledError
        assert [type(ending) for ending in endings] == [expected]

    belt = PlcBelt(RunSignal.RUN, None, 1000, 0) if by == "belt report" else None
    acknowledge = Acknowledge(boot_id="b", event_id="e", operator="PLC")
    monkeypatch.setattr(PlcLink, "belt", lambda *_: belt)
    monkeypatch.setattr(PlcLink, "write", lambda *_: [acknowledge])
    asyncio.run(run())


def test_an_opcua_server_that_cannot_start_ends_the_bridge_with_its_reason() -> None:
    class Taken:
        endpoint = "opc.tcp://127.0.0.1:4840/"

        async def __aenter__(self) -> Self:
            raise ListenError("taken")

        async def __aexit__(self, *_: object) -> None: ...
        async def refresh(self, now_ns: int) -> None: ...

    ends = [LineEnds("tcp://127.0.0.1:9", "tcp://127.0.0.1:9", 1)]
    with pytest.raises(ListenError, match="taken"):
        asyncio.run(serve(ends, "127.0.0.1", 0, asyncio.Event(), opcua=lambda _: Taken()))
