"""The crops that a verifier is trained, tuned and measured on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from detector.vision.crops import has_area
from models.data.photographs import masked
from models.data.sources import Boxes, Image, read_image, reduced
from models.data.textures import Rng
from models.verifier.answered import answered_crops
from models.verifier.kinds import Kinds
from models.verifier.laying import Layer
from models.verifier.material import COMPUTED, SIDES, Material, Picture
from models.verifier.mining import read_mined
from models.verifier.pack import STORED_PX, Crop, stored_crop, write_pack
from models.verifier.recipe import VerifierRecipe
from models.verifier.strip_crops import CropStrip, object_crops, proposed_crops
from models.workshop import WorkshopError, progress_on_stderr

_OTHER_SIDES = 5
"""Tuning and held-out side get as many crops as the training side divided by this."""
_LENGTH_PX = (24.0, 220.0)
_LEAST_PX = 14.0
_MOST_MINED = 8
_BY_CLASS = {0: "gas", 1: "battery"}


def stored_context(recipe: VerifierRecipe) -> float:
    """Side of a stored crop / longest side of the box: room for jitter around the shown part."""
    return recipe.context * STORED_PX / recipe.input_px


def build(
    material: Material,
    recipe: VerifierRecipe,
    kinds: Kinds,
    mined: Path,
    out: Path,
    *,
    strips: Sequence[CropStrip] = (),
    mined_strips: Path | None = None,
    answers: Sequence[Path] = (),
) -> list[Path]:
    """Write the crops of all sides as packs, by how they are made; a finished pack is kept.

    mined, mined_strips: what `mining` and `strip_crops` have written. answers: folders of answered
    alerts, a pack each.
    """
    cv2.setNumThreads(1)  # crops are small
    out.mkdir(parents=True, exist_ok=True)
    parts = {
        "laid": _laid_crops(material, recipe, kinds),
        "computed": _computed_crops(material, recipe, kinds),
        "labelled": _labelled_crops(material, recipe),
        "mined": _mined_crops(material, recipe, mined),
    }
    if strips and mined_strips is not None:
        parts["strips"] = _strip_crops(strips, recipe, mined_strips)
    for folder in answers:
        parts[folder.name] = answered_crops(folder, kinds, stored_context(recipe))
    paths = [out / f"{part}.npz" for part in parts]
    for path, crops in zip(paths, parts.values(), strict=True):
        if not path.is_file():
            write_pack(path, crops)
    return paths


def _laid_crops(material: Material, recipe: VerifierRecipe, kinds: Kinds) -> Iterator[Crop]:
    for number, side in enumerate(SIDES):
        rng = np.random.default_rng([recipe.seed, number])
        yield from _laid(rng, material, recipe, kinds, side)


def _computed_crops(material: Material, recipe: VerifierRecipe, kinds: Kinds) -> Iterator[Crop]:
    """Path-traced and drawn objects alone, hazards and look-alikes as often."""
    for number, side in enumerate(SIDES):
        rng = np.random.default_rng([recipe.seed, 10 + number])
        things = [thing for thing in material.things if thing.side == side]
        grounds = [picture for picture in material.harmless if picture.side == side]
        computed = [thing for thing in things if thing.source in COMPUTED]
        layer = Layer(computed, grounds, kinds, stored_context(recipe))
        part = 1 if side == "train" else _OTHER_SIDES
        for hazard, count in recipe.crops.computed.items():
            for _ in range(count // part if layer.has(hazard) else 0):
                crop = layer.crop(rng, hazard)
                if crop is not None:
                    yield crop


def _labelled_crops(material: Material, recipe: VerifierRecipe) -> Iterator[Crop]:
    rng = np.random.default_rng([recipe.seed, len(SIDES)])
    for picture in material.labelled:
        yield from labelled(rng, picture, recipe.crops.labelled_copies, stored_context(recipe))


def _mined_crops(material: Material, recipe: VerifierRecipe, mined: Path) -> Iterator[Crop]:
    found = read_mined(mined)
    for picture in material.harmless:
        yield from _mined(picture, found, recipe.crops.mined_score, stored_context(recipe))


def _strip_crops(
    strips: Sequence[CropStrip], recipe: VerifierRecipe, mined: Path
) -> Iterator[Crop]:
    rng = np.random.default_rng([recipe.seed, 20])
    show = progress_on_stderr()
    for number, strip in enumerate(strips, 1):
        yield from object_crops(rng, strip, recipe.crops.strip_copies, stored_context(recipe))
        yield from proposed_crops(rng, strip, mined, stored_context(recipe))
        show("crops of strips", number, len(strips))


def _laid(
    rng: Rng, material: Material, recipe: VerifierRecipe, kinds: Kinds, side: str
) -> Iterator[Crop]:
    part = 1 if side == "train" else _OTHER_SIDES
    things = [t for t in material.things if t.side == side and t.source != "drawn"]
    grounds = [picture for picture in material.harmless if picture.side == side]
    layer = Layer(things, grounds, kinds, stored_context(recipe))
    wanted = [
        hazard
        for hazard, count in recipe.crops.laid.items()
        if side == "train" or layer.has(hazard)
        for _ in range(count // part)
    ]
    show = progress_on_stderr()
    for number, hazard in enumerate(wanted, 1):
        crop = layer.crop(rng, hazard)
        if crop is not None:
            yield crop
        show(f"crops laid, {side}", number, len(wanted))
    for _ in range(recipe.crops.background // part if grounds else 0):
        yield layer.background(rng)


def labelled(rng: Rng, picture: Picture, copies: int, context: float) -> Iterator[Crop]:
    """Crops of a picture's boxes, each at another size; of a harmless picture, the whole of it."""
    scene = masked(read_image(picture.path), picture.boxes)
    for row in _boxes_or_whole(scene.boxes, scene.image):
        name = _BY_CLASS[int(row[0])] if picture.name == "by_class" else picture.name
        longest = float(max(row[3] - row[1], row[4] - row[2]))
        if longest < _LEAST_PX:
            continue
        for copy in range(copies):
            wanted = float(np.exp(rng.uniform(*np.log(_LENGTH_PX)))) if copy else longest
            scale = min(1.0, wanted / longest)
            pixels = stored_crop(reduced(scene.image, scale), row[1:] * scale, context)
            length = longest * scale
            yield Crop(pixels, name, picture.side, picture.source, "labelled", length)


def _boxes_or_whole(boxes: Boxes, image: Image) -> Sequence[Boxes]:
    if len(boxes):
        return list(boxes)
    height, width = image.shape[:2]
    whole = (-1, 0.05 * width, 0.05 * height, 0.95 * width, 0.95 * height)
    return [np.array(whole, np.float32)]


def _mined(
    picture: Picture, found: dict[str, list[list[float]]], min_score: float, context: float
) -> Iterator[Crop]:
    rows = found.get(f"{picture.path.parent.name}/{picture.path.name}", [])
    rows = sorted((row for row in rows if row[4] >= min_score), key=lambda row: -row[4])
    if not rows:
        return
    image = read_image(picture.path)
    for row in rows[:_MOST_MINED]:
        box = np.array(row[:4], np.float32)
        length = float(max(box[2] - box[0], box[3] - box[1]))
        if length < _LEAST_PX / 2:
            continue
        if not has_area((box[0], box[1], box[2], box[3]), (image.shape[1], image.shape[0])):
            raise WorkshopError(
                f"{picture.path}: a mined box has no area in it, {box.tolist()} px: it was mined "
                "from other pictures; delete mined.json, and they are mined again"
            )
        pixels = stored_crop(image, box, context)
        source = picture.place or picture.source
        yield Crop(pixels, picture.name, picture.side, source, "mined", length, float(row[4]))
