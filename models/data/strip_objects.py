"""Things cut out of path-traced strips of belt, to be laid into scenes: a bank without its hours.

A strip's layer `seen` says of each pixel whose it is, so whatever lies open on it has an outline
that is exact, under the light of its neighbourhood.
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
"""Share of a thing that must be seen: what something lies on would bring that something along."""
_LEAST_MM, _LEAST_PX = 8.0, 200
_EDGE_PX = 0.6
"""Blur of the outline: a strip's pixel belongs to one thing, a photograph's to two."""

Made = dict[tuple[str, int], list[tuple[Image, float]]]


def things_on_strips(folder: Path) -> Made:
    """What lies open on a folder's bundles: (kind, class or -1) to BGRA pictures and px per mm.

    Raises `WorkshopError` for a bundle that cannot be read; a folder without any gives nothing.
    """
    made: Made = defaultdict(list)
    for bundle in sorted(path.parent for path in folder.glob("*/strip.json")):
        try:
            facts = read_facts(bundle)
            picture, seen = (read_layer(bundle, facts, layer) for layer in ("picture", "seen"))
        except BundleError as error:
            raise WorkshopError(str(error)) from error
        for key, thing in _things(facts, picture, seen):
            made[key].append((thing, facts.px_per_mm))
    return made


def _things(facts: Facts, picture: Image, seen: Image) -> Iterator[tuple[tuple[str, int], Image]]:
    height, width = seen.shape
    for thing in facts.things:
        if thing.pixels_seen < _OPEN * thing.pixels_alone or thing.pixels_seen < _LEAST_PX:
            continue
        # Where its middle is known, its pixels are sought there, and not on the whole strip.
        reach = (np.hypot(thing.length_mm, thing.width_mm) / 2 + 30) * facts.px_per_mm
        x, y = (facts.end_mm - thing.at_mm) * facts.px_per_mm, thing.x_mm * facts.px_per_mm
        x0, x1 = max(0, int(x - reach)), min(width, int(x + reach) + 1)
        y0, y1 = max(0, int(y - reach)), min(height, int(y + reach) + 1)
        own = (seen[y0:y1, x0:x1] == thing.id).astype(np.uint8)
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
        mask = (seen[part] == thing.id).astype(np.uint8) * 255
        alpha = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (0, 0), _EDGE_PX)
        label = CLASS_NAMES.index(thing.hazard) if thing.hazard is not None else -1
        yield (thing.kind, label), np.dstack((picture[part], alpha))
