"""Crops of cut-outs that are laid on belts and harmless pictures, among neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from models.data.composites import Canvas, filmed
from models.data.cutting import posed, weathered
from models.data.sources import BATTERY, GAS, GREY, Image, read_image
from models.data.textures import Rng, belt, fit, plain
from models.verifier.kinds import Kinds
from models.verifier.material import Picture, Thing
from models.verifier.pack import Crop, stored_crop
from models.workshop import WorkshopError

_PX_PER_MM = (0.5, 1.8)
_LENGTH_PX = (22.0, 190.0)
_BARE_BELTS = ("mine_belts_cl", "amazon_belt_underside")
_LABELS = {"gas": GAS, "battery": BATTERY, "none": -1}


class Layer:
    """Lays the cut-outs of one side."""

    def __init__(
        self, things: Sequence[Thing], grounds: Sequence[Picture], kinds: Kinds, stored: float
    ) -> None:
        """`stored`: side of a stored crop / longest side of the box."""
        self._kinds, self._stored, self._grounds = kinds, stored, grounds
        self._all = [t for t in things if t.path.is_file()]
        self._by: dict[str, dict[str, dict[str, list[Thing]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(list))
        )
        for thing in self._all:
            meant = "/".join(sorted(kinds.meanings[thing.name]))
            self._by[kinds.hazard(thing.name)][meant][thing.source].append(thing)

    def has(self, hazard: str) -> bool:
        """Whether this side has cut-outs of a hazard."""
        return bool(self._by[hazard])

    def pick(self, rng: Rng, hazard: str) -> Thing:
        """A cut-out of a hazard: rare kinds and sources as often as the square root of a number."""
        kinds = self._by[hazard]
        if not kinds:
            raise WorkshopError(f"no cut-outs of {hazard} on this side; check the data folder")
        kind = _weighted(rng, {k: sum(map(len, v.values())) for k, v in kinds.items()})
        source = _weighted(rng, {k: len(v) for k, v in kinds[kind].items()})
        things = kinds[kind][source]
        return things[int(rng.integers(len(things)))]

    def crop(self, rng: Rng, hazard: str) -> Crop | None:
        """One crop; None: the object came out too small or hidden."""
        thing = self.pick(rng, hazard)
        scale = float(np.exp(rng.uniform(*np.log(_PX_PER_MM)))) * rng.uniform(0.8, 1.2)
        longest = float(np.clip(thing.longest_mm * scale, *_LENGTH_PX))
        if rng.random() < 0.25:  # any length, since a camera may be nearer, or a thing larger
            longest = float(np.exp(rng.uniform(*np.log(_LENGTH_PX))))
        side = int(longest * 1.68) + 8
        canvas = Canvas(rng, self._ground(rng, side))
        for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.35, 0.3, 0.2, 0.15]))):
            self._neighbour(rng, canvas, side, longest, 0.75 * longest)
        label = _LABELS[hazard]
        cutout = weathered(rng, posed(rng, _pixels(thing.path), longest), label, canvas.level)
        own = canvas.place(cutout, abs(label), (side / 2, side / 2))
        if own is None:
            return None
        if rng.random() < 0.3:
            self._neighbour(rng, canvas, side, longest, 0.35 * longest)
        seen = np.asarray(canvas.owner == own, np.uint8)
        x, y, w, h = cv2.boundingRect(seen)
        if np.count_nonzero(seen) < 0.3 * canvas.full[own] or max(w, h) < 12:
            return None
        image = _moved(rng, canvas.image, longest)
        box = np.array([x, y, x + w, y + h], np.float32)
        pixels = stored_crop(_masked(rng, filmed(rng, image)), box, self._stored)
        return Crop(pixels, thing.name, thing.side, thing.source, "laid", float(max(w, h)))

    def _neighbour(
        self, rng: Rng, canvas: Canvas, side: int, longest: float, distance: float
    ) -> None:
        hazard = ("none", "none", "battery", "gas")[int(rng.integers(4))]
        if not self.has(hazard):
            return
        other = self.pick(rng, hazard)
        size = float(np.clip(longest * np.exp(rng.normal(0, 0.5)), 14, 1.2 * longest))
        label = _LABELS[self._kinds.hazard(other.name)]
        cutout = weathered(rng, posed(rng, _pixels(other.path), size), label, canvas.level)
        angle = rng.uniform(0, 2 * np.pi)
        reach = distance * rng.uniform(0.9, 1.5)
        middle = side / 2 + reach * np.cos(angle), side / 2 + reach * np.sin(angle)
        canvas.place(cutout, -1, (float(middle[0]), float(middle[1])))

    def background(self, rng: Rng) -> Crop:
        """A crop of belts and harmless pictures anywhere."""
        picture = self._grounds[int(rng.integers(len(self._grounds)))]
        image = _ground_pixels(picture.path)
        side = float(np.exp(rng.uniform(np.log(30), np.log(min(image.shape[:2]) * 0.8))))
        x, y = (rng.uniform(0, max(1.0, length - side)) for length in image.shape[1::-1])
        box = np.array([x, y, x + side, y + side * rng.uniform(0.4, 1)], np.float32)
        pixels = stored_crop(image, box, self._stored)
        name = "belt" if picture.place in _BARE_BELTS else "none"
        source = picture.place or picture.source
        return Crop(pixels, name, picture.side, source, "background", side)

    def _ground(self, rng: Rng, side: int) -> Image:
        draw = rng.random()
        if draw < 0.2 or not self._grounds:
            return belt(rng, (side, side))
        if draw < 0.28:
            return plain(rng, (side, side))
        image = _ground_pixels(self._grounds[int(rng.integers(len(self._grounds)))].path)
        scale = max(rng.uniform(0.4, 1.2), side / min(image.shape[:2]))
        ground = fit(rng, image, (side, side), scale)
        if rng.random() < 0.4:  # another rubber or lamp
            tint = rng.uniform(0.6, 1.5) + rng.normal(0, 0.08, 3)
            ground = np.asarray((ground * tint).clip(0, 255), np.uint8)
        return ground


def _weighted(rng: Rng, counts: dict[str, int]) -> str:
    names = list(counts)
    weights = np.sqrt([counts[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


@lru_cache(maxsize=3000)
def _pixels(path: Path) -> Image:
    image = read_image(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 3 or image.shape[2] != 4:
        raise WorkshopError(f"{path}: a cut-out needs an alpha channel")
    return image


@lru_cache(maxsize=1500)
def _ground_pixels(path: Path) -> Image:
    return read_image(path)


def _moved(rng: Rng, image: np.ndarray, longest: float) -> np.ndarray:
    """Blur along the travel; up to an eighth of the object's length."""
    if rng.random() < 0.3:
        length = max(2, int(rng.uniform(0.02, 0.12) * longest))
        shape = (1, length) if rng.random() < 0.5 else (length, 1)
        image = cv2.blur(image, shape).astype(np.float32)
    return image


def _masked(rng: Rng, image: Image) -> Image:
    """Now and then the grey beyond a belt's edge."""
    if rng.random() < 0.1:
        length = len(image)
        slant = rng.uniform(-0.1, 0.1)
        edge = rng.uniform(0.02, 0.2) + slant * np.linspace(-0.5, 0.5, length)[:, None]
        outside = np.arange(length)[None] / length < edge
        image[np.rot90(outside, int(rng.integers(4)))] = GREY
    return image
