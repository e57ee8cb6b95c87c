"""Answers to Modbus requests: seven functions of one line's registers, on bytes.

pymodbus answers them too, but not as clients need it (3.16.1): a function 23 that is refused has
already written, function 24 answers an empty queue, a quantity out of range reads as an unknown
function, the mandatory objects of function 43 are missing, and functions of serial lines (8, 17)
answer with data of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from detector import __version__
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST, PLC_WORDS

WORDS = PLC_FIRST + PLC_WORDS
"""Registers that can be read, in one request if a client likes; those of no meaning read 0."""
_READ_MAX, _WRITE_MAX, _READ_WRITE_MAX = 125, 123, 121
"""Words of one request of functions 3, 4 and 23, of function 16, and written by function 23."""
_DEVICE_IDENTIFICATION = 14
"""The one transport of function 43 (MEI type) that is served."""
_REGULAR_CONFORMITY = 0x82
"""Basic and regular objects, as a stream or one at a time."""
_BASIC, _REGULAR, _EXTENDED, _ONE = 1, 2, 3, 4
_OBJECTS = {
    0: b"Vigitri",
    1: b"vigitri-bridge",
    2: __version__.encode(),
    4: b"Vigitri PLC bridge",
}
"""Vendor, product code and version, which are mandatory, and the product's name."""
_BASIC_OBJECTS = (0, 1, 2)


class Refusal(IntEnum):
    """Exception codes."""

    FUNCTION = 1
    ADDRESS = 2
    VALUE = 3
    NO_SUCH_UNIT = 11


@dataclass(frozen=True, slots=True)
class Unit:
    """Read and write functions of one unit id."""

    read: Callable[[], list[int]]
    """Returns the current input words."""
    written: Callable[[], list[int]]
    """Returns the words last written by the PLC."""
    write: Callable[[int, list[int]], None]
    """Receives address and words written by a client, within the PLC's registers."""


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def answer(request: bytes, unit: Unit | None) -> bytes:
    """The answer to a request, both from the function code on; an exception has bit 7 set.

    `unit`: None: there is no line with this unit id.
    """
    function = request[0]
    try:
        if unit is None:
            raise _RefusedError(Refusal.NO_SUCH_UNIT)
        if function not in _FUNCTIONS:
            raise _RefusedError(Refusal.FUNCTION)
        return bytes((function,)) + _FUNCTIONS[function](request[1:], unit)
    except _RefusedError as error:
        return bytes((function | 0x80, error.refusal))
    except (struct.error, IndexError):  # shorter or longer than its function's request
        return bytes((function | 0x80, Refusal.VALUE))


def is_refusal(reply: bytes) -> bool:
    return reply[0] > 0x7F


def _read(data: bytes, unit: Unit) -> bytes:
    address, count = struct.unpack(">HH", data)
    return _counted(_words(unit, address, count))


def _write_one(data: bytes, unit: Unit) -> bytes:
    address, word = struct.unpack(">HH", data)
    _check_written(address, 1, _WRITE_MAX)
    unit.write(address, [word])
    return data


def _write(data: bytes, unit: Unit) -> bytes:
    address, count, size = struct.unpack(">HHB", data[:5])
    words = _unpacked(data[5:], count, size, _WRITE_MAX)
    _check_written(address, count, _WRITE_MAX)
    unit.write(address, words)
    return data[:4]


def _mask(data: bytes, unit: Unit) -> bytes:
    address, and_mask, or_mask = struct.unpack(">HHH", data)
    _check_written(address, 1, _WRITE_MAX)
    (word,) = _words(unit, address, 1)
    unit.write(address, [word & and_mask | or_mask & ~and_mask & 0xFFFF])
    return data


def _write_and_read(data: bytes, unit: Unit) -> bytes:
    read_at, read_count, address, count, size = struct.unpack(">HHHHB", data[:9])
    words = _unpacked(data[9:], count, size, _READ_WRITE_MAX)
    # Both before anything is written: a refused request has no effect.
    _check_read(read_at, read_count)
    _check_written(address, count, _READ_WRITE_MAX)
    unit.write(address, words)
    return _counted(_words(unit, read_at, read_count))


def _identify(data: bytes, unit: Unit) -> bytes:  # noqa: ARG001
    if data[0] != _DEVICE_IDENTIFICATION:
        raise _RefusedError(Refusal.FUNCTION)
    _, code, first = struct.unpack(">BBB", data)
    if code == _ONE:
        if first not in _OBJECTS:
            raise _RefusedError(Refusal.ADDRESS)
        objects = [first]
    elif code in {_BASIC, _REGULAR, _EXTENDED}:
        all_objects = _BASIC_OBJECTS if code == _BASIC else tuple(_OBJECTS)
        # An object that does not exist starts the stream from the beginning.
        objects = [each for each in all_objects if each >= first or first not in all_objects]
    else:
        raise _RefusedError(Refusal.VALUE)
    reply = struct.pack(
        ">BBBBBB", _DEVICE_IDENTIFICATION, code, _REGULAR_CONFORMITY, 0, 0, len(objects)
    )
    for each in objects:
        reply += bytes((each, len(_OBJECTS[each]))) + _OBJECTS[each]
    return reply


_FUNCTIONS: dict[int, Callable[[bytes, Unit], bytes]] = {
    3: _read,
    4: _read,
    6: _write_one,
    16: _write,
    22: _mask,
    23: _write_and_read,
    43: _identify,
}


def _check_read(address: int, count: int) -> None:
    if not 1 <= count <= _READ_MAX:
        raise _RefusedError(Refusal.VALUE)
    if address + count > WORDS:
        raise _RefusedError(Refusal.ADDRESS)


def _check_written(address: int, count: int, count_max: int) -> None:
    if not 1 <= count <= count_max:
        raise _RefusedError(Refusal.VALUE)
    if not PLC_FIRST <= address <= WORDS - count:
        raise _RefusedError(Refusal.ADDRESS)


def _words(unit: Unit, address: int, count: int) -> list[int]:
    _check_read(address, count)
    words = unit.read() if address < INPUT_WORDS else [0] * INPUT_WORDS
    words += [0] * (PLC_FIRST - INPUT_WORDS) + unit.written()
    return words[address : address + count]


def _unpacked(data: bytes, count: int, size: int, count_max: int) -> list[int]:
    if not 1 <= count <= count_max or size != 2 * count:
        raise _RefusedError(Refusal.VALUE)
    return list(struct.unpack(f">{count}H", data))


def _counted(words: list[int]) -> bytes:
    return struct.pack(f">B{len(words)}H", 2 * len(words), *words)
