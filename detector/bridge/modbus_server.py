"""Modbus TCP server on pymodbus 3.16.1; registers are computed when they are read.

Traps of that version, each covered by a test: `ModbusServerContext.async_setValues` answers
DEVICE_BUSY and changes nothing, so `SimDevice` with an action is used; an unknown unit is a
KeyError with a traceback per request; of several requests in one segment only the first is
answered until more bytes arrive; a request that arrives before the last one was answered replaces
it; sending discards the received part of the next request; bytes that are not Modbus stay in the
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

from detector.bridge.client_slots import ClientSlot, ClientSlots
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST, PLC_WORDS
from detector.errors import VigitriError
from detector.wire.keepalive import keep_alive

CLIENTS_MAX = 16
"""PLC, panel and control room are three clients per line; many more are a mistake or a flood."""
_READS, _WRITES = {3, 4, 23}, {6, 16, 22, 23}
_MBAP_BYTES = 8
_ADU_BYTES_MAX = 260


class ListenError(VigitriError, ValueError):
    """An address that the server can't listen at; the message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Read and write functions of one unit id."""

    read: Callable[[], list[int]]
    """Returns the current input words."""
    write: Callable[[int, list[int]], None]
    """Receives address and words written by a client, within the PLC's registers."""


@dataclass(slots=True)
class Tally:
    """Counts of client behaviour."""

    requests: int = 0
    refused: int = 0
    """Requests answered with a Modbus exception."""
    malformed: int = 0
    """Connections closed because their data is not Modbus."""
    replaced: int = 0
    """Idle connections closed in favour of a new one."""
    turned_away: int = 0
    """New connections refused because all others were polling."""

    @property
    def faults(self) -> str:
        """One line for the log."""
        return (
            f"{self.malformed} connections closed (not Modbus), {self.replaced} idle ones replaced "
            f"by new clients, {self.turned_away} turned away beyond {CLIENTS_MAX}, "
            f"{self.refused} requests refused"
        )


class ModbusServer:
    """A Modbus TCP server; an async context manager. Raises ListenError."""

    def __init__(
        self,
        host: str,
        port: int,
        units: dict[int, Unit],
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`units`: by unit id; 0 serves all ids without a unit. `clock_ns`: measures idle time."""
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a line per malformed request
        self._address = (host, port)
        self._devices = [_device(number, unit) for number, unit in units.items()]
        if 0 not in units:
            self._devices.append(_unknown_unit())
        self._slots = ClientSlots(CLIENTS_MAX, clock_ns)
        self.tally = Tally()
        self.port = 0

    async def __aenter__(self) -> Self:
        identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
            info_name={"VendorName": "Vigitri", "ProductName": "Vigitri PLC bridge"}
        )
        self._server = _Server(self._devices, identity, self._address, self.tally, self._slots)
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError:
            host, port = self._address
            raise ListenError(
                f"can't listen at {host}:{port}: is another bridge running, or is the port below "
                "1024? Set another with --listen (`vigitri run`: --bridge-listen), e.g. "
                "127.0.0.1:1503"
            ) from None
        listening: Any = self._server.transport
        self.port = listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()  # type: ignore[no-untyped-call]

    def full_slots(self, *, at_once: bool = False) -> str | None:
        """A log line about full slots since the last one, or None.

        At most every 10 s; `at_once`: without this limit, for the end.
        """
        return self._slots.line(at_once=at_once)


class _Server(ModbusTcpServer):
    def __init__(
        self,
        devices: list[SimDevice],
        identity: ModbusDeviceIdentification,
        address: tuple[str, int],
        tally: Tally,
        slots: ClientSlots,
    ) -> None:
        super().__init__(devices, identity=identity, address=address)
        self.tally, self.slots = tally, slots

    def callback_new_connection(self) -> ServerRequestHandler:
        return _Connection(self)


class _Connection(ServerRequestHandler):
    """One client. Answers its requests in order; disconnects it if its data is not Modbus."""

    def __init__(self, server: _Server) -> None:
        super().__init__(server, None, None, None)  # type: ignore[no-untyped-call]
        self._tally, self._slots = server.tally, server.slots
        self._slot: ClientSlot | None = None
        self._unread = b""

    def callback_connected(self) -> None:
        super().callback_connected()
        transport = cast("asyncio.Transport", self.transport)
        keep_alive(transport.get_extra_info("socket"))
        host, port = transport.get_extra_info("peername")[:2]
        self._slot = self._slots.acquire(host, port, self._close_replaced)
        if self._slot is None:
            self._tally.turned_away += 1
            self._disconnect()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._slot is not None:
            self._slots.leave(self._slot)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._slot is not None:
            self._slots.count_bytes(self._slot)
        self._unread += data
        self._unread = self._unread[self._answered(self._unread) :]

    def _answered(self, data: bytes) -> int:
        """Answer the complete requests in `data`; returns their number of bytes."""
        used = 0
        while len(data) - used >= _MBAP_BYTES:
            head = data[used : used + _MBAP_BYTES]
            length = int.from_bytes(head[4:6], "big") + 6
            if head[2:4] != b"\0\0" or not _MBAP_BYTES <= length <= _ADU_BYTES_MAX:
                self._tally.malformed += 1
                self._disconnect()
                return len(data)
            if len(data) - used < length:
                break
            self._process(data[used : used + length], head)
            used += length
        return used

    def _process(self, frame: bytes, head: bytes) -> None:
        if self._slot is not None:
            self._slots.count_request(self._slot)
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
        # It never awaits, so requests are answered in order.
        asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: ModbusPDU) -> None:
        try:
            answer = await request.datastore_update(self.server.context, request.dev_id)
        except Exception:  # pymodbus raises arbitrary errors for inconsistent requests
            answer = ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_VALUE)
        self._answer(answer, request.dev_id, request.transaction_id)

    def _answer(self, answer: ModbusPDU, unit: int, transaction: int) -> None:
        self._tally.requests += 1
        self._tally.refused += isinstance(answer, ExceptionResponse)
        answer.dev_id, answer.transaction_id = unit, transaction
        if self.transport is not None:
            self.server_send(answer, None)  # type: ignore[no-untyped-call]

    def _close_replaced(self) -> None:
        self._tally.replaced += 1
        self._disconnect()

    def _disconnect(self) -> None:
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()


def _device(number: int, unit: Unit) -> SimDevice:
    """One block for input and holding registers; words 0 to 59 are computed when read."""

    async def access(  # noqa: PLR0917
        function: int,
        first: int,  # noqa: ARG001
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function not in _READS | _WRITES:  # coils and discrete inputs do not exist
            return ExcCodes.ILLEGAL_FUNCTION
        if written is not None:
            if not PLC_FIRST <= address <= PLC_FIRST + PLC_WORDS - count:
                return ExcCodes.ILLEGAL_ADDRESS
            unit.write(address, [int(word) for word in written])
        elif address < INPUT_WORDS:
            # No await between here and pymodbus' copy, so a block is consistent.
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


def _unknown_unit() -> SimDevice:
    """Answers for unit ids without a line."""

    async def access(*_: object) -> ExcCodes:
        return ExcCodes.GATEWAY_NO_RESPONSE

    return SimDevice(
        0, [SimData(0, count=PLC_FIRST + PLC_WORDS, datatype=DataType.REGISTERS)], action=access
    )
