"""What the readers of YOLO and COCO exports share: class names, boxes, images, remarks."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from detector.adaptation.label_notes import LabelNotes
from detector.ingest import SourceError, read_image_file

IGNORE = "ignore"
"""Class of regions that are neither learned nor scored."""

Box = tuple[float, float, float, float]

_ROUNDING = 0.002
SLIGHTLY = 0.05
"""Of the image, how far a box may reach beyond it: drawn over the edge, or rounded."""
CORNER = 0.2
"""The same for an outer box: the corner of a rotated box at the edge."""


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled box."""

    name: str
    """Class: lower case, with underscores."""
    box: Box
    """x0, y0, x1, y1 as shares 0 to 1 of the image's width and height."""
    where: str
    """File and line number."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file and its labels; it has been decoded once as a check."""

    path: Path
    labels: tuple[Label, ...]


class ExportReading:
    """Collects the remarks on one export, and knows what a class is called here."""

    def __init__(
        self, known: Callable[[str], bool], expected: str, renamed: Mapping[str, str]
    ) -> None:
        """`renamed`: their class to ours."""
        self.wrong = LabelNotes()
        """Mistakes: nothing is read."""
        self.left_out = LabelNotes()
        """Files that nothing is learned from."""
        self.noted = LabelNotes()
        """Labels that were read in a particular way."""
        self._known, self._expected = known, expected
        self._renamed = {_spelt(theirs): ours for theirs, ours in renamed.items()}
        self._classes: dict[str, str] = {}
        self._sizes_px: dict[Path, tuple[int, int] | None] = {}

    def add_classes(self, names: Iterable[object]) -> None:
        """The classes that the export lists, used or not."""
        self._classes |= {_spelt(name): str(name) for name in names}

    def check_renamed(self, folder: Path) -> None:
        """After all classes are added: a renamed class that the export lacks is a mistake."""
        for theirs in self._renamed:
            if theirs not in self._classes:
                listed = ", ".join(self._classes.values())
                self.wrong.add(f"has no class {theirs!r} to rename; it has {listed}", folder)

    def class_of(self, name: object, where: str) -> str | None:
        """Our class of theirs; None, and a mistake, if there is none."""
        spelt = _spelt(name)
        ours = _spelt(self._renamed.get(spelt, spelt))
        if self._known(ours):
            if ours != spelt:
                self.noted.add(f"boxes of class {str(name)!r} read as {ours}", where)
            return ours
        self.wrong.add(
            f"unknown class {ours if ours != spelt else str(name)!r}, known: {self._expected}; "
            f"leave it out of the export, or name ours: --class "
            f"{shlex.quote(f'{name}={IGNORE}')}",
            where,
        )
        return None

    def box(self, box: Box, where: str, outside: str, detail: str, allowed: float) -> Box | None:
        """A box inside the image; None if it has no area, or reaches further than `allowed` out."""
        x0, y0, x1, y1 = box
        beyond = max(-x0, -y0, x1 - 1, y1 - 1)
        is_box = all(map(math.isfinite, box)) and x0 <= x1 and y0 <= y1
        if not is_box or beyond > allowed:
            self.wrong.add(outside, where, detail)
            return None
        left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in box)
        if left == right or top == bottom:
            self.noted.add("boxes without an area in the image passed over", where)
            return None
        if beyond > _ROUNDING:
            self.noted.add("boxes clipped that reach beyond the image", where)
        return left, top, right, bottom

    def size_px(self, path: Path) -> tuple[int, int] | None:
        """Width and height of an image, decoded once; None, and left out, if it is not readable."""
        if path not in self._sizes_px:
            try:
                height, width = read_image_file(path).shape[:2]
            except SourceError as error:
                self.left_out.add(f"{error.why}; {error.fix}", path)
                self._sizes_px[path] = None
            else:
                self._sizes_px[path] = width, height
        return self._sizes_px[path]


def _spelt(name: object) -> str:
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")
