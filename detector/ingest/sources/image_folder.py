"""The images of a folder, read as the frames of a recording."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.ingest.source import Image, SourceError
from detector.ingest.sources.image_file import read_image_file
from detector.ingest.sources.image_kinds import IMAGE_SUFFIXES, images_not_read, is_image
from detector.ingest.sources.paths import require_readable_file

ASSUMED_FPS = 10.0
"""For images without their own rate: 13 frames of an object that passes a 675 mm view at 0.5 m/s.
Give `fps` if the real rate is known."""


class ImageFolder:
    """The images of a folder or of a glob, in natural order: `belt 9.jpg` before `belt 10.jpg`.

    Images may have different sizes. A damaged one keeps its index. Files that are images of a kind
    that is not read are in `unreadable` from the start.
    """

    live = False
    position_ns: int | None = None
    colours = ""
    time_notes: Sequence[str] = ()
    passed_over = 0

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self.name = str(path)
        self.fps: float | None = fps or ASSUMED_FPS
        self.frame_count: int | None = None
        self.unreadable: list[str] = []
        self._path = path
        self._paths: list[Path] = []
        self._next = 0

    def open(self) -> None:
        if self._path.is_dir():
            found, where = list(self._path.iterdir()), "folder"
        elif is_glob(self._path):
            named = glob.glob(str(self._path), recursive=True)  # noqa: PTH207 - absolute patterns
            found, where = [Path(each) for each in named], "pattern"
        else:
            require_readable_file(self._path)
            found, where = [self._path], "file"
        paths, self.unreadable = sorted_images(found)
        if not paths:
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            raise SourceError(
                self.name, f"no image in this {where}", f"images end in {known}; check the path"
            )
        self._paths = paths
        self.frame_count = len(paths)
        self._next = 0

    def grab(self) -> bool:
        if self._next >= len(self._paths):
            return False
        self._next += 1
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        path = self._paths[self._next - 1]
        try:
            image = read_image_file(path)
        except SourceError as error:
            self.unreadable.append(str(error))
            return None
        if into is not None and into.shape == image.shape:
            np.copyto(into, image)
            return into
        return image

    def close(self) -> None:
        self._paths = []


def is_glob(path: Path) -> bool:
    """True for a pattern such as `shift/*.jpg`, unless a file has that name."""
    return glob.has_magic(str(path)) and not path.exists()


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key for natural order: `9` before `10`. Total: names with equal numbers sort by text."""
    parts: list[str | int] = list(re.split(r"([0-9]+)", name))  # text and digits alternate
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name


def sorted_images(found: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The images among files, in natural order, and one line for each that is not read."""
    images = [path for path in found if is_image(path) and not path.is_dir()]
    return sorted(images, key=lambda path: natural_key(str(path))), [
        f"{path}: {why}" for path, why in images_not_read(found)
    ]
