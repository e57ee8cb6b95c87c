"""Pictures in a folder, taken as the frames of a recording."""

from __future__ import annotations

import glob
import re
import struct
from pathlib import Path

import numpy as np

from detector.ingest.opencv import cv2
from detector.ingest.paths import require_readable_file
from detector.ingest.source import Image, SourceError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

ASSUMED_FPS = 10.0
"""For pictures without a rate of their own: 13 looks at an object that passes a 675 mm view at
0.5 m/s. Give `fps` where the pictures' real rate is known."""


class ImageFolder:
    """The pictures of a folder or of a glob, in natural order: `belt 9.jpg` before `belt 10.jpg`.

    Pictures may have different sizes. A broken one keeps its place in the count.
    """

    live = False

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self.name = str(path)
        self.fps: float | None = fps or ASSUMED_FPS
        self.frame_count: int | None = None
        self.unreadable: list[str] = []
        self._path = path
        self._pictures: list[Path] = []
        self._next = 0

    def open(self) -> None:
        if self._path.is_dir():
            found = [path for path in self._path.iterdir() if path.is_file()]
            where = "folder"
        elif is_glob(self._path):
            found = [Path(name) for name in glob.glob(str(self._path), recursive=True)]  # noqa: PTH207 - absolute patterns
            where = "pattern"
        else:
            require_readable_file(self._path)
            found, where = [self._path], "file"
        pictures = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
        if not pictures:
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            raise SourceError(
                self.name, f"no picture in this {where}", f"pictures end in {known}; check the path"
            )
        self._pictures = sorted(pictures, key=lambda path: natural_key(str(path)))
        self.frame_count = len(self._pictures)
        self._next = 0

    def grab(self) -> bool:
        if self._next >= len(self._pictures):
            return False
        self._next += 1
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        path = self._pictures[self._next - 1]
        try:
            image, fault = _decode(path.read_bytes())
        except OSError as error:
            image, fault = None, error.strerror or str(error)
        if image is None:
            self.unreadable.append(f"{path}: {fault}")
            return None
        if into is not None and into.shape == image.shape:
            np.copyto(into, image)
            return into
        return image

    def close(self) -> None:
        self._pictures = []


def is_glob(path: Path) -> bool:
    """True for a pattern such as `shift/*.jpg`, unless a file is really called that."""
    return glob.has_magic(str(path)) and not path.exists()


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A sort key that counts: `9` before `10`. Total: names that count the same differ by text."""
    parts: list[str | int] = list(re.split(r"([0-9]+)", name))  # text and digits alternate
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name


def _decode(data: bytes) -> tuple[Image | None, str]:
    """The picture, or None and what is wrong with it."""
    if not data:
        return None, "the file is empty"
    # libjpeg fills what is missing of a picture with grey and reports success.
    if data.startswith(b"\xff\xd8") and not _jpeg_is_whole(data):
        return None, "the picture is cut off"
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        return None, "not a picture that can be read (cut off, or of another kind)"
    return image.astype(np.uint8, copy=False), ""


_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_EOI, _SOS = 0xD9, 0xDA


def _jpeg_is_whole(data: bytes) -> bool:
    """Walk the segments up to the end-of-image marker (a thumbnail's own one is in a segment)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
        if marker == _SOS:  # picture data, without a length: up to the next real marker
            found = _AFTER_SCAN.search(data, at)
            if found is None:
                return False
            at = found.start()
            if data[at + 1] == _EOI:
                return True
    return False
