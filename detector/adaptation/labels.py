"""Labelled images: a YOLO export, or COCO JSON.

YOLO: `data.yaml` with `names`, or `classes.txt`, or CVAT's `obj.names`; images anywhere below; a
label file of the same name beside each, or in `labels/` if the image is in `images/`. COCO: JSON
with `images`, `annotations` and `categories`, one or one for each part; images by `file_name`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from detector.adaptation.coco_labels import coco_tables, read_coco
from detector.adaptation.export_reading import IGNORE, ExportReading, Label, LabelledImage
from detector.adaptation.yolo_labels import names_file, read_yolo
from detector.errors import VigitriError
from detector.ingest import images_not_read

__all__ = [
    "IGNORE",
    "Label",
    "LabelError",
    "LabelledImage",
    "LabelledImages",
    "read_labelled_images",
]


class LabelError(VigitriError, ValueError):
    """Labelled images that cannot be used: one line per kind of mistake, with file and line."""


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """What was read of an export."""

    images: tuple[LabelledImage, ...]
    noted: tuple[str, ...]
    """One line with the count of each kind of label that was read in a particular way."""
    left_out: tuple[str, ...]
    """One line for each kind of fault of files that nothing is learned from."""


def read_labelled_images(
    folder: Path,
    known: Callable[[str], bool],
    expected: str,
    renamed: Mapping[str, str] | None = None,
) -> LabelledImages:
    """All labelled images of an export, by name.

    Args:
        folder: The export.
        known: Whether a class, in lower case with underscores, is known.
        expected: The known classes, for messages.
        renamed: Classes of the export and what they are called here.

    Raises:
        LabelError: One line per kind of mistake; or nothing could be read.
    """
    if not folder.is_dir():
        raise LabelError(f"{folder}: no such folder; give the labelled images with --answers")
    reading = ExportReading(known, expected, renamed or {})
    try:
        if names_file(folder) is not None:
            found = list(read_yolo(folder, reading))
        elif tables := coco_tables(folder):
            found = list(read_coco(folder, tables, reading))
        else:
            raise LabelError(
                f"{folder}: has neither data.yaml nor classes.txt (a YOLO export), nor a JSON of "
                f"annotations (COCO){_instead(folder)}"
            )
    except ValueError as error:
        raise LabelError(str(error)) from None
    reading.check_renamed(folder)
    for path, why in images_not_read(folder.rglob("*")):
        reading.left_out.add(why, path)
    images = tuple(image for image in found if reading.size_px(image.path) is not None)
    left_out = reading.left_out.as_mistakes()
    if reading.wrong:
        raise LabelError("\n".join([*reading.wrong.as_mistakes(), *left_out]))
    if not images:
        raise LabelError("\n".join(left_out) or f"{folder}: contains no image")
    return LabelledImages(images, tuple(reading.noted.as_counts()), tuple(left_out))


def _instead(folder: Path) -> str:
    """What the folder has instead of an export that is read."""
    for path in sorted(folder.rglob("*")):
        if names_file(path) is not None or (path.is_dir() and coco_tables(path)):
            return f"; give {path}, which has"
        if path.suffix == ".xml":
            return f", but {path.name} (Pascal VOC's or CVAT's XML): export it as YOLO or COCO"
        if path.suffix == ".json" and _is_label_studio(path):
            return f", but {path.name} (Label Studio's own JSON): export it as YOLO or COCO"
    return ""


def _is_label_studio(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and bool({"annotations", "data", "image"} & first.keys())
