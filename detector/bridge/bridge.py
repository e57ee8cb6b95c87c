"""`vigitri bridge`: lines on ZeroMQ in, registers for PLCs out. A process of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from detector.bridge.line_watch import LineWatch, Watch
from detector.bridge.modbus_server import ListenError, ModbusServer, Unit
from detector.bridge.plc_link import Command, PlcLink
from detector.bridge.register_map import BeltRun
from detector.bridge.registers import LineRegisters
from detector.client import Alert, AsyncLine, ClientKeys
from detector.client.link import same_host
from detector.wire.requests import BeltFromPlc

REFRESH_S = 0.02
"""Between two refreshings of what is not made when it is read."""
MODBUS_LISTEN = "127.0.0.1:1502"
"""Port 502 is Modbus' own, and below 1024 only root may listen."""
TELL_S = 0.1
TELL_CLIENTS_S = 10.0
"""Between two words about clients that misbehave."""
SEQ_EPOCH_S = 1_767_225_600
"""2026-01-01: tenths of seconds since then fit 32 bits until 2039."""
LISTEN_S = 0.25
ANSWER_S = 2.0
BELT_S, BELT_WAIT_S = 0.1, 0.5
"""Between two words about the belt, and how long the detector may take to say that it heard."""
BELT_RUNS: dict[BeltRun, Literal["unknown", "stands", "runs"]] = {
    BeltRun.UNKNOWN: "unknown",
    BeltRun.STANDS: "stands",
    BeltRun.RUNS: "runs",
}


@dataclass(frozen=True, slots=True)
class LineEnds:
    """Where one line is met."""

    publish: str
    answers: str
    unit: int
    line: str | None = None
    """Its name; None: whichever line publishes there."""
    keys: ClientKeys | None = None
    """Ours and the line's, where it asks for keys."""


class BridgedLine:
    """One line on the bridge; everything here happens in the event loop's thread."""

    def __init__(self, ends: LineEnds, port: int, tell: Callable[[str], None]) -> None:
        self.ends = ends
        # The detector keeps alerts for this name until they have come, over restarts of either.
        consumer = f"bridge-{port}-{ends.unit}"
        self.line = AsyncLine(ends.publish, ends.answers, consumer=consumer, keys=ends.keys)
        # An old seq that a PLC still holds never names a new event: no line has ten a second.
        first_seq = round((time.time() - SEQ_EPOCH_S) * 10) & 0xFFFF_FFFF
        now_ns = time.monotonic_ns()
        self.watch = LineWatch(
            ends.line,
            now_ns,
            first_seq,
            is_open=self._is_open,
            lacks_alerts=lambda: self.line.lacks_alerts,
        )
        self.plc = PlcLink(f"PLC, unit {ends.unit}", self.watch.event)
        self.registers = LineRegisters(self.watch, self.plc)
        self._tell = tell
        self._told: tuple[Watch, str | None] | None = None
        self._told_wrap: int | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def unit(self) -> Unit:
        return Unit(read=lambda: self.registers.words(time.monotonic_ns()), write=self._written)

    async def listen(self, stop: asyncio.Event) -> None:
        """Take in what the line says until `stop`.

        Asked, not cancelled: `asyncio.wait_for` of Python 3.11 loses a cancellation that comes
        together with what it waits for, and the bridge would never end.
        """
        async with self.line:
            while not stop.is_set():
                event = await self.line.receive(LISTEN_S)
                if event is not None:
                    self.watch.take(event)

    async def pass_on_the_belt(self, stop: asyncio.Event) -> None:
        """Tell the detector what the PLC says of the belt, until `stop`."""
        here = same_host(self.ends.publish)
        while not stop.is_set():
            await asyncio.sleep(BELT_S)
            now_ns = time.monotonic_ns()
            belt = self.plc.belt(now_ns)
            if belt is None:
                continue
            said = BeltFromPlc(
                source=f"PLC, unit {self.ends.unit}",
                run=BELT_RUNS[belt.run],
                encoder_counts=belt.encoder,
                t_mono_ns=belt.t_ns if here else None,
                age_ms=(now_ns - belt.t_ns) / 1e6,
            )
            with suppress(TimeoutError):
                await self.line.ask(said, BELT_WAIT_S)

    def tell_changes(self) -> None:
        """Say in a line when the watch over this line changes, we are not let in, or the profile
        does not know the PLC's encoder."""
        watch, refusal = self.watch.watch(time.monotonic_ns()), self.line.refusal
        if (watch, refusal) != self._told:
            self._told = watch, refusal
            why = f", {refusal}" if refusal else ""
            line = self.watch.line or "not heard yet"
            self._tell(f"unit {self.ends.unit}: line {line}: {watch}{why}")
        wraps_at = self.watch.encoder_wraps_at
        counts = None if wraps_at is None else self.plc.beyond(wraps_at)
        if counts is not None and wraps_at != self._told_wrap:
            self._told_wrap = wraps_at
            self._tell(
                f"unit {self.ends.unit}: the PLC's encoder (registers 105, 106) counts {counts}, "
                f"but belt.encoder_wraps_at = {wraps_at} in the line's profile: give where its "
                "counter goes round, or leave the key out for one of 32 bits; until then records "
                "tell no counts"
            )

    def _is_open(self, alert: Alert) -> bool:
        """Whether the client knows this alert as open."""
        key = (alert.boot_id, alert.event_id)
        return any(
            isinstance(each.payload, Alert) and (each.payload.boot_id, each.payload.event_id) == key
            for each in self.line.active
        )

    def _written(self, address: int, words: list[int]) -> None:
        for command in self.plc.write(address, words, time.monotonic_ns()):
            task = asyncio.get_running_loop().create_task(self._ask(command))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, command: Command) -> None:
        try:
            reply = await self.line.ask(command, ANSWER_S)
        except TimeoutError as error:
            refused: str | None = str(error)
        else:
            refused = None if reply.ok else reply.reason or "no reason given"
        self.plc.refused = refused is not None
        if refused is not None:
            self._tell(f"unit {self.ends.unit}: refused: {refused}")


def listen_address(listen: str, *, allow_remote: bool) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; ListenError with one line if they can't or mustn't be used."""
    host, colon, port = listen.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ListenError(f"{listen!r}: write a host and a port, like {MODBUS_LISTEN}")
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ListenError(f"{listen!r}: {host!r} is no IP address; e.g. {MODBUS_LISTEN}") from None
    if not ip.is_loopback and not allow_remote:
        raise ListenError(
            f"{listen}: other machines could read and write there, and nobody asks a password; "
            "if that network holds the PLC and nobody else, use `vigitri bridge --allow-remote`"
        )
    return str(ip), int(port)


class Refreshed(Protocol):
    """A server that must be told when time goes on."""

    endpoint: str

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def refresh(self, now_ns: int) -> None: ...


OpcUa = Callable[[Sequence[BridgedLine]], Refreshed]


async def _refresh(server: Refreshed, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await server.refresh(time.monotonic_ns())
        await asyncio.sleep(REFRESH_S)


async def serve(
    lines: Sequence[LineEnds],
    host: str,
    port: int,
    stop: asyncio.Event,
    tell: Callable[[str], None],
    *,
    opcua: OpcUa | None = None,
) -> None:
    """Bridge the lines until `stop`. Raises ListenError and EndpointError.

    `opcua`: makes an OPC UA server of the lines, where one is wanted.
    """
    bridged = [BridgedLine(ends, port, tell) for ends in lines]
    units = {line.ends.unit: line.unit() for line in bridged}
    if len(bridged) == 1:
        units[0] = bridged[0].unit()  # one line: whatever unit id a PLC is used to
    async with (
        ModbusServer(host, port, units) as server,
        AsyncExitStack() as more,
        asyncio.TaskGroup() as tasks,
    ):

        def start(work: Coroutine[None, None, None]) -> None:
            tasks.create_task(work).add_done_callback(lambda _: stop.set())

        for line in bridged:
            start(line.listen(stop))
            start(line.pass_on_the_belt(stop))
        if opcua is not None:
            other = await more.enter_async_context(opcua(bridged))
            start(_refresh(other, stop))
            tell(f"serving OPC UA at {other.endpoint}")
        tell(f"serving Modbus TCP at {host}:{server.port}")
        told, told_s = server.tally.trouble, 0.0
        while not stop.is_set():
            for line in bridged:
                line.tell_changes()
            if told != server.tally.trouble and time.monotonic() >= told_s + TELL_CLIENTS_S:
                told, told_s = server.tally.trouble, time.monotonic()
                tell(f"Modbus clients: {told}")
            if (full := server.full_places()) is not None:
                tell(f"Modbus clients: {full}")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TELL_S)
        if (full := server.full_places(at_once=True)) is not None:
            tell(f"Modbus clients: {full}")
