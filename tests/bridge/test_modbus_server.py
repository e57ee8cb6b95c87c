"""The Modbus server over real sockets, with pymodbus' client and with raw bytes."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.faults import vanished_clients
from detector import __version__
from detector.bridge.client_slots import IN_SERVICE_NS
from detector.bridge.modbus_requests import Unit
from detector.bridge.modbus_server import CLIENTS_MAX, ListenError, ModbusServer
from detector.wire.keepalive import VANISHED_S
from tests.accepted import accepted_socket, ends_by_itself
from tests.small_line import PATIENCE_S

FRAMES = 3000


class Words:
    """Units with equal words that change with each read."""

    def __init__(self) -> None:
        self.readings = 0
        self.written: list[tuple[int, list[int]]] = []
        self.plc = [0] * 11

    def read(self) -> list[int]:
        self.readings += 1
        return [self.readings & 0xFFFF] * 60

    def write(self, address: int, words: list[int]) -> None:
        self.written.append((address, words))
        self.plc[address - 100 : address - 100 + len(words)] = words

    def unit(self) -> Unit:
        return Unit(self.read, lambda: self.plc, self.write)


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def served(
    use: Callable[[ModbusServer, Words], Awaitable[None]],
    units: tuple[int, ...] = (1,),
    clock: Callable[[], int] = time.monotonic_ns,
) -> None:
    async def run() -> None:
        words = Words()
        shown = dict.fromkeys(units, words.unit())
        async with ModbusServer("127.0.0.1", 0, shown, clock_ns=clock) as server:
            await asyncio.wait_for(use(server, words), PATIENCE_S)

    asyncio.run(run())


def request(transaction: int, unit: int = 1, function: int = 4, count: int = 60) -> bytes:
    return struct.pack(">HHHBBHH", transaction, 0, 6, unit, function, 0, count)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(server: ModbusServer) -> AsyncIterator[Ends]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the server has closed the connection."""
    with suppress(ConnectionError):
        assert await reader.read() == b""


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Transaction id, and the bytes after the unit id."""
    transaction, _, length, _ = struct.unpack(">HHHB", await reader.readexactly(7))
    return transaction, await reader.readexactly(length - 1)


async def asks(ends: Ends, times: int = 1) -> None:
    """Send requests on this connection; each must be answered."""
    reader, writer = ends
    for transaction in range(1, times + 1):
        writer.write(request(transaction))
        assert (await answer(reader))[0] == transaction


def vanish(ends: Ends) -> None:
    """Vanish as by a cut cable."""
    vanished_clients.vanish(ends[1].get_extra_info("socket"))


def name_of(ends: Ends) -> str:
    host, port = ends[1].get_extra_info("sockname")
    return f"{host}:{port}"


def test_input_registers_are_also_holding_registers_and_computed_when_read() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            inputs = await client.read_input_registers(0, count=60, device_id=1)
            holding = await client.read_holding_registers(0, count=60, device_id=1)
        assert (inputs.registers, holding.registers) == ([1] * 60, [2] * 60)
        assert words.readings == 2

    served(use)


def test_a_plc_can_write_only_its_own_registers() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            assert not (await client.write_registers(100, list(range(11)), device_id=1)).isError()
            assert not (await client.write_register(107, 0, device_id=1)).isError()
            assert (await client.write_registers(0, [1, 2], device_id=1)).isError()
            assert (await client.write_registers(105, [0] * 11, device_id=1)).isError()
            assert (await client.write_coil(100, True, device_id=1)).isError()
            assert (await client.read_coils(0, count=8, device_id=1)).isError()
            read = await client.read_holding_registers(100, count=11, device_id=1)
        assert words.written == [(100, list(range(11))), (107, [0])]
        assert read.registers == [0, 1, 2, 3, 4, 5, 6, 0, 8, 9, 10]

    served(use)


def test_every_block_is_consistent_with_several_clients() -> None:
    async def read(port: int) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            for _ in range(50):
                block = await client.read_input_registers(0, count=60, device_id=1)
                assert len(set(block.registers)) == 1

    async def use(server: ModbusServer, words: Words) -> None:
        await asyncio.gather(*(read(server.port) for _ in range(8)))
        assert words.readings == 400

    served(use)


def test_an_unknown_unit_id_gets_an_exception_and_the_others_answer() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            for unit in (0, 3, 255):
                refused = await client.read_input_registers(0, count=1, device_id=unit)
                assert refused.exception_code == 11
            for unit in (1, 2):
                block = await client.read_input_registers(0, count=1, device_id=unit)
                assert not block.isError()

    served(use, units=(1, 2))


def test_a_single_line_answers_to_any_unit_id() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            for unit in (0, 1, 255):
                block = await client.read_input_registers(0, count=1, device_id=unit)
                assert not block.isError()

    served(use, units=(1, 0))


def test_joined_and_split_requests_are_all_answered_in_order() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (reader, writer):
            sent = b"".join(request(n) for n in range(1, 6))
            writer.write(sent[:-7])
            answers = [await answer(reader) for _ in range(4)]
            writer.write(sent[-7:])
            answers.append(await answer(reader))
        assert [transaction for transaction, _ in answers] == [1, 2, 3, 4, 5]

    served(use)


def test_a_request_that_arrives_byte_by_byte_is_answered() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (reader, writer):
            for byte in request(513, unit=7):
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0)
            head = await reader.readexactly(7)
            assert head == struct.pack(">HHHB", 513, 0, 123, 7)
            await reader.readexactly(122)

    served(use, units=(0,))


def test_a_client_reads_the_identification_and_is_refused_what_does_not_exist() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            found = await client.read_device_information(read_code=3, device_id=1)
            assert (found.conformity, found.information) == (
                0x82,
                {
                    0: b"Vigitri",
                    1: b"vigitri-bridge",
                    2: __version__.encode(),
                    4: b"Vigitri PLC bridge",
                },
            )
            both = await client.readwrite_registers(
                read_address=99, read_count=2, write_address=100, values=[5], device_id=1
            )
            assert both.registers == [0, 5]
            for refused in (
                await client.read_fifo_queue(address=0, device_id=1),
                await client.report_device_id(device_id=1),
                await client.diag_query_data(b"ab", device_id=1),
                await client.read_discrete_inputs(70, count=1, device_id=1),
            ):
                assert refused.exception_code == 1
            refused = await client.readwrite_registers(
                read_address=110, read_count=2, write_address=100, values=[6], device_id=1
            )
            assert refused.exception_code == 2
        assert words.written == [(100, [5])]

    served(use)


def test_what_is_written_by_one_unit_id_of_a_single_line_is_read_by_any() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            await client.write_register(104, 400, device_id=1)
            read = await client.read_holding_registers(104, count=1, device_id=255)
            await client.mask_write_register(address=104, and_mask=0xFFFE, or_mask=1, device_id=0)
            masked = await client.read_holding_registers(104, count=1, device_id=1)
        assert (read.registers, masked.registers) == ([400], [401])

    served(use, units=(1, 0))


def test_a_client_that_never_reads_its_answers_is_not_served_without_end() -> None:
    flood = 100_000

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (_, writer), connected(server) as plc:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            writer.write(request(1) * flood)
            requests = -1
            while server.tally.requests != requests + 5:  # until the flood is served no more
                requests = server.tally.requests
                await asks(plc, times=5)
            assert requests < flood

    served(use)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.0\r\n\r\n", b"\0\1\0\0\xff\xff\1\4", bytes(9)])
def test_data_that_is_not_modbus_closes_only_its_connection(garbage: bytes) -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (reader, writer), connected(server) as (other, theirs):
            writer.write(garbage)
            await ended(reader)
            theirs.write(request(7))
            assert (await answer(other))[0] == 7
        assert server.tally.malformed == 1

    served(use)


def test_forty_vanishing_clients_do_not_disconnect_the_plc() -> None:
    clock = Clock()

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            plc = await stack.enter_async_context(connected(server))
            await asks(plc, times=2)
            for _ in range(40):
                other = await stack.enter_async_context(connected(server))
                await asks(other)
                vanish(other)
                clock.now_ns += 1
                await asks(plc)
        assert (server.tally.replaced, server.tally.turned_away) == (25, 0)
        assert "25 idle ones replaced by new clients" in server.tally.faults

    served(use, clock=clock)


def test_a_plc_connects_after_polling_clients_have_vanished() -> None:
    clock = Clock()

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            for _ in range(CLIENTS_MAX):
                other = await stack.enter_async_context(connected(server))
                await asks(other, times=5)
                vanish(other)
            clock.now_ns += IN_SERVICE_NS
            plc = await stack.enter_async_context(connected(server))
            await asks(plc, times=2)
        assert (server.tally.replaced, server.tally.turned_away) == (1, 0)

    served(use, clock=clock)


def test_when_places_are_full_the_longest_idle_client_is_replaced() -> None:
    clock = Clock()

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            held = []
            for _ in range(CLIENTS_MAX):
                held.append(await stack.enter_async_context(connected(server)))
                await asks(held[-1])
                clock.now_ns += 10**9
            await asks(held[0])
            clock.now_ns += IN_SERVICE_NS
            newcomer = await stack.enter_async_context(connected(server))
            await asks(newcomer)
            await ended(held[1][0])
            line = server.full_slots()
            assert line is not None
            assert f"{name_of(held[1])}, idle for 18.0 s, by {name_of(newcomer)}" in line
            for each in (held[0], *held[2:]):
                await asks(each)

    served(use, clock=clock)


def test_clients_without_requests_are_replaced_in_order_of_connection() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            silent = [await stack.enter_async_context(connected(server)) for _ in range(16)]
            for first in silent[:3]:
                await asks(await stack.enter_async_context(connected(server)))
                await ended(first[0])
            await asks(silent[3])

    served(use)


def test_when_all_clients_poll_a_new_one_is_turned_away_and_named() -> None:
    clock = Clock()

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            held = [await stack.enter_async_context(connected(server)) for _ in range(CLIENTS_MAX)]
            for each in held:
                await asks(each, times=2)
            clock.now_ns += IN_SERVICE_NS - 1
            newcomer = await stack.enter_async_context(connected(server))
            await ended(newcomer[0])
            assert (server.tally.replaced, server.tally.turned_away) == (0, 1)
            line = server.full_slots()
            assert line is not None
            assert "16 by 127.0.0.1 (longest idle 3.0 s)" in line
            assert f"1 of 127.0.0.1 (the last: {name_of(newcomer)})" in line
            for each in held:
                await asks(each)

    served(use, clock=clock)


def test_the_kernel_closes_connections_of_vanished_clients() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as ends:
            await asks(ends)
            with accepted_socket(ends[1].get_extra_info("sockname")) as accepted:
                assert ends_by_itself(accepted)
                unacknowledged_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                assert unacknowledged_ms == VANISHED_S * 1000

    served(use)


def test_malformed_frames_do_not_stop_the_server() -> None:
    rng = random.Random(5)

    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        for first in range(0, FRAMES, 50):
            async with connected(server) as (reader, writer):
                for n in range(first, first + 50):
                    body = rng.randbytes(rng.randrange(1, 40))
                    head = struct.pack(">HHHB", n & 0xFFFF, 0, len(body) + 1, rng.choice((1, 9)))
                    writer.write(head + body if rng.random() < 0.97 else rng.randbytes(20))
                writer.write_eof()
                with suppress(ConnectionError):
                    await reader.read()  # until the server has answered all and closed
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            block = await client.read_input_registers(0, count=60, device_id=1)
            assert len(set(block.registers)) == 1
        assert server.tally.requests > FRAMES / 2

    served(use)


def test_a_port_in_use_is_reported() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        with pytest.raises(ListenError, match="another bridge"):
            async with ModbusServer("127.0.0.1", server.port, {1: words.unit()}):
                raise AssertionError("it listened")

    served(use)
