"""Training sources: photographs with boxes, cut-outs with alpha, frames of a belt.

A data folder contains `photos/images`, `photos/labels`, `cutouts/{battery,gas,distractor}`,
`belt/belt_*.jpg`, `belt/plate_*`, `belt/belt_roi.json` and `MANIFEST.csv`. Labels are YOLO lines
`class cx cy w h` in 0..1; class 9 marks regions that are neither learned nor scored.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.adaptation.scenes import source_key
from detector.ingest import SourceError, read_image_file
from detector.vocabulary import CLASSES
from models.workshop import WorkshopError

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]

GAS, BATTERY, IGNORE = 0, 1, 9
CLASS_NAMES = tuple(CLASSES)
CUTOUT_KINDS = {"gas": GAS, "battery": BATTERY, "distractor": -1}
HELD_BACK = 0.08
"""Default share of cut-out sources held back for evaluation."""
BELT_PX_PER_MM = 1.65
"""Scale of the belt frames, estimated by eye (belt_roi.json's scale cue), within 10 %."""
GREY = 114  # fill value of letterboxing and of the belt view


@dataclass(frozen=True, eq=False)
class Photograph:
    """One photograph's files; its pixels are read when needed.

    boxes: (n, 5) float32 `class, x0, y0, x1, y1`, as shares 0..1 of width and height.
    white: it is a product photograph on white.
    """

    path: Path
    boxes: Boxes
    white: bool
    source: str

    def read(self) -> Image:
        """Pixels, (h, w, 3) uint8 BGR."""
        return read_image(self.path)


@dataclass(frozen=True)
class Cutout:
    """An object with alpha: (h, w, 4) uint8 BGRA. label: a class, or -1 for harmless waste."""

    pixels: Image
    label: int
    source: str


@dataclass(frozen=True)
class Belt:
    """A belt image cropped to the area between the guides: (h, w, 3) uint8 BGR.

    px_per_mm: see `BELT_PX_PER_MM`.
    """

    pixels: Image
    px_per_mm: float
    source: str


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> Image:
    """Decode one image. Raises `WorkshopError` for a missing, truncated or foreign file."""
    if flags == cv2.IMREAD_COLOR:
        try:
            return read_image_file(path)
        except SourceError as error:
            raise WorkshopError(str(error)) from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WorkshopError(f"{path}: cannot be read ({error.strerror})") from error
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise WorkshopError(f"{path}: not an image that OpenCV can decode; copy it again")
    return image.astype(np.uint8, copy=False)


def reduced(image: Image, scale: float) -> Image:
    """An image at a smaller scale; never enlarged."""
    if scale >= 1:
        return image
    size = tuple(max(1, round(length * scale)) for length in image.shape[1::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_labels(path: Path) -> Boxes:
    """Read one YOLO label file as (n, 5) float32 `class, x0, y0, x1, y1` in 0..1."""
    if not path.is_file():
        raise WorkshopError(f"{path}: label file is missing; an empty one means no objects")
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            label, cx, cy, w, h = (float(word) for word in line.split())
        except ValueError:
            raise WorkshopError(
                f"{path}:{number}: expected 'class cx cy w h', got {line!r}"
            ) from None
        if label not in (GAS, BATTERY, IGNORE):
            raise WorkshopError(
                f"{path}:{number}: unknown class {line.split()[0]}, known: 0 (gas_canister), "
                "1 (battery), 9 (ignore)"
            )
        if not (0 <= cx <= 1 and 0 <= cy <= 1 and 0 < w <= 1.001 and 0 < h <= 1.001):
            raise WorkshopError(f"{path}:{number}: box is outside 0..1: {line!r}")
        rows.append((label, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    return np.array(rows, np.float32).reshape(-1, 5)


def is_held_back(key: str, share: float) -> bool:
    """Whether a source is held back for evaluation; depends only on its name."""
    return zlib.crc32(key.encode()) % 1000 < share * 1000


@dataclass(frozen=True)
class Sources:
    """All sources of one split, read once."""

    photographs: tuple[Photograph, ...]
    cutouts: dict[str, tuple[Cutout, ...]]
    belts: tuple[Belt, ...]


def manifest(data: Path) -> dict[str, dict[str, str]]:
    """The rows of MANIFEST.csv, by `file`."""
    path = data / "MANIFEST.csv"
    if not path.is_file():
        raise WorkshopError(f"{data}: no MANIFEST.csv; give the data folder with --data")
    with path.open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def read_photographs(data: Path, split: str) -> tuple[Photograph, ...]:
    """All photographs of one split (`train` or `dev`), by name."""
    rows = manifest(data)
    folder = data / "photos"
    if not folder.is_dir():
        raise WorkshopError(f"{folder}: missing; give the data folder with --data")
    photographs = []
    for path in sorted((folder / "images").glob(f"{split}_*.jpg")):
        row = rows.get(f"photos/images/{path.name}", {})
        photographs.append(
            Photograph(
                path,
                read_labels(folder / "labels" / f"{path.stem}.txt"),
                row.get("background") == "white",
                source_key(row.get("src", path.stem)),
            )
        )
    if not photographs:
        raise WorkshopError(f"{folder}: contains no {split}_*.jpg")
    return tuple(photographs)


def matching(photographs: tuple[Photograph, ...], patterns: Sequence[str]) -> set[Photograph]:
    """Photographs whose name without suffix matches a pattern, such as `train_gas_0[5-9]?`."""
    return {each for each in photographs if any(fnmatchcase(each.path.stem, p) for p in patterns)}


@dataclass(frozen=True)
class SourceFiles:
    """The files of one part. cutouts: kind to files, each with its original image's name."""

    photographs: tuple[Photograph, ...]
    cutouts: dict[str, list[tuple[Path, str]]]


def source_files(
    data: Path, held_back: float, *, held: bool, leave_out: Sequence[str] = ()
) -> SourceFiles:
    """Photographs and cut-outs of the training part (`held=False`) or of the held-back part.

    Photographs from whose original a held-back cut-out was cut are held back too. leave_out:
    patterns of photographs that are in neither part, nor their cut-outs.
    """
    rows = manifest(data)
    photographs = read_photographs(data, "train")
    left_out = matching(photographs, leave_out)
    left_sources = {each.source for each in left_out}
    cutouts: dict[str, list[tuple[Path, str]]] = {}
    held_sources = set()
    for kind in CUTOUT_KINDS:
        found = []
        for path in sorted((data / "cutouts" / kind).glob("*.webp")):
            src = rows.get(f"cutouts/{kind}/{path.name}", {}).get("src", path.stem)
            key = source_key(src)
            if is_held_back(key, held_back):
                held_sources.add(key)
            if is_held_back(key, held_back) == held and key not in left_sources:
                found.append((path, key))
        if not found:
            part = "held back" if held else "to train on"
            raise WorkshopError(
                f"{data / 'cutouts' / kind}: contains no *.webp {part} at a share of "
                f"{held_back:g}; add cut-outs of other originals"
            )
        cutouts[kind] = found
    kept = tuple(p for p in photographs if p not in left_out and (p.source in held_sources) == held)
    return SourceFiles(kept, cutouts)


def read_sources(
    data: Path, held_back: float, *, held: bool, leave_out: Sequence[str] = ()
) -> Sources:
    """Read the files of `source_files`, and the belts of that part."""
    chosen = source_files(data, held_back, held=held, leave_out=leave_out)
    cutouts = {
        kind: tuple(
            Cutout(read_image(path, cv2.IMREAD_UNCHANGED), CUTOUT_KINDS[kind], key)
            for path, key in files
        )
        for kind, files in chosen.cutouts.items()
    }
    return Sources(chosen.photographs, cutouts, read_belts(data, held=held))


def belt_polygon(data: Path) -> NDArray[np.int32]:
    """Corners of the belt in the 1280 x 720 frames, (n, 2) int32 px."""
    path = data / "belt" / "belt_roi.json"
    if not path.is_file():
        raise WorkshopError(f"{path}: missing; give the data folder with --data")
    roi: dict[str, Any] = json.loads(path.read_text())
    return np.array(roi["belt_polygon"], np.int32)


def belt_frames(data: Path, *, held: bool) -> list[Path]:
    """Belt frames of one part: every eighth is held back."""
    frames = sorted((data / "belt").glob("belt_*.jpg"))
    if not frames:
        raise WorkshopError(f"{data / 'belt'}: contains no belt_*.jpg")
    return [path for number, path in enumerate(frames) if (number % 8 == 5) == held]


def read_belts(data: Path, *, held: bool) -> tuple[Belt, ...]:
    """Belt frames, cropped to the upright rectangle inside the belt polygon.

    The training part also has the plates, which were made from frames, three times each.
    """
    polygon = belt_polygon(data)
    left, right = np.sort(polygon[:, 0])[[1, 2]]
    paths = belt_frames(data, held=held)
    if not held:
        paths = paths + sorted((data / "belt").glob("plate_*.jpg")) * 3
    return tuple(
        Belt(np.ascontiguousarray(read_image(path)[:, left:right]), BELT_PX_PER_MM, path.stem)
        for path in paths
    )
