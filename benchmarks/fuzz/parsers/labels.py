"""Exports of labelled images: a folder with one image, its labels, and the list of classes."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.changes.of_documents import changed_json
from benchmarks.fuzz.parser import IN_MEMORY, Parser, UnsoundError
from benchmarks.fuzz.parsers.images import drawn, encoded
from detector.adaptation.labels import LabelError, read_labelled_images

KNOWN = {"gas_canister", "battery", "ignore"}


class LabelFolder(Parser):
    """Reads an export in which one file is the case."""

    refusals = (LabelError,)

    def __enter__(self) -> Self:
        # Each read looks at each file: a disk would be the most of it.
        self.folder = Path(tempfile.mkdtemp(prefix="labels-", dir=IN_MEMORY))
        image = self.folder / "images" / "a.png"
        image.parent.mkdir()
        image.write_bytes(encoded(".png", drawn(16, 16)))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def read(self) -> None:
        """Read the export. Raises `UnsoundError`, `LabelError`."""
        found = read_labelled_images(self.folder, KNOWN.__contains__, ", ".join(sorted(KNOWN)))
        for image in found.images:
            for label in image.labels:
                x0, y0, x1, y1 = label.box
                if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 and label.name in KNOWN):
                    raise UnsoundError(f"label {label}")


_LABELS = (
    b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n",
    b"0 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4\n",
    b"",
)
_CLASSES = (
    b"names: [gas_canister, battery]\n",
    b"names:\n  0: gas_canister\n  1: battery\nkpt_shape: [1, 3]\n",
    b"train: images\nval: images\nnc: 2\nnames: ['Gas canister', \"battery\"]\n",
)
_WORDS = (
    *(b"nan", b"inf", b"-1", b"1e308", b"1e-320", b"0.5 ", b"\n", b"99999", b"1_0", b"\xff", b"\0"),
    *(b": ", b"- ", b"{", b"[", b"&a ", b"*a", b"!!python/name:os", b"? ", b"|\n", b"\x1b[31m"),
    *(b"2026-03-06", b"2026-99-99", b"0x", b"!!int ", b"!!float ", b"!!binary ", b"<<: "),
)


class Yolo(LabelFolder):
    """A YOLO export; a case is `data.yaml`, a zero byte, and the label file."""

    def valid(self) -> list[bytes]:
        pose = b"0 0.5 0.5 0.2 0.2 0.5 0.5 2\n"
        return [
            classes + b"\0" + (pose if b"kpt" in classes and labels else labels)
            for classes in _CLASSES
            for labels in _LABELS
        ]

    def changed(self, rng: Random) -> bytes:
        return changed_bytes(rng, self.seeds, words=_WORDS)

    def parse(self, case: bytes) -> None:
        classes, _, labels = case.partition(b"\0")
        (self.folder / "data.yaml").write_bytes(classes)
        (self.folder / "images" / "a.txt").write_bytes(labels)
        self.read()


class Coco(LabelFolder):
    """COCO JSON, as CVAT, Roboflow and COCO itself write it."""

    def valid(self) -> list[bytes]:
        outline = [[1, 1, 9, 1, 9, 9, 1, 9]]
        annotations = [
            {"id": 1, "bbox": [1, 2, 5, 6], "iscrowd": 0, "segmentation": outline},
            {"id": 2, "segmentation": outline},
            {"id": 3, "segmentation": {"size": [16, 16], "counts": [40, 6, 210]}},
            {"id": 4, "segmentation": {"size": [16, 16], "counts": "X16:0h5"}},
            {
                "id": 5,
                "bbox": [2, 2, 4, 4],
                "iscrowd": 1,
                "attributes": {"rotation": 30.0, "occluded": False},
                "segmentation": {"size": [16, 16], "counts": [17, 2, 14, 2, 221]},
            },
        ]
        return [
            json.dumps(
                {
                    "images": [{"id": 7, "file_name": name, "width": 16, "height": 16}],
                    "categories": [{"id": 1, "name": "battery"}, {"id": 2, "name": "ignore"}],
                    "annotations": [{"image_id": 7, "category_id": 1, **each} for each in some],
                }
            ).encode()
            for name, some in (
                ("a.png", annotations[:2]),
                ("images/a.png", annotations[2:4]),
                ("a.png", annotations[4:]),
            )
        ]

    def changed(self, rng: Random) -> bytes:
        return changed_json(rng, self.seeds)

    def parse(self, case: bytes) -> None:
        (self.folder / "annotations.json").write_bytes(case)
        self.read()
