from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.vision.belt_view import EDGE_PX
from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from detector.vision.tiles import Tile, Tiling, merged
from tests.fakes import BATTERY, GAS, FakeEngine, bright_objects, detections

WIDTH, HEIGHT, OVERLAP, STRIDE = 960, 160, 128, 32
Object = tuple[int, int, int, int, int]
"""x, y, width, height, class."""


def wide() -> Tiling:
    tiling = Tiling(WIDTH, OVERLAP, STRIDE, tile_px=384)
    assert len(tiling.tiles) == 4
    return tiling


def strip_with(objects: list[Object]) -> NDArray[np.uint8]:
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for x, y, width, height, kind in objects:
        colour = (255, 255, 255) if kind == GAS else (0, 0, 255)
        cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), colour, -1)
    return image


@st.composite
def objects_apart(draw: st.DrawFn, longest: int) -> list[Object]:
    """Objects across the strip, some pixels apart, each at its own row."""
    objects, x = [], draw(st.integers(0, 60))
    while x < WIDTH - 20:
        width = min(draw(st.integers(8, longest)), WIDTH - x)
        height, y = draw(st.integers(8, 60)), draw(st.integers(0, HEIGHT - 60))
        objects.append((x, y, width, height, draw(st.sampled_from([GAS, BATTERY]))))
        x += width + draw(st.integers(4, 200))
    return objects


def boxes_of(found: Detections) -> list[tuple[float, ...]]:
    rows = zip(found.boxes_px.tolist(), found.classes.tolist(), strict=True)
    return sorted((*box, kind) for box, kind in rows)


@given(
    width=st.integers(5, 100).map(lambda n: n * STRIDE),
    overlap=st.integers(0, 400),
    tile_px=st.integers(320, 2000),
    stride=st.sampled_from([16, 32]),
)
def test_tiles_cover_the_belt_and_overlap_by_at_least_the_given_width(
    width: int, overlap: int, tile_px: int, stride: int
) -> None:
    if tile_px - tile_px % stride < min(width, 1.5 * overlap):
        with pytest.raises(CalibrationError, match=r"^view\.tile_px = .* Give \d+ px or more$"):
            Tiling(width, overlap, stride, tile_px=tile_px)
        return
    tiles = Tiling(width, overlap, stride, tile_px=tile_px).tiles
    assert (tiles[0].left_px, tiles[-1].right_px) == (0, width)
    for tile in tiles:
        assert (tile.right_px - tile.left_px) % stride == 0 or len(tiles) == 1
        assert tile.right_px - tile.left_px <= max(tile_px, STRIDE)
    for tile, following in pairwise(tiles):
        assert tile.right_px - following.left_px >= overlap


@pytest.mark.parametrize(("width", "tiles"), [(608, 1), (1216, 1), (1280, 1), (1312, 2), (2816, 3)])
def test_a_narrow_belt_is_a_single_tile(width: int, tiles: int) -> None:
    assert len(Tiling(width, 208, STRIDE, tile_px=None).tiles) == tiles


def test_a_model_of_fixed_width_gets_tiles_of_that_width() -> None:
    tiling = Tiling(WIDTH, 100, STRIDE, tile_px=None, fixed_px=416)
    assert tiling.width_px == 416
    assert tiling.tiles[-1].right_px == WIDTH


@settings(max_examples=150)
@given(objects_apart(longest=OVERLAP - 2 * int(EDGE_PX)))
def test_tiles_give_the_detections_of_a_single_pass(objects: list[Object]) -> None:
    engine, image = FakeEngine(bright_objects), strip_with(objects)
    tiled = wide().detect(engine, image, 0.1)
    assert boxes_of(tiled) == boxes_of(bright_objects(image))
    assert set(engine.sizes) == {(HEIGHT, wide().width_px)}


@settings(max_examples=100)
@given(objects_apart(longest=700))
def test_an_object_longer_than_the_overlap_is_joined_from_its_parts(
    objects: list[Object],
) -> None:
    image = strip_with(objects)
    tiled = wide().detect(FakeEngine(bright_objects), image, 0.1)
    assert boxes_of(tiled) == boxes_of(bright_objects(image))


def test_a_box_at_the_strips_own_side_is_not_a_cut_box() -> None:
    tiles = [Tile(0, 300), Tile(200, 500)]
    at_sides = detections((0, 10, 40, 50, 0.9, GAS)), detections((270, 10, 300, 50, 0.8, GAS))
    assert boxes_of(merged(list(at_sides), tiles)) == [
        (0, 10, 40, 50, GAS),
        (470, 10, 500, 50, GAS),
    ]


def test_a_cut_box_without_a_whole_one_in_the_next_tile_is_kept() -> None:
    tiles = [Tile(0, 300), Tile(200, 500)]
    found = merged([detections((240, 10, 300, 50, 0.7, GAS)), detections()], tiles)
    assert boxes_of(found) == [(240, 10, 300, 50, GAS)]


def test_a_cut_box_is_dropped_for_the_whole_one_of_any_class() -> None:
    tiles = [Tile(0, 300), Tile(200, 500)]
    part, whole = (
        detections((250, 10, 300, 50, 0.9, BATTERY)),
        detections((50, 9, 180, 51, 0.5, GAS)),
    )
    found = merged([part, whole], tiles)
    assert boxes_of(found) == [(250, 9, 380, 51, GAS)]


def test_parts_of_two_objects_in_different_rows_are_not_joined() -> None:
    tiles = [Tile(0, 300), Tile(200, 500)]
    upper, lower = detections((150, 0, 300, 40, 0.9, GAS)), detections((0, 60, 150, 99, 0.9, GAS))
    assert len(merged([upper, lower], tiles)) == 2


def test_two_objects_side_by_side_in_the_overlap_remain_two() -> None:
    tiles = [Tile(0, 300), Tile(200, 500)]
    left = detections((210, 10, 240, 90, 0.9, GAS), (242, 10, 272, 90, 0.8, GAS))
    right = detections((11, 10, 41, 90, 0.7, GAS), (43, 10, 73, 90, 0.6, GAS))
    found = merged([left, right], tiles)
    assert [round(float(score), 2) for score in found.scores] == [0.9, 0.8]


def test_a_failed_tile_fails_the_whole_pass() -> None:
    tiles_done = 0

    def fails_at_the_second(image: NDArray[np.uint8]) -> Detections:
        nonlocal tiles_done
        tiles_done += 1
        if tiles_done == 2:
            raise EngineError("test-n1: inference failed: out of memory")
        return bright_objects(image)

    with pytest.raises(EngineError):
        wide().detect(FakeEngine(fails_at_the_second), strip_with([]), 0.1)
