"""Belts of several plants and laboratories, as backgrounds for scenes of known scale."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.data.held_out import split_by_source
from models.data.sources import Image, read_belts, read_image

PLANT = "plant"
"""Name of the sorting plant's belt, of which every eighth frame is held back."""
_CROPS = {
    "parcel_green_lab": (0.24, 0.20, 0.66, 0.64),
    "lab_black_textured": (0.0, 0.10, 1.0, 0.86),
    "wds_lab_belt": (0.14, 0.0, 0.70, 1.0),
    "parcel_roller_cn": (0.0, 0.43, 1.0, 0.69),
}
"""Part of a place's frames that shows only belt, as shares x0, y0, x1, y1, by eye; else all."""
_LEAST_PX = 90


@dataclass(frozen=True)
class RealBelt:
    """One image of a belt's surface, (h, w, 3) uint8 BGR, with what lies on it.

    px_per_mm: its scale where it is known; None: texture without a scale.
    """

    place: str
    pixels: Image
    px_per_mm: float | None


def real_belts(data: Path, *, held: bool) -> dict[str, list[RealBelt]]:
    """Belts by place, of the training part or held out; pictures of single places as `web`."""
    found: dict[str, list[RealBelt]] = defaultdict(list)
    for belt in read_belts(data, held=held):
        found[PLANT].append(RealBelt(PLANT, belt.pixels, belt.px_per_mm))
    for row in split_by_source(data, "harmless")[held]:
        if row["kind"] == "belt":
            place = "web" if row["place"].startswith("web_") else row["place"]
            image = _cropped(read_image(data / "harmless" / row["file"]), row["place"])
            if min(image.shape[:2]) >= _LEAST_PX:
                found[place].append(RealBelt(place, image, None))
    return dict(found)


def _cropped(image: Image, place: str) -> Image:
    x0, y0, x1, y1 = _CROPS.get(place, (0.0, 0.0, 1.0, 1.0))
    height, width = image.shape[:2]
    part = image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
    return np.ascontiguousarray(part)


def stretch(
    rng: np.random.Generator, belts: list[RealBelt], size: tuple[int, int], px_per_mm: float
) -> Image:
    """A stretch of belt of `(height, width)` px at a scale, travelling along y.

    Frames are joined end to end, every other one mirrored where no second one is there, so that a
    long stretch is not one short frame over and over.
    """
    rows, width = size
    pieces: list[Image] = []
    while sum(len(piece) for piece in pieces) < rows:
        belt = belts[int(rng.integers(len(belts)))]
        pieces.append(_piece(rng, belt, width, px_per_mm))
    ground = pieces[0].astype(np.float32)
    for piece in pieces[1:]:
        fade = max(1, min(24, len(piece) // 3, len(ground) // 3))
        share = np.linspace(0, 1, fade, dtype=np.float32)[:, None, None]
        mixed = ground[-fade:] * (1 - share) + piece[:fade] * share
        ground = np.concatenate([ground[:-fade], mixed, piece[fade:]])
    if len(ground) < rows:
        ground = np.pad(ground, ((0, rows - len(ground)), (0, 0), (0, 0)), mode="symmetric")
    return np.asarray(ground[:rows].clip(0, 255), np.uint8)


def _piece(rng: np.random.Generator, belt: RealBelt, width: int, px_per_mm: float) -> Image:
    """One frame scaled to the width of the stretch; a wider one is cut at random."""
    image = belt.pixels
    if belt.place != PLANT and image.shape[1] > image.shape[0] * 1.4 and rng.random() < 0.7:
        image = np.ascontiguousarray(np.rot90(image))  # these belts run across the picture
    if belt.px_per_mm is not None:
        scale = px_per_mm / belt.px_per_mm * rng.uniform(0.9, 1.1)
        scale = max(scale, width / image.shape[1])
    else:
        scale = width / image.shape[1] * float(np.exp(rng.uniform(0, 0.7)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    x = int(rng.integers(image.shape[1] - width + 1)) if image.shape[1] > width else 0
    image = image[:, x : x + width]
    if image.shape[1] < width:
        image = np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), mode="symmetric")
    return image[::-1] if rng.random() < 0.3 else image
