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
from detector.bridge.plc_screen import screen
from detector.bridge.plc_sim import Plant, SimulatedPlc, summary
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST

REPLY_S = 0.25
"""A PLC does not wait long for its communication."""
REFRESH_S = 0.2
RETRY_S = 0.2


def simulate(
    address: str, plant: Plant, *, unit: int, scan_ms: float, seconds: float | None, as_json: bool
) -> list[dict[str, Any]]:
    """Poll the bridge at `address` until Ctrl-C, SIGTERM or for `seconds`; returns the log.

    Raises ListenError for an address that is none.
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
        if console.is_terminal and not as_json:
            with Live(console=console, auto_refresh=False, screen=True) as live:
                show = _shown(live, plc, address)
                _scan(plc, client, unit, scan_ms / 1000, stop, ends_s, show)
        else:
            _scan(plc, client, unit, scan_ms / 1000, stop, ends_s, show)
    log.append({"totals": plc.totals()})
    if as_json:
        print(json.dumps(log[-1]), flush=True)
    else:
        print(summary(plc.totals()), flush=True)
    return log


def _scan(  # noqa: PLR0917
    plc: SimulatedPlc,
    client: ModbusTcpClient,
    unit: int,
    scan_s: float,
    stop: threading.Event,
    ends_s: float | None,
    show: Callable[[], None],
) -> None:
    next_s = connect_s = time.monotonic()
    while not stop.is_set() and (ends_s is None or time.monotonic() < ends_s):
        words = None
        if client.connected or (time.monotonic() >= connect_s and _connect(client)):
            words = _read(client, unit)
        else:
            connect_s = max(connect_s, time.monotonic() + RETRY_S)
        written = plc.scan(words, time.monotonic_ns())
        if words is not None:
            _write(client, unit, written)
        show()
        next_s = max(next_s + scan_s, time.monotonic())
        stop.wait(next_s - time.monotonic())


def _connect(client: ModbusTcpClient) -> bool:
    return bool(client.connect())  # type: ignore[no-untyped-call]


def _read(client: ModbusTcpClient, unit: int) -> list[int] | None:
    try:
        block = client.read_input_registers(0, count=INPUT_WORDS, device_id=unit)
    except (ModbusException, OSError):
        client.close()  # type: ignore[no-untyped-call]
        return None
    return None if block.isError() else list(block.registers)


def _write(client: ModbusTcpClient, unit: int, words: list[int]) -> None:
    try:
        client.write_registers(PLC_FIRST, words, device_id=unit)
    except (ModbusException, OSError):
        client.close()  # type: ignore[no-untyped-call]


def _shown(live: Live, plc: SimulatedPlc, address: str) -> Callable[[], None]:
    due_s = 0.0

    def show() -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            live.update(screen(plc, address, time.monotonic_ns()), refresh=True)
            due_s = time.monotonic() + REFRESH_S

    return show


def _note(log: list[dict[str, Any]], entry: dict[str, Any], *, as_json: bool) -> None:
    log.append(entry)
    if as_json:
        print(json.dumps(entry), flush=True)
    elif not sys.stdout.isatty():
        more = "  ".join(f"{key} {value}" for key, value in entry.items() if key != "event")
        print(f"{entry['event']:<18}{more}", flush=True)
