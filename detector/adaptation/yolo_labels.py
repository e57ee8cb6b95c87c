"""Reads a YOLO export: of Ultralytics, Roboflow, Label Studio, or CVAT (YOLO 1.1 too)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.adaptation.export_reading import (
    CORNER,
    SLIGHTLY,
    Box,
    ExportReading,
    Label,
    LabelledImage,
)
from detector.adaptation.yaml_names import has_keypoints, names_in
from detector.ingest import is_image

_NAMES_FILES = ("data.yaml", "data.yml", "dataset.yaml", "obj.names", "classes.txt")
_OUTSIDE = "box is outside 0..1"


def names_file(folder: Path) -> Path | None:
    """The file that lists the classes; None: this is no YOLO export."""
    return next((folder / name for name in _NAMES_FILES if (folder / name).is_file()), None)


def read_yolo(folder: Path, reading: ExportReading) -> Iterator[LabelledImage]:
    """The images that have a label file, by name. Raises `ValueError` without a list of classes."""
    source = names_file(folder)
    assert source is not None
    reader = _LabelFiles(source, reading)
    labelled: dict[Path, Path] = {}
    for path in sorted(filter(is_image, folder.rglob("*"))):
        label = _label_file(path)
        if not label.is_file():
            reading.left_out.add("label file is missing; an empty one means no objects", label)
        elif label in labelled:
            reading.wrong.add("is the label file of several images; rename them", label)
        else:
            labelled[label] = path
            yield LabelledImage(path, tuple(reader.labels(label)))
    for path in sorted(folder.rglob("*.txt")):
        if path not in labelled and not path.name.startswith(".") and _has_labels(path):
            reading.left_out.add("its image is missing; add it, or delete the label file", path)


def _label_file(image: Path) -> Path:
    label = image.with_suffix(".txt")
    if label.is_file() or "images" not in label.parts:
        return label
    # The last one: the export itself may be in a folder of that name.
    last = len(label.parts) - 1 - label.parts[::-1].index("images")
    return Path(*label.parts[:last], "labels", *label.parts[last + 1 :])


class _LabelFiles:
    """Reads label files with one list of classes."""

    def __init__(self, source: Path, reading: ExportReading) -> None:
        self._source, self._reading = source, reading
        text = _text(source)
        if source.suffix in {".yaml", ".yml"}:
            try:
                self._names = names_in(text)
            except ValueError as error:
                raise ValueError(f"{source}: has no list of class names ({error})") from None
            self._keypoints = has_keypoints(text)
        else:
            self._names = dict(enumerate(text.splitlines()))
            self._keypoints = False
        reading.add_classes(name for name in self._names.values() if name.strip())

    def labels(self, file: Path) -> Iterator[Label]:
        for number, line in enumerate(_text(file).splitlines(), 1):
            label = self._label(line, f"{file}:{number}") if line.strip() else None
            if label is not None:
                yield label

    def _label(self, line: str, where: str) -> Label | None:
        try:
            index, *numbers = (float(word) for word in line.split())
        except ValueError:
            self._reading.wrong.add("expected 'class cx cy w h'", where, f"got {line!r}")
            return None
        box = self._box(numbers, line, where)
        if box is None:
            return None
        if index not in self._names:
            unknown = f"class {line.split(maxsplit=1)[0]} is not in {self._source}"
            self._reading.wrong.add(unknown, where)
            return None
        name = self._reading.class_of(self._names[int(index)], where)
        is_outline = len(line.split()) > 5 and not self._keypoints
        allowed = CORNER if is_outline else SLIGHTLY
        inside = self._reading.box(box, where, _OUTSIDE, repr(line), allowed)
        return None if name is None or inside is None else Label(name, inside, where)

    def _box(self, numbers: list[float], line: str, where: str) -> Box | None:
        if self._keypoints and len(numbers) > 4:
            self._reading.noted.add("boxes read without their keypoints", where)
            numbers = numbers[:4]
        if len(numbers) == 4:
            cx, cy, w, h = numbers
            return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
        if len(numbers) >= 6 and len(numbers) % 2 == 0:
            self._reading.noted.add("polygons or rotated boxes read as their outer box", where)
            return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
        if len(numbers) >= 5:
            wrong = (
                "a number too many: the confidence of a model's detection? Export labels that a "
                "person has checked, without it"
            )
            self._reading.wrong.add(wrong, where, f"got {line!r}")
        else:
            self._reading.wrong.add("expected 'class cx cy w h'", where, f"got {line!r}")
        return None


def _has_labels(path: Path) -> bool:
    """Whether each line is five or more numbers: exports also contain notes and lists of files."""
    lines = [line.split() for line in _text(path).splitlines() if line.strip()]
    try:
        return bool(lines) and all(len([float(word) for word in line]) >= 5 for line in lines)
    except ValueError:
        return False


def _text(path: Path) -> str:
    """A text file, with or without the byte order mark that Windows tools write."""
    return path.read_bytes().decode("utf-8-sig", errors="replace")
