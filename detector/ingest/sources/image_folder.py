"""Pictures in a folder, taken as the frames of a recording."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from detector.ingest.source import Image, SourceError
from detector.ingest.sources.paths import require_readable_file
from detector.ingest.sources.picture import read_picture

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

ASSUMED_FPS = 10.0
"""For pictures without a rate of their own: 13 looks at an object that passes a 675 mm view at
0.5 m/s. Give `fps` where the pictures' real rate is known."""


class ImageFolder:
    """The pictures of a folder or of a glob, in natural order: `belt 9.jpg` before `belt 10.jpg`.

    Pictures may have different sizes. A broken one keeps its place in the count.
    """

    live = False
    passed_over = 0

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
            pictures, where = pictures_in(self._path), "folder"
        elif is_glob(self._path):
            found = glob.glob(str(self._path), recursive=True)  # noqa: PTH207 - absolute patterns
            pictures, where = _pictures(map(Path, found)), "pattern"
        else:
            require_readable_file(self._path)
            pictures, where = _pictures([self._path]), "file"
        if not pictures:
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            raise SourceError(
                self.name, f"no picture in this {where}", f"pictures end in {known}; check the path"
            )
        self._pictures = pictures
        self.frame_count = len(pictures)
        self._next = 0

    def grab(self) -> bool:
        if self._next >= len(self._pictures):
            return False
        self._next += 1
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        path = self._pictures[self._next - 1]
        try:
            image = read_picture(path)
        except SourceError as error:
            self.unreadable.append(str(error))
            return None
        if into is not None and into.shape == image.shape:
            np.copyto(into, image)
            return into
        return image

    def close(self) -> None:
        self._pictures = []


def pictures_in(folder: Path) -> list[Path]:
    """Its pictures, in natural order. As in a glob, what is hidden (`._belt 1.jpg` of a Mac) is
    none."""
    return _pictures(path for path in folder.iterdir() if not path.name.startswith("."))


def is_glob(path: Path) -> bool:
    """True for a pattern such as `shift/*.jpg`, unless a file is really called that."""
    return glob.has_magic(str(path)) and not path.exists()


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A sort key that counts: `9` before `10`. Total: names that count the same differ by text."""
    parts: list[str | int] = list(re.split(r"([0-9]+)", name))  # text and digits alternate
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name


def _pictures(found: Iterable[Path]) -> list[Path]:
    pictures = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted(
        (path for path in pictures if not path.is_dir()), key=lambda path: natural_key(str(path))
    )
