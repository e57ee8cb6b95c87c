from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from benchmarks.speed.line_scan import LineScan
from detector.bridge.modbus_requests import Unit
from detector.bridge.modbus_server import ModbusServer
from detector.wire import samples
from tests.bridge.conftest import SimulatedLine
from tests.small_line import PATIENCE_S, wait_for

AGES_MS = 20.0, 50.0
PASS = samples.INFERENCE.model_copy(update={"next_within_ms": 1e6, "pass_within_ms": 1e6})
"""Watched until the next pass, however slow this machine is."""


def test_a_scan_times_each_pass_of_each_line_once() -> None:
    async def run() -> None:
        lines = SimulatedLine(), SimulatedLine()
        units = {unit: served(line) for unit, line in enumerate(lines, start=1)}
        async with ModbusServer("127.0.0.1", 0, units) as server:
            scan = LineScan("127.0.0.1", server.port, 2)
            await asyncio.to_thread(scan.__enter__)  # it waits for the server
            for passes in (1, 2, 3):
                for line, age_ms in zip(lines, AGES_MS, strict=True):
                    line.now_ns = time.monotonic_ns()
                    line.send(PASS, age_ms=age_ms)
                await asyncio.to_thread(wait_for, partial(have_read, scan, passes))
                await asyncio.sleep(0.02)  # the next frame is captured later
            await asyncio.to_thread(scan.__exit__)
        assert scan.failed is None
        for unit, age_ms in zip(scan.units, AGES_MS, strict=True):
            assert len(unit.captured_ns) == 3
            assert all(
                age_ms - 1 <= latency_ms < PATIENCE_S * 1e3 for latency_ms in unit.latencies_ms
            )

    asyncio.run(run())


def have_read(scan: LineScan, passes: int) -> bool:
    return all(len(unit.latencies_ms) == passes for unit in scan.units)


def test_a_bridge_that_does_not_respond_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="does not respond"), LineScan("127.0.0.1", 1, 1):
        pass


def served(line: SimulatedLine) -> Unit:
    return Unit(
        read=lambda: line.registers.words(time.monotonic_ns()),
        written=lambda: line.plc.words,
        write=lambda *_: None,
    )
