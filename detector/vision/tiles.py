"""Splits a strip that is too wide for one inference pass into tiles, and merges their detections.

Neighbouring tiles overlap by the length of the longest object that must be seen whole, so that each
such object is whole in one of them. A box that is cut off by a tile's inner edge is dropped in
favour of the whole box in the neighbouring tile; an object longer than the overlap yields partial
boxes, which are joined. A strip has one scale, so all of this works in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.vision.belt_view import EDGE_PX
from detector.vision.detections import Detections, suppress_overlaps
from detector.vision.engine import Engine
from detector.vision.warp import OUTSIDE_GREY

WIDEST_PX = 1280
"""Default for the widest tile; see view.tile_px in docs/profile.md."""

_SAME_IOU = 0.6
"""Of two boxes of one class in neighbouring tiles that overlap more, the lower-scoring one is
dropped, as within one pass (`from_raw_head`)."""
_COVERED = 0.5
"""A cut box is dropped if more than this share of it is inside a whole box."""
_FACING = 0.5
"""Two cut boxes are parts of one object if they share more than this share of the rows of both, and
of the columns that both tiles show: an object that both tiles cut is longer than these."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Columns of a strip, first and end (exclusive), px."""

    left_px: int
    right_px: int


class Tiling:
    """Division of a belt view into tiles of equal width."""

    def __init__(
        self,
        width_px: int,
        overlap_px: int,
        stride: int,
        *,
        tile_px: int | None,
        fixed_px: int = 0,
        fixed_height_px: int = 0,
    ) -> None:
        """Args:
            width_px: Width of the view.
            overlap_px: Overlap of neighbouring tiles.
            stride: The model's stride, of which a tile's width is a multiple.
            tile_px: Widest tile; None: `WIDEST_PX`, or twice the overlap if that is more.
            fixed_px: The only width that the model takes; 0: any multiple of `stride`.
            fixed_height_px: The only height that it takes; 0: any multiple of `stride`.

        Raises:
            CalibrationError: Tiles would be narrower than 1.5 times their overlap.
        """
        widest_px = fixed_px or tile_px or max(WIDEST_PX, 2 * overlap_px)
        widest_px -= widest_px % stride
        if widest_px >= width_px:
            self.tiles = [Tile(0, width_px)]
        elif widest_px < 1.5 * overlap_px:
            raise CalibrationError(
                f"view.tile_px = {widest_px}: tiles overlap by view.object_mm, {overlap_px} px. "
                f"Give {_multiple(1.5 * overlap_px, stride)} px or more"
            )
        else:
            count = ceil((width_px - overlap_px) / (widest_px - overlap_px))
            even_px = _multiple((width_px + (count - 1) * overlap_px) / count, stride)
            wide_px = widest_px if fixed_px else min(widest_px, even_px)
            lefts = [round(n * (width_px - wide_px) / (count - 1)) for n in range(count)]
            self.tiles = [Tile(left, left + wide_px) for left in lefts]
        self._fixed_px = fixed_px, fixed_height_px
        self._buffer = np.empty((0, 0, 3), dtype=np.uint8)

    @property
    def width_px(self) -> int:
        """Width of each tile."""
        return self.tiles[0].right_px - self.tiles[0].left_px

    def fed_size_px(self, height_px: int) -> tuple[int, int]:
        """Width and height of the engine's images for a strip of this height: a model of a fixed
        size gets smaller tiles with a grey margin."""
        width_px, fixed_height_px = self._fixed_px
        return width_px or self.width_px, fixed_height_px or height_px

    def detect(self, engine: Engine, image: NDArray[np.uint8], min_score: float) -> Detections:
        """The detections in a strip, in the strip's px. `image`: `(h, w, 3)` uint8 BGR.

        Raises:
            EngineError: Inference failed on a tile; then the whole strip counts as unseen.
        """
        if len(self.tiles) == 1 and self.fed_size_px(len(image)) == (image.shape[1], len(image)):
            return engine.detect(image, min_score)
        return merged(
            [engine.detect(self._cut(image, tile), min_score) for tile in self.tiles],
            self.tiles,
        )

    def _cut(self, image: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
        """A tile's columns in contiguous memory, as engines require."""
        width_px, height_px = self.fed_size_px(len(image))
        if len(self._buffer) < height_px:
            self._buffer = np.full((height_px, width_px, 3), OUTSIDE_GREY, dtype=np.uint8)
        cut = self._buffer[:height_px]
        np.copyto(cut[: len(image), : self.width_px], image[:, tile.left_px : tile.right_px])
        cut[len(image) :] = OUTSIDE_GREY
        return cut


def merged(found: list[Detections], tiles: list[Tile]) -> Detections:
    """Merge the detections of each tile (in the tile's px) into those of the strip (in its px)."""
    boxes = np.concatenate(
        [
            each.boxes_px + np.array([tile.left_px, 0, tile.left_px, 0], dtype=np.float32)
            for each, tile in zip(found, tiles, strict=True)
        ]
    )
    scores = np.concatenate([each.scores for each in found])
    classes = np.concatenate([each.classes for each in found])
    tile_of = np.repeat(np.arange(len(tiles)), [len(each) for each in found])
    if len(np.unique(tile_of)) > 1:
        kept = _join_parts(boxes, scores, classes, tile_of, tiles)
        boxes, scores, classes = boxes[kept], scores[kept], classes[kept]
    order = np.argsort(-scores, kind="stable")
    return suppress_overlaps(Detections(boxes[order], scores[order], classes[order]), _SAME_IOU)


def _join_parts(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int64],
    tile_of: NDArray[np.int64],
    tiles: list[Tile],
) -> NDArray[np.bool_]:
    """Join partial boxes, in place in `boxes` and `scores`; returns the boxes to keep, `(n,)` bool.

    `tile_of`: `(n,)` index of each box's tile.
    """
    kept = np.ones(len(boxes), dtype=np.bool_)
    cut_left, cut_right = _cuts(boxes, tile_of, tiles)
    # From left to right: a joined box may continue into the next tile but one.
    for part in np.lexsort((-scores, tile_of)):
        if not (kept[part] and cut_right[part]):
            continue
        for other in np.flatnonzero(kept & cut_left & (tile_of == tile_of[part] + 1)):
            both_px = tiles[tile_of[part]].right_px - tiles[tile_of[other]].left_px
            if classes[other] == classes[part] and _face(boxes[part], boxes[other], both_px):
                boxes[other] = _around(boxes[part], boxes[other])
                scores[other] = max(scores[part], scores[other])
                cut_left[other], kept[part] = cut_left[part], False
                break
    for part in np.flatnonzero(kept & (cut_left | cut_right)):
        elsewhere = tile_of != tile_of[part]
        whole = np.flatnonzero(kept & elsewhere & ~(cut_left | cut_right))
        kept[part] = not any(_share_within(boxes[part], boxes[each]) > _COVERED for each in whole)
    return kept


def _cuts(
    boxes: NDArray[np.float32], tile_of: NDArray[np.int64], tiles: list[Tile]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each box touches its tile's left and right inner edge, two arrays `(n,)` bool."""
    lefts = np.array([-np.inf, *(tile.left_px for tile in tiles[1:])])[tile_of]
    rights = np.array([*(tile.right_px for tile in tiles[:-1]), np.inf])[tile_of]
    return boxes[:, 0] <= lefts + EDGE_PX, boxes[:, 2] >= rights - EDGE_PX


def _face(a: NDArray[np.float32], b: NDArray[np.float32], both_px: int) -> bool:
    """Whether two cut boxes are parts of one object; `both_px`: columns that both tiles show."""
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    rows = max(a[3], b[3]) - min(a[1], b[1])
    return bool(shared[0] > _FACING * both_px and shared[1] > _FACING * rows)


def _around(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def _share_within(part: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    """Share of the area of `part` that is inside `whole`."""
    sides = np.minimum(part[2:], whole[2:]) - np.maximum(part[:2], whole[:2])
    area = float((part[2:] - part[:2]).prod())
    return float(sides.clip(0).prod()) / max(area, 1e-6)


def _multiple(length_px: float, stride: int) -> int:
    return ceil(length_px / stride) * stride
