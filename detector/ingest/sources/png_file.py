"""Whether a PNG is complete, before OpenCV reads it.

OpenCV (5.0.0) may take seconds and gigabytes for one of a few hundred bytes that is not.
"""

from __future__ import annotations

import struct

_START = 8
_DEFLATE = 1032
"""Bytes that one byte of Deflate becomes at most."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By the colour type."""


def is_whole(data: bytes) -> bool:
    """Walk the chunks to the end of the image; there must be enough data for its size."""
    if data[_START + 4 : _START + 8] != b"IHDR" or len(data) < _START + 25:
        return False
    width, height, depth, colours = struct.unpack_from(">IIBB", data, _START + 8)
    if height * -(-width * depth * _CHANNELS.get(colours, 1) // 8) > _DEFLATE * len(data):
        return False
    at = _START
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if data[at + 4 : at + 8] == b"IEND":
            return bool(end <= len(data))
        at = end
    return False
