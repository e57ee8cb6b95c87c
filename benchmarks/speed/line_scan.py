"""A PLC that scans the registers of several lines on one bridge, and times each inference pass."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Self

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from detector.bridge.register_map import INPUT_WORDS, UNKNOWN_WORD, decode
from detector.bridge.register_words import Status

SCAN_S = 0.010
RESOLUTION_NS = 2_000_000
"""An age is in whole milliseconds."""


@dataclass
class UnitReadings:
    """What the PLC has read of one line."""

    captured_ns: list[float] = field(default_factory=list)
    """Capture of each inference pass that reached the registers, CLOCK_MONOTONIC."""
    latencies_ms: list[float] = field(default_factory=list)
    """From its capture until the PLC had it. An upper bound: the age in the register was computed
    at an unknown time between request and reply."""
    latest_ns: float = 0.0
    """The newest pass was captured no later than this."""


class LineScan:
    """Reads the registers of units 1 to `units` every 10 ms, in a thread; a context manager.

    One request per unit and scan, on one connection, as a PLC does.
    """

    def __init__(self, host: str, port: int, units: int) -> None:
        self.units = [UnitReadings() for _ in range(units)]
        self.late_scans = 0
        """Scans that began more than one scan time late: the machine had no time for the PLC."""
        self.failed: str | None = None
        self._client = ModbusTcpClient(host, port=port, timeout=5)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._scan, name="PLC", daemon=True)

    def __enter__(self) -> Self:
        if not self._client.connect():  # type: ignore[no-untyped-call]
            raise RuntimeError("the bridge does not respond")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()  # type: ignore[no-untyped-call]

    def _scan(self) -> None:
        next_s = time.monotonic()
        try:
            while not self._over.is_set():
                for unit, readings in enumerate(self.units, start=1):
                    self._read(unit, readings)
                next_s += SCAN_S
                now_s = time.monotonic()
                if now_s > next_s + SCAN_S:
                    self.late_scans += 1
                    next_s = now_s
                time.sleep(max(0.0, next_s - now_s))
        except ModbusException as error:
            self.failed = str(error)

    def _read(self, unit: int, readings: UnitReadings) -> None:
        asked_ns = time.monotonic_ns()
        block = self._client.read_input_registers(0, count=INPUT_WORDS, device_id=unit)
        t_ns = time.monotonic_ns()
        if block.isError():
            return  # the bridge refuses a unit only before it serves it
        values = decode(list(block.registers))[0]
        age_ms = values["frame_age_ms"]
        if not values["status"] & Status.WATCHING or age_ms == UNKNOWN_WORD:
            return
        captured_ns = asked_ns - age_ms * 1e6
        latest_ns = t_ns - age_ms * 1e6
        if captured_ns <= readings.latest_ns + RESOLUTION_NS:
            readings.latest_ns = min(readings.latest_ns, latest_ns)  # it may be the same pass
            return
        readings.captured_ns.append(captured_ns)
        readings.latencies_ms.append((t_ns - captured_ns) / 1e6)
        readings.latest_ns = latest_ns
