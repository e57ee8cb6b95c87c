"""Answers to Modbus requests, byte by byte as the protocol has them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import __version__
from detector.bridge.modbus_requests import WORDS, Refusal, Unit, answer

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class Line:
    """A unit whose input registers hold their address, and whose PLC registers can be written."""

    def __init__(self) -> None:
        self.plc = list(range(100, 111))
        self.unit = Unit(lambda: list(range(60)), lambda: list(self.plc), self.write)

    def write(self, address: int, words: list[int]) -> None:
        self.plc[address - 100 : address - 100 + len(words)] = words

    def ask(self, function: int, *words: int, data: bytes = b"") -> bytes:
        return answer(struct.pack(f">B{len(words)}H", function, *words) + data, self.unit)

    def read(self, function: int, address: int, count: int) -> list[int]:
        function_, size, *words = struct.unpack(f">BB{count}H", self.ask(function, address, count))
        assert (function_, size) == (function, 2 * count)
        return words


def counted(*words: int) -> bytes:
    return struct.pack(f">B{len(words)}H", 2 * len(words), *words)


def refused(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))


ALL = [*range(60), *[0] * 40, *range(100, 111)]


@given(st.sampled_from([3, 4]), st.integers(0, 110), st.integers(1, 125))
def test_every_block_up_to_110_can_be_read_and_the_gap_reads_0(
    function: int, address: int, count: int
) -> None:
    line = Line()
    if address + count <= WORDS:
        assert line.read(function, address, count) == ALL[address : address + count]
    else:
        assert line.ask(function, address, count) == refused(function, ILLEGAL_ADDRESS)


@given(st.integers(0, 255), st.binary(max_size=252))
def test_any_request_gets_an_answer_of_its_function_or_an_exception(
    function: int, data: bytes
) -> None:
    reply = answer(bytes((function,)) + data, Line().unit)
    assert reply[0] & 0x7F == function & 0x7F
    assert 2 <= len(reply) <= 253
    if reply[0] > 0x7F:
        assert reply[1] in {ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE}
        assert len(reply) == 2


@pytest.mark.parametrize("function", sorted(set(range(256)) - {3, 4, 6, 16, 22, 23, 43}))
def test_other_functions_do_not_exist_whatever_their_sub_function(function: int) -> None:
    for sub_function in (0, 1, 4, 10, 21, 0xFFFF):
        assert Line().ask(function, sub_function, 0) == refused(function, ILLEGAL_FUNCTION)


@pytest.mark.parametrize(
    ("function", "words", "data"),
    [
        (3, (0, 0), b""),
        (3, (0, 126), b""),
        (4, (0, 0xFFFF), b""),
        (4, (0, 1, 0), b""),  # longer than the function's request
        (4, (0,), b""),
        (6, (100,), b""),
        (16, (100, 0), b"\0"),
        (16, (100, 124), b"\xf8" + bytes(248)),
        (16, (100, 2), b"\x02\0\1\0\2"),
        (16, (100, 2), b"\x04\0\1"),
        (22, (107, 1), b""),
        (23, (0, 0, 100, 1), counted(7)),
        (23, (0, 126, 100, 1), counted(7)),
        (23, (0, 1, 100, 0), b"\0"),
        (23, (0, 1, 100, 122), b"\xf4" + bytes(244)),
        (23, (0, 1, 100, 2), counted(7)),
        (43, (), b"\x0e\0\0"),
        (43, (), b"\x0e\x05\0"),
        (43, (), b"\x0e\x01"),
        (43, (), b""),
    ],
)
def test_a_wrong_quantity_or_length_is_an_illegal_value_and_writes_nothing(
    function: int, words: tuple[int, ...], data: bytes
) -> None:
    line = Line()
    assert line.ask(function, *words, data=data) == refused(function, ILLEGAL_VALUE)
    assert line.plc == ALL[100:]


@pytest.mark.parametrize(
    ("function", "words", "data"),
    [
        (3, (65535, 125), b""),
        (4, (65535, 1), b""),
        (4, (110, 2), b""),
        (6, (99, 1), b""),
        (6, (0, 1), b""),
        (6, (111, 1), b""),
        (16, (105, 7), counted(*range(7))),
        (16, (65535, 2), counted(1, 2)),
        (22, (5, 0, 1), b""),
        (22, (111, 0, 1), b""),
        (23, (60, 52, 104, 1), counted(6)),
        (23, (65535, 1, 104, 1), counted(6)),
        (23, (0, 60, 99, 2), counted(6, 6)),
        (23, (0, 60, 110, 2), counted(6, 6)),
    ],
)
def test_an_address_beyond_the_map_is_refused_and_writes_nothing(
    function: int, words: tuple[int, ...], data: bytes
) -> None:
    line = Line()
    assert line.ask(function, *words, data=data) == refused(function, ILLEGAL_ADDRESS)
    assert line.plc == ALL[100:]


def test_writing_and_reading_in_one_request_reads_what_it_has_written() -> None:
    line = Line()
    assert line.ask(23, 60, 42, 100, 2, data=counted(7, 8)) == b"\x17" + counted(*[0] * 40, 7, 8)


@given(*[st.integers(0, 0xFFFF)] * 3)
def test_a_masked_write_changes_only_the_bits_outside_the_mask(
    word: int, and_mask: int, or_mask: int
) -> None:
    line = Line()
    assert line.ask(6, 107, word) == struct.pack(">BHH", 6, 107, word)
    assert line.ask(22, 107, and_mask, or_mask) == struct.pack(">BHHH", 22, 107, and_mask, or_mask)
    for bit in range(16):
        keeps = and_mask >> bit & 1
        assert line.plc[7] >> bit & 1 == (word if keeps else or_mask) >> bit & 1


def identification(reply: bytes) -> tuple[int, dict[int, bytes]]:
    """Conformity level and objects."""
    function, kind, _, conformity, more, following, count = reply[:7]
    assert (function, kind, more, following) == (43, 14, 0, 0)
    objects, rest = {}, reply[7:]
    while rest:
        objects[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    assert len(objects) == count
    return conformity, objects


VENDOR = {0: b"Vigitri", 1: b"vigitri-bridge", 2: __version__.encode()}
NAMED = {**VENDOR, 4: b"Vigitri PLC bridge"}


@pytest.mark.parametrize(
    ("code", "first", "objects"),
    [
        (1, 0, VENDOR),
        (1, 2, {2: VENDOR[2]}),
        (1, 4, VENDOR),  # not a basic object: from the beginning
        (2, 0, NAMED),
        (2, 4, {4: NAMED[4]}),
        (2, 5, NAMED),
        (3, 0, NAMED),  # no more than it has
        (3, 0x80, NAMED),
        (4, 1, {1: VENDOR[1]}),
    ],
)
def test_the_device_identifies_itself_by_vendor_product_version_and_name(
    code: int, first: int, objects: dict[int, bytes]
) -> None:
    assert identification(Line().ask(43, data=bytes((14, code, first)))) == (0x82, objects)


def test_an_identification_that_does_not_exist_is_refused() -> None:
    assert Line().ask(43, data=bytes((14, 4, 3))) == refused(43, ILLEGAL_ADDRESS)
    assert Line().ask(43, data=bytes((13, 1, 0))) == refused(43, ILLEGAL_FUNCTION)


def test_a_unit_id_without_a_line_is_named_as_such() -> None:
    assert answer(b"\x04\0\0\0\1", None) == bytes((0x84, Refusal.NO_SUCH_UNIT))
