"""Objects cut out of path-traced strips of belt for scenes, without hours of rendering.

A strip's layer `seen` has the object id of each pixel, so every unobstructed object has an exact
outline, in the light of its surroundings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from models.data.sources import CLASS_NAMES, Image
from models.workshop import WorkshopError
from twin.traced.bundle import BundleError, Facts, read_facts, read_layer

_OPEN = 0.93
"""Minimum visible share: a partly covered object would include parts of its cover."""
_LEAST_MM, _LEAST_PX = 8.0, 200
_EDGE_PX = 0.6
"""Blur of the outline: a strip's pixel belongs to one object, a photograph's may mix two."""

ObjectImages = dict[tuple[str, int], list[tuple[Image, float]]]


def objects_on_strips(folder: Path) -> ObjectImages:
    """Unobstructed objects of a folder's bundles: (kind, class or -1) to BGRA images and px per mm.

    Raises `WorkshopError` for a bundle that cannot be read; without bundles the result is empty.
    """
    made: ObjectImages = defaultdict(list)
    for bundle in sorted(path.parent for path in folder.glob("*/strip.json")):
        for kind, label, item, px_per_mm in objects_on_strip(bundle):
            made[kind, label].append((item, px_per_mm))
    return made


def objects_on_strip(bundle: Path) -> Iterator[tuple[str, int, Image, float]]:
    """Kind, class or -1, BGRA image and px per mm of a bundle's unobstructed objects."""
    try:
        facts = read_facts(bundle)
        image, seen = (read_layer(bundle, facts, layer) for layer in ("picture", "seen"))
    except BundleError as error:
        raise WorkshopError(str(error)) from error
    for (kind, label), item in _objects(facts, image, seen):
        yield kind, label, item, facts.px_per_mm


def _objects(facts: Facts, image: Image, seen: Image) -> Iterator[tuple[tuple[str, int], Image]]:
    height, width = seen.shape
    for item in facts.objects:
        if item.pixels_seen < _OPEN * item.pixels_alone or item.pixels_seen < _LEAST_PX:
            continue
        # Search its pixels around its centre, not on the whole strip.
        reach = (np.hypot(item.length_mm, item.width_mm) / 2 + 30) * facts.px_per_mm
        x, y = (facts.end_mm - item.at_mm) * facts.px_per_mm, item.x_mm * facts.px_per_mm
        x0, x1 = max(0, int(x - reach)), min(width, int(x + reach) + 1)
        y0, y1 = max(0, int(y - reach)), min(height, int(y + reach) + 1)
        own = (seen[y0:y1, x0:x1] == item.id).astype(np.uint8)
        left, top, wide, high = cv2.boundingRect(own)
        at_rim = (
            x0 + left < 2 or y0 + top < 2 or x0 + left + wide > width - 2
            or y0 + top + high > height - 2
        )  # fmt: skip
        if at_rim or min(wide, high) < _LEAST_MM * facts.px_per_mm:
            continue
        pad = 2
        part = np.s_[
            y0 + top - pad : y0 + top + high + pad, x0 + left - pad : x0 + left + wide + pad
        ]
        mask = (seen[part] == item.id).astype(np.uint8) * 255
        alpha = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (0, 0), _EDGE_PX)
        label = CLASS_NAMES.index(item.hazard) if item.hazard is not None else -1
        yield (item.kind, label), np.dstack((image[part], alpha))
