"""Damage in a JPEG that OpenCV decodes with success: libjpeg fills in, and warns on stderr."""

from __future__ import annotations

import re
import struct

import simplejpeg

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_EOI, _SOS = 0xD9, 0xDA
_SMALLEST = 8
"""Divisor of the size: all data are decoded, but few pixels computed."""


def is_whole(data: bytes) -> bool:
    """Walk the segments to the end-of-image marker (a thumbnail's marker is inside a segment)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
        if marker == _SOS:  # image data, without a length: up to the next real marker
            found = _AFTER_SCAN.search(data, at)
            if found is None:
                return False
            at = found.start()
            if data[at + 1] == _EOI:
                return True
    return False


def pixels(data: bytes) -> int:
    """Number of pixels by the header; 0: it has none that can be read."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError:
        return 0
    return int(height * width)


def is_damaged(data: bytes) -> bool:
    """Whether libjpeg, which decodes a complete JPEG for OpenCV, warns that its data are corrupt.

    It warns if data are left over or run short, or are no code at all: nearly always where a
    stretch is missing; seldom for a changed byte, which is mostly valid data of another image.
    Costs 0.4 of OpenCV's time.
    """
    # Webcams pad their images in front of the end marker; libjpeg warns of that too.
    padded = data.endswith(b"\0\xff\xd9")
    return _is_corrupt(data) and not (
        padded and not _is_corrupt(data[:-2].rstrip(b"\0") + b"\xff\xd9")
    )


def _is_corrupt(data: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(
            data, "GRAY", strict=True, min_height=1, min_width=1, min_factor=_SMALLEST
        )
    except ValueError as error:
        return str(error).startswith(("Corrupt JPEG data", "Premature end"))
    return False
