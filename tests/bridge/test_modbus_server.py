"""The traps of pymodbus 3.16.1, and what we promise in spite of them: real sockets."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from pymodbus.client import AsyncModbusTcpClient

from detector.bridge.modbus_server import CLIENTS_MAX, ListenError, ModbusServer, Unit
from tests.small_line import PATIENCE_S

FRAMES = 3000


class Words:
    """Units whose words are all alike, and other at each reading."""

    def __init__(self) -> None:
        self.readings = 0
        self.written: list[tuple[int, list[int]]] = []

    def read(self) -> list[int]:
        self.readings += 1
        return [self.readings & 0xFFFF] * 60

    def unit(self) -> Unit:
        return Unit(self.read, lambda address, words: self.written.append((address, words)))


def served(
    use: Callable[[ModbusServer, Words], Awaitable[None]], units: tuple[int, ...] = (1,)
) -> None:
    async def run() -> None:
        words = Words()
        async with ModbusServer("127.0.0.1", 0, dict.fromkeys(units, words.unit())) as server:
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
    """Wait until the other side has hung up."""
    with suppress(ConnectionError):
        assert await reader.read() == b""


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Transaction and what follows the unit id."""
    transaction, _, length, _ = struct.unpack(">HHHB", await reader.readexactly(7))
    return transaction, await reader.readexactly(length - 1)


def test_input_registers_are_mirrored_as_holding_registers_and_made_when_read() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            inputs = await client.read_input_registers(0, count=60, device_id=1)
            holding = await client.read_holding_registers(0, count=60, device_id=1)
        assert (inputs.registers, holding.registers) == ([1] * 60, [2] * 60)
        assert words.readings == 2

    served(use)


def test_a_plc_writes_its_own_registers_and_no_others() -> None:
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


def test_every_block_is_of_one_moment_for_several_clients_at_once() -> None:
    async def read(port: int) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            for _ in range(50):
                block = await client.read_input_registers(0, count=60, device_id=1)
                assert len(set(block.registers)) == 1

    async def use(server: ModbusServer, words: Words) -> None:
        await asyncio.gather(*(read(server.port) for _ in range(8)))
        assert words.readings == 400

    served(use)


def test_a_unit_that_is_no_line_is_told_so_and_the_others_answer() -> None:
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


def test_requests_in_one_segment_and_in_pieces_are_all_answered_in_order() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (reader, writer):
            sent = b"".join(request(n) for n in range(1, 6))
            writer.write(sent[:-7])
            answers = [await answer(reader) for _ in range(4)]
            writer.write(sent[-7:])
            answers.append(await answer(reader))
        assert [transaction for transaction, _ in answers] == [1, 2, 3, 4, 5]

    served(use)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.0\r\n\r\n", b"\0\1\0\0\xff\xff\1\4", bytes(9)])
def test_what_is_no_modbus_ends_that_connection_alone(garbage: bytes) -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with connected(server) as (reader, writer), connected(server) as (other, theirs):
            writer.write(garbage)
            await ended(reader)
            theirs.write(request(7))
            assert (await answer(other))[0] == 7
        assert server.tally.malformed == 1

    served(use)


def test_more_clients_than_a_line_has_are_turned_away() -> None:
    async def use(server: ModbusServer, words: Words) -> None:  # noqa: ARG001
        async with AsyncExitStack() as stack:
            first, *_ = [
                await stack.enter_async_context(connected(server)) for _ in range(CLIENTS_MAX)
            ]
            async with connected(server) as (reader, _):
                await ended(reader)
            assert server.tally.turned_away == 1
            first[1].write(request(1))
            assert (await answer(first[0]))[0] == 1

    served(use)


def test_malformed_frames_do_no_harm() -> None:
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
                    await reader.read()  # until the server has answered all and hung up
        async with AsyncModbusTcpClient("127.0.0.1", port=server.port) as client:
            block = await client.read_input_registers(0, count=60, device_id=1)
            assert len(set(block.registers)) == 1
        assert server.tally.requests > FRAMES / 2

    served(use)


def test_a_port_that_is_taken_is_one_line() -> None:
    async def use(server: ModbusServer, words: Words) -> None:
        with pytest.raises(ListenError, match="another bridge"):
            async with ModbusServer("127.0.0.1", server.port, {1: words.unit()}):
                raise AssertionError("it listened")

    served(use)
