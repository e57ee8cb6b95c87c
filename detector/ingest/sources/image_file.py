"""Reads an image file, completely or not at all."""

from __future__ import annotations

import re
import stat
import struct
from pathlib import Path

import numpy as np

from detector.ingest.source import Image, SourceError
from detector.ingest.sources.opencv import cv2

LARGEST_BYTES = 500_000_000
"""A TIFF of 80 megapixels in 16 bits. A larger file is a video, and would be read into memory."""


def read_image_file(path: Path) -> Image:
    """An image file as `(h, w, 3)` uint8 BGR, rotated by its EXIF orientation.

    Raises:
        SourceError: The file is missing, truncated or not an image.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(str(path), "not a file", "name an image file")
        if found.st_size > LARGEST_BYTES:
            raise SourceError(
                str(path),
                f"larger than an image, {found.st_size / 1e6:.0f} MB",
                "use `vigitri replay` for a video",
            )
        data = path.read_bytes()
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
        raise SourceError(str(path), fault, "check the path") from None
    image, fault = _decode(data)
    if image is None:
        raise SourceError(str(path), fault, "copy it again from its origin")
    return image


def _decode(data: bytes) -> tuple[Image | None, str]:
    """The image and an empty string, or None and the fault."""
    if not data:
        return None, "the file is empty"
    # libjpeg fills the missing part of an image with grey and reports success.
    if data.startswith(b"\xff\xd8") and not _jpeg_is_whole(data):
        return None, "the image is cut off"
    if data.startswith(b"\x89PNG") and b"IEND" not in data[-4096:]:
        return None, "the image is cut off"
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        return None, "not a readable image (cut off, or of another kind)"
    return image.astype(np.uint8, copy=False), ""


_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_EOI, _SOS = 0xD9, 0xDA


def _jpeg_is_whole(data: bytes) -> bool:
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
