"""Crops of path-traced strips, where objects lie in contact and in one light."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.engine import Engine
from models.data.sources import Image, reduced
from models.data.strip_objects import objects_on_strip
from models.data.textures import Rng
from models.evaluation.image_sets import padded
from models.evaluation.scoring import IOU, overlaps
from models.verifier.pack import Crop, stored_crop
from models.workshop import WorkshopError, progress_on_stderr
from twin.traced.bundle import BundleError, Facts, read_facts, read_layer

FOLDER = "strips"
_HELD_IN = 6
"""Of as many strips one is held out and one is for tuning."""
_SEEN = 0.35
"""Minimum visible share of an object that gets a crop."""
_LEAST_PX = 12.0
_SCALES = (1.0, 0.67)
"""Of the strip: scales at which proposals are mined, about 1 and 1.5 mm/px."""
_WINDOW_PX, _STEP_PX = 832, 704
_PART, _TOUCHED = 0.3, 0.08
"""A proposal is harmless if it overlaps no hazard by this IoU and contains hazards on no more than
this share of its area."""
_MOST_PER_STRIP = 160


@dataclass(frozen=True)
class CropStrip:
    """A bundle and the side that it is on."""

    path: Path
    side: str

    @cached_property
    def facts(self) -> Facts:
        """Its ground truth."""
        return read_facts(self.path)

    def layers(self) -> tuple[Image, NDArray[np.uint16]]:
        """Image and the object id of each pixel. Raises `WorkshopError`."""
        try:
            image, seen = (read_layer(self.path, self.facts, name) for name in ("picture", "seen"))
        except BundleError as error:
            raise WorkshopError(str(error)) from error
        return image, seen

    def objects(self, seen: NDArray[np.uint16]) -> tuple[NDArray[np.float32], list[str | None]]:
        """(n, 4) boxes in px of what is visible of each object, by number from 1, and hazards."""
        boxes = np.zeros((len(self.facts.objects), 4), np.float32)
        for place, item in enumerate(self.facts.objects):
            rows, columns = np.nonzero(seen == item.id)
            if len(rows):
                boxes[place] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return boxes, [item.hazard for item in self.facts.objects]


def strips_of(renders: Path | None) -> list[CropStrip]:
    """The traced strips in `renders/strips`, by name; sides as for other traced objects."""
    bundles = sorted((renders / FOLDER).glob("*/strip.json")) if renders else []
    sides = {0: "held", 1: "tuning"}
    return [
        CropStrip(path.parent, sides.get(number % _HELD_IN, "train"))
        for number, path in enumerate(bundles)
    ]


def object_crops(rng: Rng, strip: CropStrip, copies: int, context: float) -> Iterator[Crop]:
    """Crops of every visible object, the first at the strip's scale, others reduced."""
    image, seen = strip.layers()
    boxes, _ = strip.objects(seen)
    for item, box in zip(strip.facts.objects, boxes, strict=True):
        longest = float(max(box[2] - box[0], box[3] - box[1]))
        if item.pixels_seen < _SEEN * item.pixels_alone or longest < _LEAST_PX:
            continue
        for copy in range(copies):
            scale = float(rng.uniform(0.5, 1)) if copy else 1.0
            part, corner = _around(image, box, context)
            pixels = stored_crop(reduced(part, scale), (box - corner) * scale, context)
            yield Crop(pixels, item.kind, strip.side, "strips", "traced", longest * scale)


def mine_strips(engine: Engine, strips: list[CropStrip], min_score: float, out: Path) -> Path:
    """Write the detector's proposals on each strip as JSON, by name: rows `x0, y0, x1, y1, score`.

    An interrupted run goes on.
    """
    found = json.loads(out.read_text()) if out.is_file() else {}
    show = progress_on_stderr()
    for number, strip in enumerate(strips, 1):
        if strip.path.name not in found:
            rows = _proposed(engine, strip.layers()[0], min_score)
            found[strip.path.name] = [[round(float(value), 3) for value in row] for row in rows]
            partial = out.with_suffix(".part")
            partial.write_text(json.dumps(found))
            partial.replace(out)
        show("mined strips", number, len(strips))
    return out


def _proposed(engine: Engine, strip: Image, min_score: float) -> list[NDArray[np.float32]]:
    rows = []
    for scale in _SCALES:
        image = reduced(strip, scale)
        for left in range(0, max(1, image.shape[1] - _WINDOW_PX + _STEP_PX), _STEP_PX):
            window = np.ascontiguousarray(image[:, left : left + _WINDOW_PX])
            boxes = engine.detect(padded(window), min_score)
            if len(boxes):
                moved = (boxes.boxes_px + np.array([left, 0, left, 0], np.float32)) / scale
                rows += list(np.column_stack([moved, boxes.scores]))
    return rows


def proposed_crops(rng: Rng, strip: CropStrip, mined: Path, context: float) -> Iterator[Crop]:
    """Crops of the detector's boxes on a strip: a hazard's, or harmless; a part of one is neither.

    A harmless one has the kind of the object that fills most of it.
    """
    rows = np.array(json.loads(mined.read_text()).get(strip.path.name, []), np.float32)
    if not len(rows):
        return
    image, seen = strip.layers()
    boxes, hazards = strip.objects(seen)
    is_hazard = np.array([hazard is not None for hazard in hazards])
    by_id = np.zeros(max(item.id for item in strip.facts.objects) + 1, bool)
    by_id[[item.id for item in strip.facts.objects]] = is_hazard
    kind_of = {item.id: item.kind for item in strip.facts.objects}
    chosen = rng.permutation(len(rows))[:_MOST_PER_STRIP]
    for row in rows[chosen]:
        box, score = row[:4], float(row[4])
        longest = float(max(box[2] - box[0], box[3] - box[1]))
        if longest < _LEAST_PX:
            continue
        shared = overlaps(box[None], boxes)[0][0] * is_hazard
        inside = _inside(seen, box)
        if shared.max(initial=0) >= IOU:
            name = strip.facts.objects[int(shared.argmax())].kind
        elif shared.max(initial=0) >= _PART or by_id[inside].mean() > _TOUCHED:
            continue
        else:
            name = _filling(inside, kind_of)
        part, corner = _around(image, box, context)
        pixels = stored_crop(part, box - corner, context)
        yield Crop(pixels, name, strip.side, "strips", "traced_mined", longest, score)


def _around(
    image: Image, box: NDArray[np.float32], context: float
) -> tuple[Image, NDArray[np.float32]]:
    """The part of a strip that a crop may show, and its first pixel as (x, y, x, y)."""
    reach = context * max(box[2] - box[0], box[3] - box[1]) / 2 + 4
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    part = image[top : int(y + reach) + 1, left : int(x + reach) + 1]
    return part, np.array([left, top, left, top], np.float32)


def _inside(seen: NDArray[np.uint16], box: NDArray[np.float32]) -> NDArray[np.uint16]:
    x0, y0, x1, y1 = np.maximum(box, 0).round().astype(int)
    part = seen[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return part if part.size else np.zeros((1, 1), np.uint16)


def _filling(inside: NDArray[np.uint16], kind_of: dict[int, str]) -> str:
    ids, counts = np.unique(inside, return_counts=True)
    most = int(counts.argmax())
    if counts[most] < 0.5 * inside.size:
        return "none"
    return kind_of.get(int(ids[most]), "belt")


def write_strip_bank(renders: Path, strips: list[CropStrip]) -> None:
    """Cut the strips' unobstructed objects out, in the form of `vigitri twin cutouts`."""
    for strip in strips:
        folder = renders / f"bank_{strip.path.name}"
        if (folder / "index.jsonl").is_file():
            continue
        lines = []
        for number, (kind, label, image, px_per_mm) in enumerate(objects_on_strip(strip.path)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            file = f"{kind}/{kind}_{number:05d}.webp"
            cv2.imwrite(str(folder / file), image)
            entry = {
                "file": file, "kind": kind, "hazard": label, "side": strip.side,
                "length_mm": max(image.shape[:2]) / px_per_mm, "px_per_mm": px_per_mm,
            }  # fmt: skip
            lines.append(json.dumps(entry))
        if lines:
            (folder / "index.jsonl").write_text("\n".join(lines) + "\n")
