"""A strip that is wider than a model should see at once, looked at in tiles side by side.

Neighbouring tiles overlap by as much as the longest thing that is to be seen whole, so that each
such thing lies whole in one of them. What a tile's inner edge cuts gives way to the whole thing
next door; a thing longer than the overlap comes in parts, which are put together again. A strip has
one scale, so that its pixels are as good as millimetres of belt for all of this.
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

WIDEST_PX = 1280
"""So much across is looked at at once where the profile says nothing; see docs/profile.md."""

_SAME_IOU = 0.6
"""Of two boxes of one class in neighbouring tiles that overlap more, the weaker goes: as within
one look (`from_raw_head`)."""
_COVERED = 0.5
"""So much of a cut box lies in the whole one that it gives way to."""
_FACING = 0.5
"""Two cut parts are one thing if they share so much of the rows that either takes, and of the
columns that both tiles show: a thing that both cut is longer than these."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Columns of a strip, from and to, px."""

    left_px: int
    right_px: int


class Tiling:
    """How a belt view is cut across; all tiles are equally wide."""

    def __init__(
        self, width_px: int, overlap_px: int, stride: int, *, tile_px: int | None, fixed_px: int = 0
    ) -> None:
        """`width_px`: the view's. `tile_px`: the widest tile; None: `WIDEST_PX`, or what the
        overlap takes. `fixed_px`: the only width that the model takes; 0: any multiple of `stride`.

        Raises `CalibrationError` if tiles would be hardly more than their overlap.
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
        self._buffer = np.empty((0, self.width_px, 3), dtype=np.uint8)

    @property
    def width_px(self) -> int:
        """Of each tile."""
        return self.tiles[0].right_px - self.tiles[0].left_px

    def detect(self, engine: Engine, picture: NDArray[np.uint8], min_score: float) -> Detections:
        """What the engine sees in a strip, in the strip's px. `picture`: `(h, w, 3)` uint8 BGR.

        Raises `EngineError`: a strip of which one tile was not looked at has not been looked at.
        """
        if len(self.tiles) == 1:
            return engine.detect(picture, min_score)
        return merged(
            [engine.detect(self._cut(picture, tile), min_score) for tile in self.tiles],
            self.tiles,
        )

    def _cut(self, picture: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
        """A tile's columns in one piece of memory, as engines want it."""
        if len(self._buffer) < len(picture):
            self._buffer = np.empty((len(picture), self.width_px, 3), dtype=np.uint8)
        cut = self._buffer[: len(picture)]
        np.copyto(cut, picture[:, tile.left_px : tile.right_px])
        return cut


def merged(found: list[Detections], tiles: list[Tile]) -> Detections:
    """What each tile showed, in its own px, as one look at the strip, in the strip's."""
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
        kept = _put_together(boxes, scores, classes, tile_of, tiles)
        boxes, scores, classes = boxes[kept], scores[kept], classes[kept]
    order = np.argsort(-scores, kind="stable")
    return suppress_overlaps(Detections(boxes[order], scores[order], classes[order]), _SAME_IOU)


def _put_together(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int64],
    tile_of: NDArray[np.int64],
    tiles: list[Tile],
) -> NDArray[np.bool_]:
    """Join parts (`boxes` and `scores` change) and tell which boxes are left, `(n,)` bool."""
    kept = np.ones(len(boxes), dtype=np.bool_)
    cut_left, cut_right = _cuts(boxes, tile_of, tiles)
    # From left to right: what has been joined may go on into the next tile but one.
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
    """Which boxes touch their tile's left and right edge, where that is an inner one, `(n,)`."""
    lefts = np.array([-np.inf, *(tile.left_px for tile in tiles[1:])])[tile_of]
    rights = np.array([*(tile.right_px for tile in tiles[:-1]), np.inf])[tile_of]
    return boxes[:, 0] <= lefts + EDGE_PX, boxes[:, 2] >= rights - EDGE_PX


def _face(a: NDArray[np.float32], b: NDArray[np.float32], both_px: int) -> bool:
    """Whether two parts are of one thing; `both_px`: columns that both of their tiles show."""
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    rows = max(a[3], b[3]) - min(a[1], b[1])
    return bool(shared[0] > _FACING * both_px and shared[1] > _FACING * rows)


def _around(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def _share_within(part: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    """How much of one box lies in another."""
    sides = np.minimum(part[2:], whole[2:]) - np.maximum(part[:2], whole[:2])
    area = float((part[2:] - part[:2]).prod())
    return float(sides.clip(0).prod()) / max(area, 1e-6)


def _multiple(length_px: float, stride: int) -> int:
    return ceil(length_px / stride) * stride
