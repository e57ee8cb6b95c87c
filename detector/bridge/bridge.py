"""`vigitri bridge`: lines on ZeroMQ in, registers for PLCs out. A process of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

from detector.bridge.line_feed import LineFeed
from detector.bridge.line_watch import LineWatch, Watch
from detector.bridge.modbus_server import ListenError, ModbusServer, Unit
from detector.bridge.plc_link import PlcLink
from detector.bridge.words import LineRegisters
from detector.wire.gaps import Gap
from detector.wire.subscriber import Received

MODBUS_LISTEN = "127.0.0.1:1502"
"""Port 502 is Modbus' own, and below 1024 only root may listen."""
TELL_S = 0.1


@dataclass(frozen=True, slots=True)
class LineEnds:
    """Where one line is met."""

    publish: str
    answers: str | None
    unit: int
    line: str | None = None
    """Its name; None: whichever line publishes there."""


class BridgedLine:
    """One line on the bridge; everything here happens in the event loop's thread."""

    def __init__(self, ends: LineEnds, tell: Callable[[str], None]) -> None:
        self.ends = ends
        # Seconds since 1970: an old seq that a PLC still holds never names a new event.
        first_seq = int(time.time()) & 0xFFFF_FFFF
        self.watch = LineWatch(ends.line, time.monotonic_ns(), first_seq)
        self.plc = PlcLink(f"PLC, unit {ends.unit}", self.watch.event)
        self.registers = LineRegisters(self.watch, self.plc)
        self._tell = tell
        self._told: Watch | None = None
        self._loop = asyncio.get_running_loop()
        self.feed = LineFeed(
            ends.publish,
            ends.answers,
            take=self._heard,
            complete=lambda: self.watch.complete,
            answered=self._answered,
        )

    def unit(self) -> Unit:
        return Unit(read=lambda: self.registers.words(time.monotonic_ns()), write=self._written)

    def tell_changes(self) -> None:
        """Say in a line when the watch over this line changes."""
        watch = self.watch.watch(time.monotonic_ns())
        if watch is not self._told:
            self._told = watch
            self._tell(f"unit {self.ends.unit}: line {self.watch.line or 'not heard yet'}: {watch}")

    def _written(self, address: int, words: list[int]) -> None:
        for command in self.plc.write(address, words, time.monotonic_ns()):
            self.feed.ask(command)

    def _heard(self, item: Received | Gap) -> None:
        self._in_the_loop(self.watch.take, item)

    def _answered(self, ok: bool, reason: str) -> None:
        self._in_the_loop(self._take_reply, ok, reason)

    def _in_the_loop(self, call: Callable[..., None], *values: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *values)

    def _take_reply(self, ok: bool, reason: str) -> None:
        self.plc.refused = not ok
        if not ok:
            self._tell(f"unit {self.ends.unit}: refused: {reason}")


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
            f"{listen}: other machines could read and write there, and Modbus knows no password; "
            "add --allow-remote if that network holds the PLC and nobody else"
        )
    return str(ip), int(port)


async def serve(
    lines: Sequence[LineEnds],
    host: str,
    port: int,
    stop: asyncio.Event,
    tell: Callable[[str], None],
) -> None:
    """Bridge the lines until `stop`. Raises ListenError and EndpointError."""
    bridged = [BridgedLine(ends, tell) for ends in lines]
    units = {line.ends.unit: line.unit() for line in bridged}
    if len(bridged) == 1:
        units[0] = bridged[0].unit()  # one line: whatever unit id a PLC is used to
    async with AsyncExitStack() as servers:
        server = await servers.enter_async_context(ModbusServer(host, port, units))
        with ExitStack() as feeds:
            for line in bridged:
                feeds.enter_context(line.feed)
            tell(f"serving Modbus TCP at {host}:{server.port}")
            while not stop.is_set():
                for line in bridged:
                    line.tell_changes()
                try:
                    await asyncio.wait_for(stop.wait(), TELL_S)
                except TimeoutError:
                    continue
