"""What the bridge logs about its lines; no sockets, a manual clock."""

from __future__ import annotations

import asyncio
import time

import pytest

from detector.bridge.bridge import BridgedLine, LineEnds
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
