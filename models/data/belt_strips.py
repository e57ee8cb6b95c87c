"""Training images cut from path-traced strips of belt, with objects in contact.

A scene of cut-outs has no contact, no common light and no waste that leans on other waste; a
traced strip has. `vigitri twin trace` makes strips, from plans that are not used for evaluation.
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

_ZOOM = (0.6, 1.0, 1.45)  # px per mm: minimum, mode, maximum
_SEEN, _UNSEEN = 0.35, 0.1
"""Visible share from which a hazard is labelled, and up to which it is ignored. An image with a
hazard between the two is rejected, because neither would be right."""
_LEAST_PX = 9
_TRIES = 40


@dataclass(frozen=True, eq=False)
class TracedStrip:
    """One strip. image: (h, w, 3) uint8 BGR; seen: (h, w) uint16, object id of each pixel.

    hazards: id to class and the object's area in px without occlusion; places: (n, 2) x, y px
    of the centres around which images are cut.
    """

    image: Image
    seen: NDArray[np.uint16]
    px_per_mm: float
    hazards: dict[int, tuple[int, float]]
    places: NDArray[np.float64]


def read_strips(folder: Path) -> list[TracedStrip]:
    """Every strip in a folder of bundles, by name. Raises `WorkshopError` if there is none."""
    bundles = sorted(path.parent for path in folder.glob("*/strip.json"))
    if not bundles:
        raise WorkshopError(
            f"{folder}: no traced strip; make one with `vigitri twin trace PLAN.toml -o "
            f"{folder}/NAME`, from the plans in twin/traced/plans/training"
        )
    return [read_strip(bundle) for bundle in bundles]


def read_strip(bundle: Path) -> TracedStrip:
    """The strip of one bundle. Raises `WorkshopError`."""
    try:
        facts = read_facts(bundle)
        image, seen = (read_layer(bundle, facts, layer) for layer in ("picture", "seen"))
    except BundleError as error:
        raise WorkshopError(str(error)) from error
    hazards = {
        item.id: (CLASS_NAMES.index(item.hazard), item.pixels_alone)
        for item in facts.objects
        if item.hazard is not None
    }
    places = np.array(
        [
            ((facts.end_mm - item.at_mm) * facts.px_per_mm, item.x_mm * facts.px_per_mm)
            for item in facts.objects
            if item.pixels_seen > 0
        ]
    ).reshape(-1, 2)
    return TracedStrip(image, seen, facts.px_per_mm, hazards, places)


def strip_scene(rng: Rng, strips: Sequence[TracedStrip], size: int) -> Scene:
    """Cut one square image of `size` px out of a strip, mostly around an object.

    The same generator state gives the same scene. Raises `WorkshopError` if all tried images have a
    half-hidden hazard.
    """
    for _ in range(_TRIES):
        strip = strips[int(rng.integers(len(strips)))]
        px_per_mm = float(np.exp(rng.triangular(*np.log(_ZOOM))))
        reach = size * strip.px_per_mm / px_per_mm
        middle = _random_position(rng, strip, reach)
        image, seen = _cut(strip, middle, round(reach))
        found = _boxes(strip, seen, size / len(seen))
        if found is None:
            continue
        method = cv2.INTER_AREA if len(seen) > size else cv2.INTER_LINEAR
        small = cv2.resize(image, (size, size), interpolation=method)
        return _turned(rng, Scene(filmed(rng, small.astype(np.float32)), *found))
    raise WorkshopError(
        "all images of the traced strips have half-hidden hazards: trace a strip with less on it"
    )


def _random_position(rng: Rng, strip: TracedStrip, reach: float) -> tuple[float, float]:
    """Centre of an image: mostly with an object somewhere in it; else at random."""
    height, width = strip.seen.shape
    if len(strip.places) and rng.random() < 0.8:
        x, y = strip.places[int(rng.integers(len(strip.places)))]
        x, y = np.array([x, y]) + rng.uniform(-0.42, 0.42, 2) * reach
    else:
        x, y = rng.uniform(0, [width, height])
    # Beside the belt is grey, of which a line's view shows little.
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
    image[to], seen[to] = strip.image[y0:y1, x0:x1], strip.seen[y0:y1, x0:x1]
    return image, seen


def _boxes(
    strip: TracedStrip, seen: NDArray[np.uint16], scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """`(n, 5)` class, x0, y0, x1, y1 and `(n,)` visible shares; None: rejected."""
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
    """A quarter turn for half of them, and a mirror for half: a belt may run in any direction."""
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
