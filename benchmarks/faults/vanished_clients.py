"""`vigitri bench vanish`: Modbus clients vanish without a word while a PLC and a panel poll.

A client vanishes as by a cut cable or a power loss: a packet filter on its socket drops all that
arrives, so that its kernel acknowledges nothing, answers no keepalive probe and sends neither FIN
nor RST. (Closing with `TCP_REPAIR` is easier on the bridge: the kernel answers what comes later
with RST.) Some vanish before their first request, some within one, some with an answer on its way,
some after polling.
"""

from __future__ import annotations

import ctypes
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient
from rich.console import Console
from rich.table import Table

from benchmarks.background_thread import BackgroundThread
from benchmarks.bridge_process import BridgeProcess
from benchmarks.faults.plc import PublishedState, PublishingLine
from benchmarks.report_out import write_report
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST, encode_plc
from detector.child_process import ChildFailedError
from detector.cli_support.progress import progress_bar
from detector.wire.keepalive import SocketLike

SO_ATTACH_FILTER = 26
"""Linux socket option; needs no privilege."""
_DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)
"""A classic BPF program of one instruction: return 0, keep nothing of the packet."""
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, INPUT_WORDS)
PLC_EVERY_S, PANEL_EVERY_S = 0.01, 1.0
POLL_TIMEOUT_S = 0.5
LIVES = ("connected only", "half a request", "an answer on its way", "one request", "polling")
"""What a client did before it vanished."""


@dataclass
class Polls:
    """The polls of one client that stays."""

    name: str
    every_s: float
    polls: int = 0
    failed: int = 0
    """Polls without an answer in time, or with an exception."""
    reconnects: int = 0
    took_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        took_ms = sorted(self.took_ms) or [0.0]
        return {
            "every_ms": round(self.every_s * 1000),
            "polls": self.polls,
            "failed": self.failed,
            "reconnects": self.reconnects,
            "p50_ms": round(took_ms[len(took_ms) // 2], 2),
            "p99_ms": round(took_ms[len(took_ms) * 99 // 100], 2),
            "max_ms": round(took_ms[-1], 1),
        }


class PollingClient(BackgroundThread):
    """A thread that reads all registers and, as the PLC, writes its own."""

    def __init__(self, port: int, polls: Polls, *, writes: bool) -> None:
        super().__init__()
        self._port, self._polls, self._writes = port, polls, writes

    def _run(self) -> None:
        polls = self._polls
        while not self._over.is_set():
            client = ModbusTcpClient(
                "127.0.0.1", port=self._port, timeout=POLL_TIMEOUT_S, retries=0
            )
            with client:
                while not self._over.wait(polls.every_s):
                    begun_s = time.monotonic()
                    polls.polls += 1
                    if not self._is_answered(client):
                        polls.failed += 1
                        break
                    polls.took_ms.append((time.monotonic() - begun_s) * 1000)
            polls.reconnects += not self._over.is_set()

    def _is_answered(self, client: ModbusTcpClient) -> bool:
        try:
            if self._writes:
                words = encode_plc(plc_heartbeat=self._polls.polls & 0xFFFF, belt_run=2)
                if client.write_registers(PLC_FIRST, words, device_id=1).isError():
                    return False
            return not client.read_input_registers(0, count=INPUT_WORDS, device_id=1).isError()
        except (ModbusException, OSError):
            return False


def run(
    clients: int, seconds: float, seed: int, out: Path | None, *, as_json: bool = False
) -> bool:
    """Print or write the report; returns whether no poll failed."""
    console = Console(stderr=True)
    try:
        with progress_bar("clients that vanish") as advance:
            report = measure(clients, seconds, seed=seed, progress=advance)
    except ChildFailedError as error:
        console.print(f"[bold red]did not run:[/] {error}", highlight=False)
        return False
    write_report(report, out, _show, as_json=as_json)
    return all(each["failed"] == 0 for each in report["polls"].values()) and report["newcomer"]


def measure(
    clients: int,
    seconds: float,
    *,
    seed: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
) -> dict[str, Any]:
    """Let `clients` vanish at random instants over `seconds`. Raises ChildFailedError."""
    rng = random.Random(seed)
    instants_s = sorted(rng.uniform(0, seconds) for _ in range(clients))
    plc, panel = Polls("PLC", PLC_EVERY_S), Polls("panel", PANEL_EVERY_S)
    lives: Counter[str] = Counter()
    refused, vanished = 0, list[socket.socket]()
    with (
        PublishingLine(PublishedState(), seed) as line,
        BridgeProcess([(line.endpoint, "tcp://127.0.0.1:9")]) as bridge,
        PollingClient(bridge.port, plc, writes=True),
        PollingClient(bridge.port, panel, writes=False),
    ):
        begun_s = time.monotonic()
        for number, instant_s in enumerate(instants_s):
            time.sleep(max(0.0, begun_s + instant_s - time.monotonic()))
            life = LIVES[number % len(LIVES)]
            lives[life] += 1
            try:
                vanished.append(_live_and_vanish(bridge.port, life))
            except OSError:
                refused += 1
            if progress is not None:
                progress(number + 1, clients)
        time.sleep(max(0.0, begun_s + seconds - time.monotonic()))
        elapsed_s = time.monotonic() - begun_s
        with ModbusTcpClient("127.0.0.1", port=bridge.port, timeout=POLL_TIMEOUT_S) as newcomer:
            found = newcomer.read_input_registers(0, count=INPUT_WORDS, device_id=1)
        for each in vanished:
            each.close()
        logged = [each for each in bridge.stderr_lines if "Modbus clients" in each]
    return {
        "clients": sum(lives.values()),
        "lives": dict(lives),
        "refused": refused,
        "seconds": round(elapsed_s, 1),
        "seed": seed,
        "polls": {each.name: each.summary() for each in (plc, panel)},
        "newcomer": not found.isError(),
        "logged": logged[-1:],
    }


def vanish(client: SocketLike) -> None:
    """Drop whatever arrives for this socket, so that its peer gets no acknowledgement, FIN or RST.

    Linux only.
    """
    program = ctypes.create_string_buffer(_DROP_ALL)
    head = struct.pack("HP", 1, ctypes.addressof(program))  # struct sock_fprog
    client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, head)


def _live_and_vanish(port: int, life: str) -> socket.socket:
    """The vanished client's socket, to be closed after the last poll.

    Raises OSError if the bridge turns the client away.
    """
    client = socket.create_connection(("127.0.0.1", port), timeout=2)
    if life == "half a request":
        client.sendall(REQUEST[:7])
    for _ in range({"one request": 1, "polling": 20}.get(life, 0)):
        client.sendall(REQUEST)
        if not client.recv(300):
            raise ConnectionResetError
        time.sleep(PLC_EVERY_S if life == "polling" else 0)
    vanish(client)
    if life == "an answer on its way":
        client.sendall(REQUEST)
    return client


def _show(report: dict[str, Any]) -> None:
    table = Table(
        "client",
        "every",
        "polls",
        "failed",
        "reconnects",
        "p50 / p99 / max",
        title=f"{report['clients']} clients vanished in {report['seconds']:.0f} s, "
        f"seed {report['seed']}",
        title_justify="left",
    )
    for name, polls in report["polls"].items():
        took = f"{polls['p50_ms']} / {polls['p99_ms']} / {polls['max_ms']} ms"
        table.add_row(
            name,
            f"{polls['every_ms']} ms",
            f"{polls['polls']:,}",
            str(polls["failed"]),
            str(polls["reconnects"]),
            took,
        )
    console = Console()
    console.print(table)
    lives = ", ".join(f"{count} {life}" for life, count in report["lives"].items())
    console.print(f"before they vanished: {lives}; turned away: {report['refused']}")
    console.print(
        f"a new client after them: {'answered' if report['newcomer'] else 'NOT ANSWERED'}"
    )
