"""`vigitri bridge`: receives lines' messages and serves registers to PLCs; a separate process."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from detector.bridge.event_numbers import EventNumbers, numbers_file
from detector.bridge.line_watch import LineWatch
from detector.bridge.modbus_requests import Unit
from detector.bridge.modbus_server import ListenError, ModbusServer
from detector.bridge.plc_link import Command, EncoderScale, PlcLink
from detector.bridge.register_words import RunSignal
from detector.bridge.registers import LineRegisters
from detector.client import Alert, AsyncLine, ClientKeys
from detector.client.link import same_host
from detector.counter import CounterFault
from detector.errors import VigitriError
from detector.service_manager import ServiceManager
from detector.vocabulary import VisionState
from detector.wire.requests import BeltFromPlc

logger = logging.getLogger(__name__)

REFRESH_S = 0.02
"""Refresh interval of the OPC UA variables; Modbus words are computed when they are read."""
MODBUS_LISTEN = "127.0.0.1:1502"
"""Not the standard port 502: below 1024 only root may listen."""
LOG_S = 0.1
LOG_CLIENTS_S = 10.0
"""Least time between two log lines about misbehaving clients."""
LISTEN_S = 0.25
ANSWER_S = 2.0
BELT_S, BELT_WAIT_S = 0.1, 0.5
"""Interval of belt reports to the detector, and timeout of its reply."""
BELT_RUNS: dict[RunSignal, Literal["unknown", "stop", "run"]] = {
    RunSignal.UNKNOWN: "unknown",
    RunSignal.STOP: "stop",
    RunSignal.RUN: "run",
}
LEVELS = {VisionState.DEGRADED: logging.WARNING, VisionState.UNAVAILABLE: logging.ERROR}
"""Log level of a watch state; default: INFO."""


@dataclass(frozen=True, slots=True)
class LineEnds:
    """Endpoints of one line, and its Modbus unit id."""

    publish: str
    requests: str
    unit: int
    line: str | None = None
    """The line's name; None: any line that publishes there."""
    keys: ClientKeys | None = None
    """Keys for a line with CURVE."""


class BridgedLine:
    """One line on the bridge; used only in the event loop's thread."""

    def __init__(self, ends: LineEnds, port: int) -> None:
        self.ends = ends
        # The detector keeps alerts for this name until confirmed, across restarts of both sides.
        consumer = f"bridge-{port}-{ends.unit}"
        self.line = AsyncLine(ends.publish, ends.requests, consumer=consumer, keys=ends.keys)
        # A port chosen by the system is another one at the next start, and so is its file.
        self._numbers = EventNumbers(numbers_file(consumer) if port else None)
        now_ns = time.monotonic_ns()
        self.watch = LineWatch(
            ends.line,
            now_ns,
            self._numbers.first,
            is_open=self._is_open,
            lacks_alerts=lambda: self.line.lacks_alerts,
        )
        self.plc = PlcLink(
            f"PLC, unit {ends.unit}",
            self.watch.event,
            lambda: EncoderScale(self.watch.encoder_wraps_at, self.watch.encoder_counts_per_mm),
        )
        self.registers = LineRegisters(self.watch, self.plc)
        self._logged: tuple[VisionState, str | None] | None = None
        self._logged_wrap: int | None = None
        self._logged_fault: CounterFault | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def unit(self) -> Unit:
        return Unit(
            read=lambda: self.registers.words(time.monotonic_ns()),
            written=lambda: self.plc.words,
            write=self._written,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Process the line's messages, and report the PLC's belt to it, until `stop`.

        Polls `stop` and is not cancelled: `asyncio.wait_for` of Python 3.11 loses a cancellation
        that arrives together with its result, and the bridge would never end.
        """
        async with self.line:  # its sockets are closed after the last request that waits on them
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._report_belt(stop))
                while not stop.is_set():
                    event = await self.line.receive(LISTEN_S)
                    if event is not None:
                        self.watch.update(event)
            for asking in self._asking:
                asking.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)

    async def _report_belt(self, stop: asyncio.Event) -> None:
        """Report the PLC's run signal and encoder to the detector until `stop`."""
        here = same_host(self.ends.publish)
        while not stop.is_set():
            await asyncio.sleep(BELT_S)
            now_ns = time.monotonic_ns()
            belt = self.plc.belt(now_ns)
            if belt is None:
                continue
            report = BeltFromPlc(
                source=f"PLC, unit {self.ends.unit}",
                run=BELT_RUNS[belt.run],
                encoder_counts=belt.encoder,
                t_mono_ns=belt.t_ns if here else None,
                age_ms=(now_ns - belt.t_ns) / 1e6,
            )
            with suppress(TimeoutError):
                await self.line.ask(report, BELT_WAIT_S)

    def reserve_numbers(self) -> None:
        """To be called at least every few seconds: the numbers in reserve last for minutes."""
        self._numbers.reserve(self.watch.last_seq)

    def log_changes(self) -> None:
        """Log changes of the vision state, refused connections, and an encoder that does not match
        the profile."""
        vision, refusal = self.watch.vision(time.monotonic_ns()), self.line.refusal
        if (vision, refusal) != self._logged:
            self._logged = vision, refusal
            unknown = "" if self.watch.line else "no line received yet, "
            why = f", {refusal}" if refusal else ""
            level = logging.ERROR if refusal else LEVELS.get(vision, logging.INFO)
            self._log(level, f"{unknown}{vision}{why}")
        wraps_at = self.watch.encoder_wraps_at
        counts = None if wraps_at is None else self.plc.beyond(wraps_at)
        fault = self.plc.encoder_fault
        if fault is not None and fault != self._logged_fault:
            self._logged_fault = fault
            self._log(logging.WARNING, f"the PLC's encoder (registers 105, 106): {fault}")
        if fault is None and counts is not None and wraps_at != self._logged_wrap:
            self._logged_wrap = wraps_at
            self._log(
                logging.WARNING,
                f"the PLC's encoder (registers 105, 106) counts {counts}, but "
                f"belt.encoder_wraps_at = {wraps_at} in the line's profile: set it to the count at "
                "which the counter wraps, or remove the key for a 32-bit counter; until then "
                "records give no counts",
            )

    def _log(self, level: int, message: str) -> None:
        extra = {"line": self.watch.line}
        logger.log(level, "bridge, unit %d: %s", self.ends.unit, message, extra=extra)

    def _is_open(self, alert: Alert) -> bool:
        """Whether this alert is open, as far as the client knows."""
        key = (alert.boot_id, alert.event_id)
        return any(
            isinstance(each.payload, Alert) and (each.payload.boot_id, each.payload.event_id) == key
            for each in self.line.active
        )

    def _written(self, address: int, words: list[int]) -> None:
        for command in self.plc.write(address, words, time.monotonic_ns()):
            task = asyncio.get_running_loop().create_task(self._ask_for_plc(command))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def ask(self, command: Command) -> str | None:
        """Send a command to the detector; returns why it was refused, which is logged too."""
        try:
            reply = await self.line.ask(command, ANSWER_S)
        except TimeoutError as error:
            refused: str | None = str(error)
        else:
            refused = None if reply.ok else reply.reason or "no reason given"
        if refused is not None:
            self._log(logging.WARNING, f"refused: {refused}")
        return refused

    async def _ask_for_plc(self, command: Command) -> None:
        self.plc.refused = await self.ask(command) is not None


def listen_address(listen: str, *, allow_remote: bool) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; ListenError with one line if invalid or not allowed."""
    host, colon, port = listen.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ListenError(f"{listen!r}: write a host and a port, like {MODBUS_LISTEN}")
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ListenError(
            f"{listen!r}: {host!r} is not an IP address; e.g. {MODBUS_LISTEN}"
        ) from None
    if not ip.is_loopback and not allow_remote:
        raise ListenError(
            f"{listen}: other machines could read and write there without a password; if only the "
            "PLC is on that network, use `vigitri bridge --allow-remote`"
        )
    return str(ip), int(port)


class RefreshedServer(Protocol):
    """A server whose values are refreshed periodically."""

    endpoint: str

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def refresh(self, now_ns: int) -> None: ...


OpcUa = Callable[[Sequence[BridgedLine]], RefreshedServer]


async def _refresh(server: RefreshedServer, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await server.refresh(time.monotonic_ns())
        await asyncio.sleep(REFRESH_S)


async def serve(
    lines: Sequence[LineEnds],
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    opcua: OpcUa | None = None,
    service_manager: ServiceManager | None = None,
) -> None:
    """Bridge the lines until `stop`. Raises ListenError, KeyFileError and EndpointError.

    `opcua`: creates an OPC UA server for the lines; None: no OPC UA. `service_manager`: is notified
    when the servers listen, and while the loop runs.
    """
    service_manager = service_manager or ServiceManager()
    failed: VigitriError | None = None
    bridged = [BridgedLine(ends, port) for ends in lines]
    units = {line.ends.unit: line.unit() for line in bridged}
    if len(bridged) == 1:
        units[0] = bridged[0].unit()  # a single line answers to any unit id
    async with (
        ModbusServer(host, port, units) as server,
        AsyncExitStack() as more,
        asyncio.TaskGroup() as tasks,
    ):

        def start(work: Coroutine[None, None, None]) -> None:
            tasks.create_task(work).add_done_callback(lambda _: stop.set())

        for line in bridged:
            start(line.serve(stop))
        if opcua is not None:
            try:
                other = await more.enter_async_context(opcua(bridged))
            except VigitriError as error:  # raised here, it would come out as a group
                failed = error
                stop.set()
            else:
                start(_refresh(other, stop))
                logger.info("bridge: serving OPC UA at %s", other.endpoint)
        logger.info("bridge: serving Modbus TCP at %s:%d", host, server.port)
        service_manager.ready()
        logged, logged_s = server.tally.faults, 0.0
        while not stop.is_set():
            service_manager.alive()
            for line in bridged:
                line.log_changes()
                line.reserve_numbers()
            if logged != server.tally.faults and time.monotonic() >= logged_s + LOG_CLIENTS_S:
                logged, logged_s = server.tally.faults, time.monotonic()
                logger.warning("bridge: Modbus clients: %s", logged)
            if (full := server.full_slots()) is not None:
                logger.warning("bridge: Modbus clients: %s", full)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOG_S)
        service_manager.stopping()
        if (full := server.full_slots(at_once=True)) is not None:
            logger.warning("bridge: Modbus clients: %s", full)
    if failed is not None:
        raise failed
