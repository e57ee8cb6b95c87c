"""Random changes of a protobuf message, such as an ONNX file, field by field: lengths stay right,
so that each change reaches the reader of its field."""

from __future__ import annotations

from random import Random

_INNER = 2
_WIDTHS = {1: 8, 5: 4}
_NUMBERS = (0, 1, 2, 3, 4, 5, 7, 8, 10, 11, 13, 16, 127, 128, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_BYTES = (b"", b"\0", b"x", b"\xff\xff", b"location", b"../x", b"/etc", b"x" * 300, b"\x08\x01")

Field = tuple[int, int, int | bytes]
"""Number, wire type, value."""


def changed_message(rng: Random, message: bytes, depth: int = 6) -> bytes:
    """The message with one field changed, at any depth."""
    fields = fields_of(message)
    if not fields:
        return rng.choice(_BYTES)
    at = int(rng.random() * len(fields))
    number, kind, value = fields[at]
    if isinstance(value, bytes) and depth and rng.random() < 0.75 and fields_of(value):
        fields[at] = number, kind, changed_message(rng, value, depth - 1)
        return written(fields)
    match int(rng.random() * 8):
        case 0:
            del fields[at]
        case 1:
            fields.insert(at, fields[int(rng.random() * len(fields))])
        case 2:
            fields[at] = int(rng.random() * 30) + 1, kind, value
        case 3 if isinstance(value, bytes):
            fields.insert(at, (number, kind, value * 2))
        case _ if isinstance(value, bytes) and value and rng.random() < 0.5:
            text = bytearray(value)
            text[int(rng.random() * len(text))] = int(rng.random() * 256)
            fields[at] = number, kind, bytes(text)
        case _ if isinstance(value, bytes):
            fields[at] = number, kind, rng.choice(_BYTES)
        case _:
            fields[at] = number, kind, rng.choice(_NUMBERS)
    return written(fields)


def fields_of(message: bytes) -> list[Field]:
    """The fields of a message; empty if it is none."""
    fields: list[Field] = []
    at = 0
    try:
        while at < len(message):
            tag, at = _varint(message, at)
            number, kind = tag >> 3, tag & 7
            if not number or kind not in {0, 1, _INNER, 5}:
                return []
            if kind == 0:
                value, at = _varint(message, at)
                fields.append((number, kind, value))
                continue
            size = _WIDTHS.get(kind, 0)
            if kind == _INNER:
                size, at = _varint(message, at)
            if at + size > len(message):
                return []
            fields.append((number, kind, message[at : at + size]))
            at += size
    except IndexError:
        return []
    return fields


def written(fields: list[Field]) -> bytes:
    """The message of these fields."""
    out = bytearray()
    for number, kind, value in fields:
        out += _packed(number << 3 | kind)
        if isinstance(value, int):
            if kind in _WIDTHS:
                out += (value & (1 << 8 * _WIDTHS[kind]) - 1).to_bytes(_WIDTHS[kind], "little")
            else:
                out += _packed(value & 2**64 - 1)
        elif kind in _WIDTHS:
            out += value[: _WIDTHS[kind]].ljust(_WIDTHS[kind], b"\0")
        else:
            out += _packed(len(value)) + value
    return bytes(out)


def _packed(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise IndexError
