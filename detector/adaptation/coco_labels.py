"""Reads COCO exports: of CVAT, Roboflow, Label Studio, or COCO itself."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from detector.adaptation.coco_outlines import is_one_piece, outer_box, turned
from detector.adaptation.export_reading import (
    CORNER,
    IGNORE,
    Box,
    ExportReading,
    Label,
    LabelledImage,
)
from detector.ingest import is_image

_KEYS = {"images", "annotations", "categories"}
_INSTANCES = "instances_"
_OTHER_TASKS = (
    "person_keypoints_", "captions_", "stuff_", "panoptic_", "labels_", "image_info_"
)  # fmt: skip
_TABLES = "annotations"
"""The folder of COCO's tables, and of the masks of its other tasks."""
_ERRORS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


def coco_tables(folder: Path) -> list[Path]:
    """The JSON files of labels in a folder; of COCO's several tasks, those of instances."""
    tables = [path for path in sorted(folder.rglob("*.json")) if _is_table(path)]
    if any(path.name.startswith(_INSTANCES) for path in tables):
        tables = [path for path in tables if not path.name.startswith(_OTHER_TASKS)]
    return tables


def read_coco(
    folder: Path, tables: Sequence[Path], reading: ExportReading
) -> Iterator[LabelledImage]:
    """The images that the tables list and that are there. Raises `ValueError` if one is none."""
    files = _ImageFiles(folder)
    for path in tables:
        try:
            yield from _Table(path, files, reading).images()
        except _ERRORS as error:
            raise ValueError(f"{path}: not COCO JSON: {type(error).__name__}: {error}") from None
    for path in files.unlisted():
        reading.left_out.add("is listed in no JSON of annotations", path)


def _is_table(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() >= _KEYS


class _ImageFiles:
    """Finds the images of an export by the names that its tables give them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._root = folder, folder.resolve()
        self._by_name: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(filter(is_image, folder.rglob("*"))):
            self._by_name[unicodedata.normalize("NFC", path.name)].append(path)
        self.listed: dict[Path, Path] = {}
        """Image to the table that lists it."""

    def find(self, name: str, table: Path) -> Path | None:
        """`name` as given, as other systems write it, or the only image of that name; one outside
        the export, such as the labeller's own copy, only if there is none inside."""
        part = table.stem.removeprefix(_INSTANCES)
        places = [table.parent, table.parent / "images"]
        if table.parent != self._folder:
            above = table.parent.parent
            places += [above / "images" / part, above / "images", above / part, above]
        files = [place / spelt for place in places for spelt in _spelt(name)]
        there = [each for each in files if _is_file(each)]
        inside = [each for each in there if each.resolve().is_relative_to(self._root)]
        last = name.replace("\\", "/").rpartition("/")[2]
        alike = self._by_name.get(unicodedata.normalize("NFC", last), [])
        if not inside and len(alike) == 1:
            return alike[0]
        return next(iter(inside or there), None)

    def unlisted(self) -> list[Path]:
        listed = {path.resolve() for path in self.listed}
        every = (path for paths in self._by_name.values() for path in paths)
        return sorted(
            path
            for path in every
            if path.resolve() not in listed and _TABLES not in path.relative_to(self._folder).parts
        )


class _Table:
    """One JSON file."""

    def __init__(self, path: Path, files: _ImageFiles, reading: ExportReading) -> None:
        self._path, self._files, self._reading = path, files, reading
        document: dict[str, Any] = json.loads(path.read_bytes())
        self._categories = {each["id"]: each["name"] for each in document["categories"]}
        self._images = {each["id"]: each for each in document["images"]}
        self._annotations = document["annotations"]
        reading.add_classes(self._categories.values())

    def images(self) -> Iterator[LabelledImage]:
        annotations = self._by_image()
        listed = sorted(self._images.items(), key=lambda item: str(item[1]["file_name"]))
        for number, image in listed:
            file = self._file(str(image["file_name"]))
            if file is None:
                continue
            size = self._reading.size_px(file)
            if size is None:
                continue
            wide, high = (float(image.get(key, 0)) for key in ("width", "height"))
            if not (wide and high):
                wide, high = size
            if abs(wide * size[1] - high * size[0]) > 0.02 * wide * size[1]:
                self._reading.wrong.add(
                    f"is {size[0]} x {size[1]} px, but {wide:g} x {high:g} in the JSON: rotated "
                    "(EXIF) or cropped after labelling; export both again",
                    file,
                )
                continue
            labels = (self._label(*each, wide, high) for each in annotations[number])
            yield LabelledImage(file, tuple(each for each in labels if each is not None))

    def _by_image(self) -> defaultdict[Any, list[tuple[dict[str, Any], str]]]:
        """Annotations with their places, by image."""
        found: defaultdict[Any, list[tuple[dict[str, Any], str]]] = defaultdict(list)
        for number, each in enumerate(self._annotations):
            where = f"{self._path}: annotations[{number}]"
            if each["image_id"] not in self._images or each["category_id"] not in self._categories:
                self._reading.wrong.add("its image or category is not listed", where)
            else:
                found[each["image_id"]].append((each, where))
        return found

    def _file(self, name: str) -> Path | None:
        file = self._files.find(name, self._path)
        if file is None:
            missing = "images are neither beside the JSON, nor in images/, nor the only ones of "
            self._reading.left_out.add(f"{missing}their name below", f"{self._path}: {name}")
            return None
        other = self._files.listed.setdefault(file, self._path)
        if other != self._path:
            self._reading.wrong.add(f"lists images that {other} lists too", self._path, file.name)
            return None
        return file

    def _label(
        self, annotation: dict[str, Any], where: str, wide: float, high: float
    ) -> Label | None:
        name = self._reading.class_of(self._categories[annotation["category_id"]], where)
        left, top, right, bottom = self._box(annotation, where)
        box = self._reading.box(
            (left / wide, top / high, right / wide, bottom / high),
            where,
            f"box is outside {wide:g} x {high:g} px",
            f"{left:g}, {top:g} to {right:g}, {bottom:g}",
            CORNER,
        )
        if name is None or box is None:
            return None
        if annotation.get("iscrowd") and not self._is_single(annotation, where):
            self._reading.noted.add("boxes of several objects (iscrowd) read as ignore", where)
            name = IGNORE
        return Label(name, box, where)

    def _box(self, annotation: dict[str, Any], where: str) -> Box:
        """x0, y0, x1, y1 in pixels."""
        if not annotation.get("bbox"):
            self._reading.noted.add("outlines read as their outer box", where)
            return outer_box(annotation["segmentation"])
        x, y, w, h = (float(value) for value in annotation["bbox"])
        degrees = float((annotation.get("attributes") or {}).get("rotation") or 0)
        if degrees:
            self._reading.noted.add("rotated boxes read as their outer box", where)
            return turned((x, y, x + w, y + h), degrees)
        return x, y, x + w, y + h  # of Label Studio's rotated boxes, it is the outer box

    def _is_single(self, annotation: dict[str, Any], where: str) -> bool:
        """CVAT sets iscrowd for each object that was drawn as a mask, by its brush or SAM.

        Its sign is the key `attributes`. Several objects in one mask are in several pieces.
        """
        single = "attributes" in annotation and is_one_piece(annotation.get("segmentation"))
        if single:
            self._reading.noted.add(
                "masks in one piece, which CVAT marks iscrowd, read as one object each", where
            )
        return single


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _spelt(name: str) -> dict[str, None]:
    """A file name as given, and as other systems write it: accents as combining characters (macOS),
    backslashes between folders (Windows)."""
    slashed = name.replace("\\", "/")
    composed = [unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")]
    return dict.fromkeys((name, slashed, *composed))
