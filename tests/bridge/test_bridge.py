"""What the bridge logs about its lines, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any, Self

import pytest

from detector.bridge.bridge import BridgedLine, LineEnds, serve
from detector.bridge.modbus_server import ListenError
from detector.bridge.plc_link import PlcBelt, PlcLink
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
