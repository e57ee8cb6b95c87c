"""Training pictures cut from path-traced strips of belt: things as they come to lie together.

A scene of cut-outs knows no contact, no common light and no waste that leans on other waste; a
traced strip does. `vigitri twin trace` makes them, from plans that nothing is measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.composites import Scene, filmed
from models.data.sources import CLASS_NAMES, GREY, Image
from models.data.textures import Rng
from models.workshop import WorkshopError
from twin.traced.bundle import BundleError, read_facts, read_layer

_ZOOM = (0.6, 1.0, 1.45)  # px per mm: least, most often, most
_SEEN, _UNSEEN = 0.35, 0.1
"""Of a thing: a share from which it is to be found, and one up to which nobody could. Pictures
that show a share between the two of anything are not taken: what is right there is a wager."""
_LEAST_PX = 9
_TRIES = 40


@dataclass(frozen=True, eq=False)
class TracedStrip:
    """One strip. picture: (h, w, 3) uint8 BGR; seen: (h, w) uint16, whose each pixel is.

    hazards: id to class and the pixels that the thing covers when it lies alone; places: (n, 2)
    x, y px of the middles of what a picture may be cut around.
    """

    picture: Image
    seen: NDArray[np.uint16]
    px_per_mm: float
    hazards: dict[int, tuple[int, float]]
    places: NDArray[np.float64]


def read_strips(folder: Path) -> list[TracedStrip]:
    """Every strip in a folder of bundles, by name. Raises `WorkshopError` where there is none."""
    bundles = sorted(path.parent for path in folder.glob("*/strip.json"))
    if not bundles:
        raise WorkshopError(
            f"{folder}: no traced strip; make some with `vigitri twin trace PLAN.toml -o "
            f"{folder}/NAME`, from the plans in twin/traced/plans/training"
        )
    return [_read(bundle) for bundle in bundles]


def _read(bundle: Path) -> TracedStrip:
    try:
        facts = read_facts(bundle)
        picture, seen = (read_layer(bundle, facts, layer) for layer in ("picture", "seen"))
    except BundleError as error:
        raise WorkshopError(str(error)) from error
    hazards = {
        thing.id: (CLASS_NAMES.index(thing.hazard), thing.pixels_alone)
        for thing in facts.things
        if thing.hazard is not None
    }
    places = np.array(
        [
            ((facts.end_mm - thing.at_mm) * facts.px_per_mm, thing.x_mm * facts.px_per_mm)
            for thing in facts.things
            if thing.pixels_seen > 0
        ]
    ).reshape(-1, 2)
    return TracedStrip(picture, seen, facts.px_per_mm, hazards, places)


def strip_scene(rng: Rng, strips: Sequence[TracedStrip], size: int) -> Scene:
    """Cut one square picture of `size` px out of a strip, around something that lies there.

    The same generator state gives the same scene. Raises `WorkshopError` if the strips show
    nothing but things half hidden.
    """
    for _ in range(_TRIES):
        strip = strips[int(rng.integers(len(strips)))]
        px_per_mm = float(np.exp(rng.triangular(*np.log(_ZOOM))))
        reach = size * strip.px_per_mm / px_per_mm
        middle = _somewhere(rng, strip, reach)
        image, seen = _cut(strip, middle, round(reach))
        found = _boxes(strip, seen, size / len(seen))
        if found is None:
            continue
        method = cv2.INTER_AREA if len(seen) > size else cv2.INTER_LINEAR
        small = cv2.resize(image, (size, size), interpolation=method)
        return _turned(rng, Scene(filmed(rng, small.astype(np.float32)), *found))
    raise WorkshopError("the traced strips show nothing but things half hidden: trace a calmer one")


def _somewhere(rng: Rng, strip: TracedStrip, reach: float) -> tuple[float, float]:
    """Mostly around a thing, wherever in the picture it comes to lie; else anywhere."""
    height, width = strip.seen.shape
    if len(strip.places) and rng.random() < 0.8:
        x, y = strip.places[int(rng.integers(len(strip.places)))]
        x, y = np.array([x, y]) + rng.uniform(-0.42, 0.42, 2) * reach
    else:
        x, y = rng.uniform(0, [width, height])
    # Beside the belt lies grey, of which a line's view shows little.
    rim = reach * 0.35
    return float(np.clip(x, rim, width - rim)), float(np.clip(y, rim, height - rim))


def _cut(
    strip: TracedStrip, middle: tuple[float, float], reach: int
) -> tuple[Image, NDArray[np.uint16]]:
    height, width = strip.seen.shape
    image = np.full((reach, reach, 3), GREY, np.uint8)
    seen = np.zeros((reach, reach), np.uint16)
    left, top = round(middle[0] - reach / 2), round(middle[1] - reach / 2)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + reach, width), min(top + reach, height)
    to = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    image[to], seen[to] = strip.picture[y0:y1, x0:x1], strip.seen[y0:y1, x0:x1]
    return image, seen


def _boxes(
    strip: TracedStrip, seen: NDArray[np.uint16], scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """`(n, 5)` class, x0, y0, x1, y1 and `(n,)` shares seen; None: not to be learned from."""
    boxes, shares = [], []
    for number, (label, alone) in strip.hazards.items():
        mask = seen == number
        count = int(np.count_nonzero(mask))
        share = count / max(alone, 1.0)
        if share <= _UNSEEN:
            continue
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        if share < _SEEN or max(w, h) * scale < _LEAST_PX:
            return None
        boxes.append((label, x * scale, y * scale, (x + w) * scale, (y + h) * scale))
        shares.append(min(1.0, share))
    return np.array(boxes, np.float32).reshape(-1, 5), np.array(shares, np.float32)


def _turned(rng: Rng, scene: Scene) -> Scene:
    """A quarter turn for half of them, and a mirror for half: a belt may run any way."""
    image, boxes = scene.image, scene.boxes.copy()
    size = image.shape[0]
    if rng.random() < 0.5:
        image = np.rot90(image)
        boxes[:, 1:] = np.stack(
            [boxes[:, 2], size - boxes[:, 3], boxes[:, 4], size - boxes[:, 1]], axis=1
        )
    if rng.random() < 0.5:
        image = image[::-1]
        boxes[:, [2, 4]] = size - boxes[:, [4, 2]]
    return Scene(np.ascontiguousarray(image), boxes, scene.visible)
