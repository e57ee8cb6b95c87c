"""Modbus TCP by pymodbus 3.16.1, whose registers are made when somebody reads them.

Traps of that version, each held by a test: `ModbusServerContext.async_setValues` answers
DEVICE_BUSY and changes nothing, so `SimDevice` with an action is used; an unknown unit is a
KeyError and a traceback per request; of several requests in one segment only the first is
answered, until more bytes come; a request that comes before the last one was answered takes its
place; sending throws away what has come of the next request; bytes that are no Modbus stay in the
buffer for ever and the client hangs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

from pymodbus import ModbusDeviceIdentification
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from detector.bridge.places import Place, Places
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST, PLC_WORDS
from detector.errors import VigitriError
from detector.wire.keepalive import keep_alive

CLIENTS_MAX = 16
"""A line's PLC, its panel and the control room are three; more is a mistake or a flood."""
_READS, _WRITES = {3, 4, 23}, {6, 16, 22, 23}
_MBAP_BYTES = 8
_ADU_BYTES_MAX = 260


class ListenError(VigitriError, ValueError):
    """An address that can't be listened at; one line that says why."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one unit id shows and takes."""

    read: Callable[[], list[int]]
    """The input words at this moment."""
    write: Callable[[int, list[int]], None]
    """Address and words that a client has written, within the PLC's registers."""


@dataclass(slots=True)
class Tally:
    """What the clients have done."""

    requests: int = 0
    refused: int = 0
    """Answered with a Modbus exception."""
    malformed: int = 0
    """No Modbus: the connection was closed."""
    gave_way: int = 0
    """Hung up on for a newcomer: the longest idle of the greatest number of connections."""
    turned_away: int = 0
    """Connections beyond the greatest number, all of which polled."""

    @property
    def trouble(self) -> str:
        """In words, what a person should know of."""
        return (
            f"{self.malformed} connections closed that spoke no Modbus, {self.gave_way} idle ones "
            f"gave way to newcomers, {self.turned_away} turned away beyond {CLIENTS_MAX}, "
            f"{self.refused} requests refused"
        )


class ModbusServer:
    """Serves units until it is left; an async context manager. Raises ListenError."""

    def __init__(
        self,
        host: str,
        port: int,
        units: dict[int, Unit],
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`units`: by unit id, 0 for every id that has no own. `clock_ns`: for who is idle."""
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a line per malformed request
        self._address = (host, port)
        self._devices = [_device(number, unit) for number, unit in units.items()]
        if 0 not in units:
            self._devices.append(_nobody())
        self._places = Places(CLIENTS_MAX, clock_ns)
        self.tally = Tally()
        self.port = 0

    async def __aenter__(self) -> Self:
        identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
            info_name={"VendorName": "Vigitri", "ProductName": "Vigitri PLC bridge"}
        )
        self._server = _Server(self._devices, identity, self._address, self.tally, self._places)
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError:
            host, port = self._address
            raise ListenError(
                f"{host}:{port} can't be listened at: is another bridge running, or is the port "
                "below 1024? Give another with --listen (of `vigitri run` with --bridge-listen), "
                "e.g. 127.0.0.1:1502"
            ) from None
        listening: Any = self._server.transport
        self.port = listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()  # type: ignore[no-untyped-call]

    def full_places(self, *, at_once: bool = False) -> str | None:
        """A line on who holds the places, where they have run out since the last such line.

        Every 10 s at most; `at_once`: what is left to say, at the end.
        """
        return self._places.line(at_once=at_once)


class _Server(ModbusTcpServer):
    def __init__(
        self,
        devices: list[SimDevice],
        identity: ModbusDeviceIdentification,
        address: tuple[str, int],
        tally: Tally,
        places: Places,
    ) -> None:
        super().__init__(devices, identity=identity, address=address)
        self.tally, self.places = tally, places

    def callback_new_connection(self) -> ServerRequestHandler:
        return _Connection(self)


class _Connection(ServerRequestHandler):
    """One client. Answers whatever it has asked, in order, and hangs up on what is no Modbus."""

    def __init__(self, server: _Server) -> None:
        super().__init__(server, None, None, None)  # type: ignore[no-untyped-call]
        self._tally, self._places = server.tally, server.places
        self._place: Place | None = None
        self._unread = b""

    def callback_connected(self) -> None:
        super().callback_connected()
        transport = cast("asyncio.Transport", self.transport)
        keep_alive(transport.get_extra_info("socket"))
        host, port = transport.get_extra_info("peername")[:2]
        self._place = self._places.take(host, port, self._give_way)
        if self._place is None:
            self._tally.turned_away += 1
            self._hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._place is not None:
            self._places.leave(self._place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._place is not None:
            self._places.heard(self._place)
        self._unread += data
        self._unread = self._unread[self._answered(self._unread) :]

    def _answered(self, data: bytes) -> int:
        """Answer the whole requests in `data`; how many bytes they have."""
        used = 0
        while len(data) - used >= _MBAP_BYTES:
            head = data[used : used + _MBAP_BYTES]
            length = int.from_bytes(head[4:6], "big") + 6
            if head[2:4] != b"\0\0" or not _MBAP_BYTES <= length <= _ADU_BYTES_MAX:
                self._tally.malformed += 1
                self._hang_up()
                return len(data)
            if len(data) - used < length:
                break
            self._take(data[used : used + length], head)
            used += length
        return used

    def _take(self, frame: bytes, head: bytes) -> None:
        if self._place is not None:
            self._places.asked(self._place)
        unit, function = head[6], head[7]
        try:
            request = self.framer.decoder.decode(frame[7:])
        except ModbusException:
            request = None
        if request is None or function > 0x7F:
            answer: ModbusPDU = ExceptionResponse(function & 0x7F, ExcCodes.ILLEGAL_FUNCTION)
            self._answer(answer, unit, int.from_bytes(head[:2], "big"))
            return
        request.dev_id, request.transaction_id = unit, int.from_bytes(head[:2], "big")
        # Nothing in it awaits, so that requests are answered in the order they came.
        asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: ModbusPDU) -> None:
        try:
            answer = await request.datastore_update(self.server.context, request.dev_id)
        except Exception:  # pymodbus raises anything on a request that contradicts itself
            answer = ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_VALUE)
        self._answer(answer, request.dev_id, request.transaction_id)

    def _answer(self, answer: ModbusPDU, unit: int, transaction: int) -> None:
        self._tally.requests += 1
        self._tally.refused += isinstance(answer, ExceptionResponse)
        answer.dev_id, answer.transaction_id = unit, transaction
        if self.transport is not None:
            self.server_send(answer, None)  # type: ignore[no-untyped-call]

    def _give_way(self) -> None:
        self._tally.gave_way += 1
        self._hang_up()

    def _hang_up(self) -> None:
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()


def _device(number: int, unit: Unit) -> SimDevice:
    """One block for both kinds of register: what is read at 0 to 59 is made at that moment."""

    async def access(  # noqa: PLR0917
        function: int,
        first: int,  # noqa: ARG001
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function not in _READS | _WRITES:  # coils and discrete inputs: there are none
            return ExcCodes.ILLEGAL_FUNCTION
        if written is not None:
            if not PLC_FIRST <= address <= PLC_FIRST + PLC_WORDS - count:
                return ExcCodes.ILLEGAL_ADDRESS
            unit.write(address, [int(word) for word in written])
        elif address < INPUT_WORDS:
            # No await between here and the copy that pymodbus sends: a block is of one moment.
            registers[:INPUT_WORDS] = unit.read()
        return None

    return SimDevice(
        number,
        [
            SimData(0, count=INPUT_WORDS, datatype=DataType.REGISTERS),
            SimData(PLC_FIRST, count=PLC_WORDS, datatype=DataType.REGISTERS),
        ],
        action=access,
    )


def _nobody() -> SimDevice:
    """Answers for the unit ids that are no line of this bridge."""

    async def access(*_: object) -> ExcCodes:
        return ExcCodes.GATEWAY_NO_RESPONSE

    return SimDevice(
        0, [SimData(0, count=PLC_FIRST + PLC_WORDS, datatype=DataType.REGISTERS)], action=access
    )
