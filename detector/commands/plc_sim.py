"""`vigitri plc-sim`: a simulated PLC on a real bridge."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient
from rich.console import Console
from rich.live import Live

from detector.bridge.bridge import listen_address
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST
from detector.bridge.simulator.plc import Plant, SimulatedPlc, summary
from detector.bridge.simulator.screen import screen
from detector.cli_support.options import print_error

REPLY_S = 0.25
"""PLC communication blocks have short timeouts."""
REFRESH_S = 0.2
RETRY_S = 0.2


def simulate(
    address: str, plant: Plant, *, unit: int, scan_ms: float, seconds: float | None, as_json: bool
) -> list[dict[str, Any]]:
    """Poll the bridge at `address` until Ctrl-C, SIGTERM or for `seconds`.

    Returns the log, whose last entry holds the totals.

    Raises:
        ListenError: `address` is invalid.
    """
    host, port = listen_address(address, allow_remote=True)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log: list[dict[str, Any]] = []
    console = Console()
    plc = SimulatedPlc(plant, lambda entry: _note(log, entry, as_json=as_json))
    show: Callable[[], None] = lambda: None  # noqa: E731
    ends_s = None if seconds is None else time.monotonic() + seconds
    with ModbusTcpClient(host, port=port, timeout=REPLY_S, retries=0) as client:
        registers = Registers(client, address, unit)
        if console.is_terminal and not as_json:
            with Live(console=console, auto_refresh=False, screen=True) as live:
                show = _shown(live, plc, registers)
                _scan(plc, registers, scan_ms / 1000, stop, ends_s, show)
        else:
            _scan(plc, registers, scan_ms / 1000, stop, ends_s, show)
    log.append({"totals": plc.totals()})
    if as_json:
        print(json.dumps(log[-1]), flush=True)
    else:
        print(summary(plc.totals()), flush=True)
    if registers.problem is not None:
        print_error(f"at the end: {registers.problem}")
    return log


class Registers:
    """Client of the bridge's registers that reconnects by itself."""

    def __init__(self, client: ModbusTcpClient, address: str, unit: int) -> None:
        self._client, self.address, self._unit = client, address, unit
        self._connect_s = 0.0
        self.problem: str | None = None
        """Why the last read failed; None: it succeeded."""

    def read(self) -> list[int] | None:
        """All input registers; None if the read failed."""
        if not self._client.connected and not self._connect():
            self.problem = f"no bridge listens at {self.address}"
            return None
        try:
            block = self._client.read_input_registers(0, count=INPUT_WORDS, device_id=self._unit)
        except (ModbusException, OSError):
            self._client.close()  # type: ignore[no-untyped-call]
            self.problem = f"{self.address} does not answer within {REPLY_S:g} s"
            return None
        if block.isError():
            self.problem = (
                f"{self.address} answers unit {self._unit} with exception {block.exception_code}"
                + (
                    ": no line of that bridge has this unit id"
                    if block.exception_code == 11
                    else ""
                )
            )
            return None
        self.problem = None
        return list(block.registers)

    def write(self, words: list[int]) -> None:
        """Write the PLC's holding registers; the words are lost if the connection is."""
        try:
            self._client.write_registers(PLC_FIRST, words, device_id=self._unit)
        except (ModbusException, OSError):
            self._client.close()  # type: ignore[no-untyped-call]

    def _connect(self) -> bool:
        if time.monotonic() < self._connect_s:
            return False
        self._connect_s = time.monotonic() + RETRY_S
        return bool(self._client.connect())  # type: ignore[no-untyped-call]


def _scan(  # noqa: PLR0917
    plc: SimulatedPlc,
    registers: Registers,
    scan_s: float,
    stop: threading.Event,
    ends_s: float | None,
    show: Callable[[], None],
) -> None:
    next_s = time.monotonic()
    while not stop.is_set() and (ends_s is None or time.monotonic() < ends_s):
        words = registers.read()
        written = plc.scan(words, time.monotonic_ns())
        if words is not None:
            registers.write(written)
        show()
        next_s = max(next_s + scan_s, time.monotonic())
        stop.wait(next_s - time.monotonic())


def _shown(live: Live, plc: SimulatedPlc, registers: Registers) -> Callable[[], None]:
    due_s = 0.0

    def show() -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            where = registers.problem or registers.address
            live.update(screen(plc, where, time.monotonic_ns()), refresh=True)
            due_s = time.monotonic() + REFRESH_S

    return show


def _note(log: list[dict[str, Any]], entry: dict[str, Any], *, as_json: bool) -> None:
    log.append(entry)
    if as_json:
        print(json.dumps(entry), flush=True)
    elif not sys.stdout.isatty():
        more = "  ".join(f"{key} {value}" for key, value in entry.items() if key != "event")
        print(f"{entry['event']:<18}{more}", flush=True)
