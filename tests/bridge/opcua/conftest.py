"""OPC UA servers in this process, of a simulated line, and clients of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

asyncua = pytest.importorskip("asyncua", reason="the extra opcua is not installed")

from detector.bridge.bridge import BridgedLine, LineEnds  # noqa: E402
from detector.bridge.opcua.security import SecurityFolder  # noqa: E402
from detector.bridge.opcua.server import OpcUaServer  # noqa: E402
from tests.bridge.conftest import SimulatedLine  # noqa: E402
from tests.small_line import PATIENCE_S  # noqa: E402

LINE = "hall-2"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class Received:
    """What a subscription has received, as asyncua's handler."""

    events: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    values: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    def event_notification(self, event: Any) -> None:
        self.events.put_nowait(event)

    def datachange_notification(self, _node: Any, value: Any, data: Any) -> None:
        self.values.put_nowait((value, data.monitored_item.Value.StatusCode.name))

    def status_change_notification(self, _status: Any) -> None: ...

    async def event(self) -> Any:
        return await asyncio.wait_for(self.events.get(), PATIENCE_S)

    async def value(self) -> tuple[Any, str]:
        value: tuple[Any, str] = await asyncio.wait_for(self.values.get(), PATIENCE_S)
        return value


@dataclass
class Served:
    """A server of two lines, that runs while a test's coroutine does."""

    loop: asyncio.AbstractEventLoop
    server: OpcUaServer
    lines: dict[str, BridgedLine]
    security: SecurityFolder | None
    line: SimulatedLine = field(default_factory=SimulatedLine)
    """What `LINE` is now; fresh for each test."""
    asked: list[Any] = field(default_factory=list)
    """Commands to its detector."""

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    async def refresh(self) -> None:
        await self.server.refresh(self.line.now_ns)

    def client(self, **settings: Any) -> Any:
        return asyncua.Client(self.endpoint, timeout=PATIENCE_S, **settings)

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.loop.run_until_complete(asyncio.wait_for(test(), PATIENCE_S))


def _serve(security: SecurityFolder | None) -> Iterator[Served]:
    lines = {}
    for unit, name in enumerate(("hall-3", LINE), 1):  # not in the order of their names
        lines[name] = BridgedLine(LineEnds("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", unit, name), 0)
    if security is not None:
        security.prepare()
    loop = asyncio.new_event_loop()
    server = OpcUaServer(
        f"opc.tcp://127.0.0.1:{free_port()}/vigitri", list(lines.values()), security
    )
    loop.run_until_complete(server.__aenter__())
    yield Served(loop, server, lines, security)
    loop.run_until_complete(server.__aexit__())
    loop.close()


@pytest.fixture(scope="session")
def _plain() -> Iterator[Served]:
    yield from _serve(None)


@pytest.fixture(scope="session")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from _serve(SecurityFolder(tmp_path_factory.mktemp("opcua")))


def _fresh(at: Served) -> Served:
    at.line, at.asked = SimulatedLine(), []
    bridged = at.lines[LINE]
    bridged.watch, bridged.registers = at.line.watch, at.line.registers

    async def ask(command: Any) -> str | None:
        at.asked.append(command)
        return None

    for each in at.server._shown:
        each.alarms._ask = ask
    at.run(at.refresh)
    return at


@pytest.fixture
def at(_plain: Served) -> Served:
    """A server without security."""
    return _fresh(_plain)


@pytest.fixture
def secure(_secure: Served) -> Served:
    """A server with certificates and users."""
    return _fresh(_secure)
