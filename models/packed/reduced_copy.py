"""A smaller copy of a data folder and its renders, from which all crops and scenes can be made.

It has the same layout, names and manifests, so that every generator runs from it and the same
sources and places are held out. Photographs are reduced to the size at which a training shows them,
belt frames keep their scale. All images are WebP, under the names that the manifests give: as JPEG
they would be twice as large (98 MB instead of 46, of 155).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.data.sources import CLASS_NAMES, IGNORE, Image, read_image, read_labels, reduced
from models.data.strip_objects import objects_on_strips
from models.workshop import Progress, WorkshopError

LONGEST_CUTOUT_PX = 320
LONGEST_PX = 512
"""Of a picture without a box."""
LONGEST_DEV_PX = 640
"""Of a photograph to measure on: the larger of the sizes at which it is shown to the detector."""
OBJECT_PX = 320
"""Of a labelled photograph to train on: the median length of its objects. Trainings show objects
of up to 400 px, and enlarge them by up to 1.3."""
PICTURE_QUALITY, BELT_QUALITY, CUTOUT_QUALITY = 70, 60, 75
_STRIP_OBJECTS = "strip_objects"

Job = tuple[Path, Path, Callable[[Path], bytes]]
"""A file, its copy, and what makes the copy's bytes."""


def reduced_copy(data: Path, renders: Sequence[Path], out: Path, progress: Progress) -> None:
    """Write `out/data` and `out/renders`. Raises `WorkshopError` for a file that can't be read.

    renders: folders of banks (bank*/), and of strips (strips/).
    """
    if not (data / "MANIFEST.csv").is_file():
        raise WorkshopError(f"{data}: no MANIFEST.csv; give the data folder with --data")
    jobs = list(_data_jobs(data, out / "data"))
    for folder in renders:
        for index in sorted(folder.glob("bank*/index.jsonl")):
            jobs += _bank_jobs(index, out / "renders" / index.parent.name)
    for number, (path, copy, made) in enumerate(jobs, 1):
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(made(path))
        progress("packed files", number, len(jobs))
    for folder in renders:
        _strip_objects(folder, out / "renders")


def _data_jobs(data: Path, out: Path) -> Iterator[Job]:
    plain = ("MANIFEST.csv", "*/MANIFEST.csv", "belt/belt_roi.json", "*/labels/*.txt")
    found: dict[str, Callable[[Path], bytes]] = {
        **dict.fromkeys(plain, Path.read_bytes),
        "belt/belt_*.jpg": _belt, "belt/plate_*.jpg": _belt,
        "photos/images/train_*.jpg": _photograph, "photos/images/dev_*.jpg": _dev,
        "hazards/images/*": _photograph, "harmless/*/*.*": _picture,
        **{f"{part}/*/*.webp": _cutout for part in ("cutouts", "cutouts2", "cutouts3")},
    }  # fmt: skip
    for pattern, made in found.items():
        for path in sorted(data.glob(pattern)):
            yield path, out / path.relative_to(data), made


def _belt(path: Path) -> bytes:
    return _smaller(path, read_image(path), 1.0, BELT_QUALITY)


def _picture(path: Path, longest_px: int = LONGEST_PX) -> bytes:
    image = read_image(path)
    return _smaller(path, image, longest_px / max(image.shape[:2]), PICTURE_QUALITY)


def _dev(path: Path) -> bytes:
    return _picture(path, LONGEST_DEV_PX)


def _photograph(path: Path) -> bytes:
    boxes = read_labels(path.parent.with_name("labels") / f"{path.stem}.txt")
    boxes = boxes[boxes[:, 0] != IGNORE, 1:]
    if not len(boxes):
        return _picture(path)
    image = read_image(path)
    height, width = image.shape[:2]
    lengths = ((boxes[:, 2:] - boxes[:, :2]) * (width, height)).max(1)
    return _smaller(path, image, OBJECT_PX / float(np.median(lengths)), PICTURE_QUALITY)


def _cutout(path: Path) -> bytes:
    image = read_image(path, cv2.IMREAD_UNCHANGED)
    return _smaller(path, image, LONGEST_CUTOUT_PX / max(image.shape[:2]), CUTOUT_QUALITY)


def _smaller(path: Path, image: Image, scale: float, quality: int) -> bytes:
    """The reduced image's bytes, or the file's own where they are fewer and nothing is reduced."""
    code = encoded(reduced(image, scale), quality)
    if scale >= 1 and path.stat().st_size <= len(code):
        return path.read_bytes()
    return code


def encoded(image: Image, quality: int) -> bytes:
    """An image as the bytes of a WebP file; its alpha is lossless."""
    return cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


def _bank_jobs(index: Path, out: Path) -> Iterator[Job]:
    """A bank's index with the scale of its reduced images, and these."""
    lines = []
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            path = index.parent / entry["file"]
        except (ValueError, KeyError, TypeError) as error:
            raise WorkshopError(
                f"{index}:{number}: not a line about a cut-out ({error}); trace the bank again"
            ) from error
        if not path.is_file():
            continue  # of a bank that is still being traced
        longest = max(read_image(path, cv2.IMREAD_UNCHANGED).shape[:2])
        if "px_per_mm" in entry:
            entry["px_per_mm"] *= min(1.0, LONGEST_CUTOUT_PX / longest)
        lines.append(json.dumps(entry))
        yield path, out / entry["file"], _cutout
    text = "".join(f"{line}\n" for line in lines).encode()
    yield index, out / index.name, lambda _: text


def _strip_objects(renders: Path, out: Path) -> None:
    """What a proposer's recipe takes of renders: the objects of the strips and of `index.jsonl`."""
    index = renders / "index.jsonl"
    if index.is_file():
        for path, copy, made in _bank_jobs(index, out):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(made(path))
    lines: list[str] = []
    for (kind, label), images in objects_on_strips(renders / "strips").items():
        for image, px_per_mm in images:
            scale = min(1.0, LONGEST_CUTOUT_PX / max(image.shape[:2]))
            file = f"{_STRIP_OBJECTS}/{kind}_{len(lines):05d}.webp"
            (out / _STRIP_OBJECTS).mkdir(parents=True, exist_ok=True)
            (out / file).write_bytes(encoded(reduced(image, scale), CUTOUT_QUALITY))
            entry = {
                "file": file, "kind": kind, "number": len(lines),
                "hazard": None if label < 0 else CLASS_NAMES[label],
                "length_mm": max(image.shape[:2]) / px_per_mm, "px_per_mm": px_per_mm * scale,
            }  # fmt: skip
            lines.append(json.dumps(entry))
    if lines:
        with (out / index.name).open("a", encoding="utf-8") as listing:
            listing.writelines(f"{line}\n" for line in lines)
