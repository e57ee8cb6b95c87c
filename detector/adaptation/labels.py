"""Labelled images: a YOLO export, or COCO JSON.

YOLO: `data.yaml` with `names`, or `classes.txt`; images anywhere below; a label file of the same
name beside each, or in `labels/` if the image is in `images/`. COCO: one JSON with `images`,
`annotations` and `categories`; images by `file_name`, in the JSON's folder or its `images/`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.adaptation.yaml_names import names_in
from detector.errors import VigitriError
from detector.ingest import SourceError, read_image_file

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class LabelError(VigitriError, ValueError):
    """Labelled images that cannot be used: one line per mistake, with file and line number."""


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled box."""

    name: str
    """Class: lower case, with underscores."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 as shares 0 to 1 of the image's width and height."""
    where: str
    """File and line number."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file and its labels; it has been decoded once as a check."""

    path: Path
    labels: tuple[Label, ...]


def read_labelled_images(
    folder: Path, known: Callable[[str], bool], expected: str
) -> tuple[LabelledImage, ...]:
    """All labelled images of an export, by name.

    Args:
        folder: The export.
        known: Whether a class, in lower case with underscores, is known.
        expected: The known classes, for messages.

    Raises:
        LabelError: One line per mistake.
    """
    if not folder.is_dir():
        raise LabelError(f"{folder}: no such folder; give the labelled images with --answers")
    export = _Export(known, expected)
    tables = sorted(folder.glob("*.json")) + sorted(folder.glob("annotations/*.json"))
    if (folder / "data.yaml").is_file() or (folder / "classes.txt").is_file():
        found = list(export.yolo(folder))
    elif len(tables) == 1:
        found = list(export.coco(tables[0]))
    else:
        raise LabelError(
            f"{folder}: has neither data.yaml nor classes.txt (a YOLO export), nor one JSON of "
            f"annotations (COCO), but {len(tables)}"
        )
    for image in found:
        export.check_pixels(image.path)
    if wrong := export.mistakes():
        raise LabelError("\n".join(wrong))
    if not found:
        raise LabelError(f"{folder}: contains no image")
    return tuple(found)


class _Export:
    """Reads one export, and collects its mistakes."""

    def __init__(self, known: Callable[[str], bool], expected: str) -> None:
        self.wrong: list[str] = []
        self._known, self._expected = known, expected
        self._sizes_px: dict[Path, tuple[float, float]] = {}
        self._unknown: dict[str, tuple[str, int]] = {}
        """Unknown class to the place of its first box, and the number of its boxes."""

    def mistakes(self) -> list[str]:
        """One line each; an unknown class is one mistake, however many boxes have it."""
        unknown = [
            f"{where}: unknown class {name!r}{f' ({count} boxes)' if count > 1 else ''}, known: "
            f"{self._expected}; rename it or leave it out of the export"
            for name, (where, count) in self._unknown.items()
        ]
        return [*unknown, *self.wrong]

    def check_pixels(self, path: Path) -> None:
        """Decode an image, and compare its size with the one in the JSON."""
        try:
            height, width = read_image_file(path).shape[:2]
        except SourceError as error:
            self.wrong.append(str(error))
            return
        wide, high = self._sizes_px.get(path, (width, height))
        if abs(width * high - height * wide) > 0.02 * width * high:
            self.wrong.append(
                f"{path}: is {width} x {height} px, but {wide:g} x {high:g} in the "
                f"JSON: rotated (EXIF) or cropped after labelling; export both again"
            )

    def yolo(self, folder: Path) -> Iterator[LabelledImage]:
        names, source = _yolo_names(folder)
        images = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _PICTURES)
        labelled: set[Path] = set()
        for path in images:
            if path.name.startswith("."):  # "._a.jpg": macOS adds one for each file of an archive
                continue
            label = path.with_suffix(".txt")
            if not label.is_file() and "images" in label.parts:
                # The last one: the export itself may be in a folder of that name.
                last = len(label.parts) - 1 - label.parts[::-1].index("images")
                label = Path(*label.parts[:last], "labels", *label.parts[last + 1 :])
            if not label.is_file():
                self.wrong.append(f"{label}: label file is missing; an empty one means no objects")
                continue
            labelled.add(label)
            lines = enumerate(_text(label).splitlines(), 1)
            labels = [
                self._yolo_label(line, f"{label}:{number}", names, source)
                for number, line in lines
                if line.strip()
            ]
            yield LabelledImage(path, tuple(each for each in labels if each is not None))
        self.wrong += [
            f"{path}: its image is missing; add it, or delete the label file"
            for path in sorted(folder.rglob("*.txt"))
            if path not in labelled and not path.name.startswith(".") and _has_labels(path)
        ]

    def _yolo_label(
        self, line: str, where: str, names: dict[int, str], source: Path
    ) -> Label | None:
        try:
            index, cx, cy, w, h = (float(word) for word in line.split())
        except ValueError:
            self.wrong.append(f"{where}: expected 'class cx cy w h', got {line!r}")
            return None
        if index not in names:
            self.wrong.append(f"{where}: class {line.split(maxsplit=1)[0]} is not in {source}")
            return None
        name = self._class(names[int(index)], where)
        box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        if w <= 0 or h <= 0:
            self.wrong.append(f"{where}: box has no area: {line!r}; draw it again or delete it")
            return None
        if not all(-0.002 <= side <= 1.002 for side in box):
            self.wrong.append(f"{where}: box is outside 0..1: {line!r}")
            return None
        return None if name is None else Label(name, _inside(box), where)

    def coco(self, path: Path) -> Iterator[LabelledImage]:
        try:
            table: dict[str, Any] = json.loads(path.read_bytes())
            names = {each["id"]: each["name"] for each in table["categories"]}
            images = {each["id"]: each for each in table["images"]}
            labels: dict[Any, list[Label]] = {number: [] for number in images}
            for number, each in enumerate(table["annotations"]):
                where = f"{path}: annotations[{number}]"
                image = images.get(each["image_id"])
                if image is None or each["category_id"] not in names:
                    self.wrong.append(f"{where}: its image or category is not listed")
                    continue
                label = self._coco_label(each, names[each["category_id"]], image, where)
                if label is not None:
                    labels[each["image_id"]].append(label)
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise LabelError(f"{path}: not COCO JSON: {type(error).__name__}: {error}") from None
        for number, image in sorted(images.items(), key=lambda item: str(item[1]["file_name"])):
            places = [path.parent, path.parent / "images", path.parent.parent / "images"]
            files = [place / name for place in places for name in _spelt(str(image["file_name"]))]
            file = next((each for each in files if each.is_file()), None)
            if file is None:
                self.wrong.append(
                    f"{path}: {image['file_name']} is neither beside it nor in images/"
                )
                continue
            if "width" in image and "height" in image:
                self._sizes_px[file] = float(image["width"]), float(image["height"])
            yield LabelledImage(file, tuple(labels[number]))

    def _coco_label(
        self, annotation: dict[str, Any], category: object, image: dict[str, Any], where: str
    ) -> Label | None:
        name = self._class(category, where)
        x, y, w, h = (float(value) for value in annotation["bbox"])
        wide, high = float(image["width"]), float(image["height"])
        if w <= 0 or h <= 0:
            self.wrong.append(
                f"{where}: box {annotation['bbox']} has no area; draw it again or delete it"
            )
            return None
        if not (-2 <= x < x + w <= wide + 2 and -2 <= y < y + h <= high + 2):
            self.wrong.append(
                f"{where}: box {annotation['bbox']} is outside {wide:g} x {high:g} px"
            )
            return None
        box = (x / wide, y / high, (x + w) / wide, (y + h) / high)
        return None if name is None else Label(name, _inside(box), where)

    def _class(self, name: object, where: str) -> str | None:
        spelt = str(name).strip().lower().replace(" ", "_").replace("-", "_")
        if self._known(spelt):
            return spelt
        first, count = self._unknown.get(str(name), (where, 0))
        self._unknown[str(name)] = first, count + 1
        return None


def _inside(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (min(max(side, 0.0), 1.0) for side in box)
    return x0, y0, x1, y1


def _has_labels(path: Path) -> bool:
    """Whether each line is five numbers: exports also contain notes and lists of files."""
    lines = [line.split() for line in _text(path).splitlines() if line.strip()]
    try:
        return bool(lines) and all(len([float(word) for word in line]) == 5 for line in lines)
    except ValueError:
        return False


def _text(path: Path) -> str:
    """A text file, with or without the byte order mark that Windows tools write."""
    return path.read_bytes().decode("utf-8-sig", errors="replace")


def _yolo_names(folder: Path) -> tuple[dict[int, str], Path]:
    path = folder / "data.yaml"
    if not path.is_file():
        path = folder / "classes.txt"
        return dict(enumerate(_text(path).splitlines())), path
    try:
        return names_in(_text(path)), path
    except ValueError as error:
        raise LabelError(f"{path}: has no list of class names ({error})") from None


def _spelt(name: str) -> dict[str, None]:
    """A file name as given, and as other systems write it: accents as combining characters (macOS),
    backslashes between folders (Windows)."""
    slashed = name.replace("\\", "/")
    composed = [unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")]
    return dict.fromkeys((name, slashed, *composed))
