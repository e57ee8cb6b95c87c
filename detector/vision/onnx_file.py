"""Which files beside an ONNX file hold its weights.

The runtime has no package `onnx`, and onnxruntime does not say. An ONNX file is one protobuf
message (onnx.proto3), so its fields are walked here; only those that lead to a tensor's
`external_data` are entered.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _ENTRY = range(8)
# (message, field number): message of that field.
_ENTERED = {
    (_MODEL, 7): _GRAPH,
    (_MODEL, 25): _FUNCTION,
    (_FUNCTION, 7): _NODE,
    (_GRAPH, 1): _NODE,
    (_GRAPH, 5): _TENSOR,
    (_GRAPH, 15): _SPARSE,
    (_SPARSE, 1): _TENSOR,
    (_SPARSE, 2): _TENSOR,
    (_NODE, 5): _ATTRIBUTE,
    (_ATTRIBUTE, 5): _TENSOR,
    (_ATTRIBUTE, 6): _GRAPH,
    (_ATTRIBUTE, 10): _TENSOR,
    (_ATTRIBUTE, 11): _GRAPH,
    (_TENSOR, 13): _ENTRY,
}
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class OnnxFileError(ValueError):
    """The file is not an ONNX model."""


def external_files(path: Path) -> set[str]:
    """Names of the files, relative to the model's folder, in which it keeps weights.

    Raises `OnnxFileError`, `OSError`.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise OnnxFileError(f"{path}: is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return set(_locations(data, 0, len(data), _MODEL))
            except (IndexError, ValueError) as error:
                raise OnnxFileError(f"{path}: is not an ONNX file, or is cut off") from error


def _locations(data: mmap.mmap, at: int, end: int, message: int) -> Iterator[str]:
    key = b""
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
            continue
        size = {_EIGHT: 8, _FOUR: 4}.get(kind, -1)
        if kind == _BYTES:
            size, at = _varint(data, at)
        if size < 0 or at + size > end:
            raise ValueError(f"field {number} at {at}")
        if message == _ENTRY and number == 1:
            key = data[at : at + size]
        elif message == _ENTRY and number == 2 and key == b"location":
            yield data[at : at + size].decode()
        elif (entered := _ENTERED.get((message, number))) is not None and kind == _BYTES:
            yield from _locations(data, at, at + size, entered)
        at += size


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("no such number")
