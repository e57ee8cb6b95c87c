"""Modbus TCP server; registers are computed when they are read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, cast

from detector.bridge.client_slots import ClientSlot, ClientSlots
from detector.bridge.modbus_requests import Unit, answer, is_refusal
from detector.errors import VigitriError
from detector.wire.keepalive import keep_alive

CLIENTS_MAX = 16
"""PLC, panel and control room are three clients per line; many more are a mistake or a flood."""
_HEAD_BYTES = 7
"""Transaction id, protocol id 0, length of what follows it, unit id."""
_FRAME_BYTES_MAX = 260


class ListenError(VigitriError, ValueError):
    """An address that the server can't listen at; the message is one line with the reason."""


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
        self._address, self._units = (host, port), units
        self._slots = ClientSlots(CLIENTS_MAX, clock_ns)
        self._connections: set[_Connection] = set()
        self.tally = Tally()
        self.port = 0

    async def __aenter__(self) -> Self:
        host, port = self._address
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self._units, self.tally, self._slots, self._connections),
                host,
                port,
            )
        except OSError as error:
            raise ListenError(
                f"can't listen at {host}:{port} ({error.strerror}): is another bridge running, or "
                "is the port below 1024? Set another with --listen (`vigitri run`: "
                "--bridge-listen), e.g. 127.0.0.1:1503"
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for each in list(self._connections):
            each.disconnect()
        await self._server.wait_closed()

    def full_slots(self, *, at_once: bool = False) -> str | None:
        """A log line about full slots since the last one, or None.

        At most every 10 s; `at_once`: without this limit, for the end.
        """
        return self._slots.line(at_once=at_once)


class _Connection(asyncio.BufferedProtocol):
    """One client. Answers its requests in order; disconnects it if its data is not Modbus."""

    def __init__(
        self,
        units: dict[int, Unit],
        tally: Tally,
        slots: ClientSlots,
        connections: set[_Connection],
    ) -> None:
        self._units, self._tally, self._slots = units, tally, slots
        self._connections = connections
        self._slot: ClientSlot | None = None
        # Some 80 requests: what a flood of them keeps other clients waiting for.
        self._buffer = bytearray(4 * _FRAME_BYTES_MAX)
        self._used = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        keep_alive(transport.get_extra_info("socket"))
        host, port = (transport.get_extra_info("peername") or ("unknown", 0))[:2]  # gone already
        self._slot = self._slots.acquire(host, port, self._close_replaced)
        if self._slot is None:
            self._tally.turned_away += 1
            self.disconnect()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        if self._slot is not None:
            self._slots.leave(self._slot)

    def pause_writing(self) -> None:
        """A client that does not read its answers is not given more of them to keep."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return memoryview(self._buffer)[self._used :]

    def buffer_updated(self, nbytes: int) -> None:
        self._used += nbytes
        if self._slot is None:
            return
        self._slots.count_bytes(self._slot)
        answers, answered = self._answers(self._slot)
        if answered is None:
            self._tally.malformed += 1
            self.disconnect()
            return
        if answers:
            self._transport.write(answers)
        self._buffer[: self._used - answered] = self._buffer[answered : self._used]
        self._used -= answered

    def _answers(self, slot: ClientSlot) -> tuple[bytes, int | None]:
        """The answers to all complete requests, and the bytes of those; None: not Modbus."""
        answers, at = b"", 0
        while self._used - at > _HEAD_BYTES:
            head = self._buffer[at : at + _HEAD_BYTES]
            end = at + 6 + int.from_bytes(head[4:6], "big")
            if head[2:4] != b"\0\0" or not _HEAD_BYTES < end - at <= _FRAME_BYTES_MAX:
                return answers, None
            if end > self._used:
                break
            self._slots.count_request(slot)
            reply = self._answer(bytes(self._buffer[at + _HEAD_BYTES : end]), head[6])
            answers += head[:4] + (len(reply) + 1).to_bytes(2, "big") + head[6:] + reply
            at = end
        return answers, at

    def _answer(self, request: bytes, unit: int) -> bytes:
        reply = answer(request, self._units.get(unit) or self._units.get(0))
        self._tally.requests += 1
        self._tally.refused += is_refusal(reply)
        return reply

    def _close_replaced(self) -> None:
        self._tally.replaced += 1
        self.disconnect()

    def disconnect(self) -> None:
        """Close without waiting for unsent answers."""
        self._transport.abort()
