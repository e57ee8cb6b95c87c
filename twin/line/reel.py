"""The section of belt that the camera needs, joined from strips; passed sections are dropped.

Positions are as in `strip`: column 0 is upstream, at `end_mm`. Memory is bounded by two strips and
one view, however far the belt runs.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import Field
from twin.drawn.shading import Image
from twin.line.strip import PlacedObject, Strip

FADE_MM = 80.0
"""Two strips are blended over this length, because their rubber and light differ."""
EDGE_MM = 40.0
"""Material closer than this to a skirt hides its marks."""
_CELL_MM = 10.0


class Reel:
    """Belt from `start_mm` to `end_mm`; `extend_to` advances both.

    `image` uint8 BGR `(h, w, 3)`, `covered` bool `(h, w)`, `edges_mm` float32 `(2, w)`: height of
    the material at the left and right skirt. `objects` grows as strips are appended and drops
    objects that have passed; ids count up from 1 and are never reused.
    """

    def __init__(self, first: Strip, following: Iterator[Strip] | None = None) -> None:
        self.px_per_mm, self.width_mm = first.px_per_mm, first.width_mm
        self.end_mm = self.datum_mm = first.end_mm
        self.image: Image = first.image
        self.covered: NDArray[np.bool_] = first.covered
        self.edges_mm: Field = edge_heights(first)
        self.objects: list[PlacedObject] = []
        self.version = 0
        """Incremented whenever the arrays change."""
        self._following = following
        self._last_id = 0
        self._add_objects(first, 0)

    @property
    def start_mm(self) -> float:
        return float(self.end_mm - self.image.shape[1] / self.px_per_mm)

    def column(self, at_mm: float) -> float:
        return float((self.end_mm - at_mm) * self.px_per_mm)

    def extend_to(self, from_mm: float, to_mm: float) -> list[PlacedObject]:
        """Extends the belt to cover the range; returns the objects that were added."""
        known = self._last_id
        while self._following is not None and self.end_mm < to_mm:
            self._append(next(self._following), from_mm)
        if self._last_id == known:
            return []
        self.objects = [
            each
            for each in self.objects
            if each.id > known or float(each.outline_mm[:, 0].max()) >= from_mm
        ]
        return [each for each in self.objects if each.id > known]

    def _append(self, strip: Strip, from_mm: float) -> None:
        fresh = strip.image.shape[1]
        # The overlap depends on the strips alone: skipped and rendered belts are identical.
        fade = min(round(FADE_MM * self.px_per_mm), fresh // 2, self.image.shape[1] // 2)
        kept = min(self.image.shape[1], max(fade, ceil(self.column(from_mm)) + 1))
        bare = fresh - fade
        image = np.empty((self.image.shape[0], bare + kept, 3), np.uint8)
        image[:, :fresh] = strip.image
        image[:, fresh:] = self.image[:, fade:kept]
        weight = np.linspace(1, 0, fade, dtype=np.float32)[None, :, None]
        before = self.image[:, :fade].astype(np.float32)
        mixed = before + weight * (strip.image[:, bare:].astype(np.float32) - before)
        image[:, bare:fresh] = np.round(mixed).astype(np.uint8)
        covered = np.zeros(image.shape[:2], np.bool_)
        covered[:, :fresh] = strip.covered
        covered[:, bare:] |= self.covered[:, :kept]
        edges = np.zeros((2, image.shape[1]), np.float32)
        edges[:, :fresh] = edge_heights(strip)
        edges[:, bare:] = np.maximum(edges[:, bare:], self.edges_mm[:, :kept])
        self.image, self.covered, self.edges_mm = image, covered, edges
        self.end_mm += bare / self.px_per_mm
        self._add_objects(strip, round((self.datum_mm - self.end_mm) * self.px_per_mm))
        self.version += 1

    def _add_objects(self, strip: Strip, first_column: int) -> None:
        shift = self.end_mm - strip.end_mm
        for obj in strip.objects:
            self._last_id += 1
            self.objects.append(
                replace(
                    obj,
                    id=self._last_id,
                    at_mm=obj.at_mm + shift,
                    outline_mm=np.add(obj.outline_mm, (shift, 0.0)),
                    left=obj.left + first_column,
                )
            )


def mirror_strip(strip: Strip) -> Strip:
    """The strip turned end for end, which a detector sees as another strip.

    Never mirrored across: wear, dirt and light run along a belt, each at its own x_mm.
    """
    other = copy(strip)
    other.image = np.ascontiguousarray(strip.image[:, ::-1])
    other.covered = np.ascontiguousarray(strip.covered[:, ::-1])
    other.objects = [_mirror_object(each, strip) for each in strip.objects]
    return other


def _mirror_object(obj: PlacedObject, strip: Strip) -> PlacedObject:
    # The image is mirrored, so its columns determine both ends.
    both_ends_mm = 2 * strip.end_mm - strip.image.shape[1] / strip.px_per_mm
    outline = obj.outline_mm.copy()
    outline[:, 0] = both_ends_mm - outline[:, 0]
    return replace(
        obj, at_mm=both_ends_mm - obj.at_mm, angle_deg=180 - obj.angle_deg,
        outline_mm=outline, left=strip.image.shape[1] - obj.left - obj.visible_alpha.shape[1],
        visible_alpha=obj.visible_alpha[:, ::-1],
    )  # fmt: skip


def shift_strip(strip: Strip, by_mm: float) -> Strip:
    """The same strip further along the belt; the images are shared."""
    other = copy(strip)
    other.start_mm, other.end_mm = strip.start_mm + by_mm, strip.end_mm + by_mm
    other.objects = [
        replace(each, at_mm=each.at_mm + by_mm, outline_mm=np.add(each.outline_mm, (by_mm, 0.0)))
        for each in strip.objects
    ]
    return other


def edge_heights(strip: Strip) -> Field:
    """Height of the material along both skirts, float32 `(2, columns)` mm.

    Objects are stacked in the order of placement: each rests on the mean height below it,
    compressed by a fifth.
    """
    columns = strip.image.shape[1]
    long_mm = columns / strip.px_per_mm
    shape = (max(1, round(strip.width_mm / _CELL_MM)), max(1, ceil(long_mm / _CELL_MM)))
    heap = np.zeros(shape, np.float32)
    for obj in strip.objects:
        cells = np.stack(
            ((strip.end_mm - obj.outline_mm[:, 0]), obj.outline_mm[:, 1]), axis=1
        ) / _CELL_MM - 0.5  # fmt: skip
        pile(heap, cells, obj.height_mm)
    deep = max(1, round(EDGE_MM / _CELL_MM))
    edges = np.stack((heap[:deep].mean(axis=0), heap[-deep:].mean(axis=0)))
    return np.asarray(cv2.resize(edges, (columns, 2), interpolation=cv2.INTER_LINEAR), np.float32)


def pile(heap: Field, outline: NDArray[np.floating], height_mm: float) -> None:
    """Stacks an object of that height on a grid of cells; `outline` is `(n, 2)` (column, row)."""
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, heap.shape[::-1])
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round((outline - low) * 16).astype(np.int32), 1, shift=4)
    spot = heap[low[1] : high[1], low[0] : high[0]]
    inside = mask > 0
    if inside.any():
        top = 0.8 * float(spot[inside].mean()) + height_mm
        spot[inside] = np.maximum(spot[inside], np.float32(top))
