"""A belt joined from strips as it runs: objects keep their places, passed parts are dropped."""

from functools import cache
from itertools import cycle

import numpy as np
import pytest

from twin.drawn.belt import belt_loop
from twin.line.reel import FADE_MM, Reel, edge_heights, mirror_strip
from twin.line.strip import Strip

SCALE = 0.5


@cache
def strip(seed: int = 1, long_mm: float = 1000.0) -> Strip:
    loop = belt_loop(1000, 300, SCALE, "worn", np.random.default_rng(1))
    made = Strip(-300, long_mm - 300, 300, SCALE, loop)
    rng = np.random.default_rng(seed)
    for at, x in ((-150, 90), (150, 210), (480, 120)):
        made.lay("d_cell", at, x, float(rng.uniform(0, 360)), rng)
    return made


def test_objects_of_the_reel_are_where_the_image_shows_them() -> None:
    reel = Reel(strip(), cycle([strip(2), strip(3)]))
    known = {each.id: each for each in reel.objects}
    for position in range(0, 5000, 170):
        for obj in reel.extend_to(position - 400, position + 400):
            assert obj.id not in known
            known[obj.id] = obj
        for obj in reel.objects:
            if not position - 300 < obj.at_mm < position + 300:
                continue
            column, row = round(reel.column(obj.at_mm)), round(obj.x_mm * SCALE)
            assert reel.covered[row - 2 : row + 3, column - 2 : column + 3].all()
            assert obj.outline_mm[:, 0].mean() == pytest.approx(obj.at_mm, abs=20)
    assert sorted(known) == list(range(1, len(known) + 1))
    places = sorted(each.at_mm for each in known.values())
    assert len(places) > 12
    assert min(np.diff(places)) > 100


def test_a_reel_does_not_grow_with_the_travel() -> None:
    reel = Reel(strip(), cycle([strip(2)]))
    sizes = set()
    for position in range(250, 40_000, 250):
        reel.extend_to(position - 400, position + 400)
        sizes.add(reel.image.shape[1])
        assert reel.start_mm <= position - 399
        assert reel.end_mm >= position + 400
        assert len(reel.objects) < 12
    assert max(sizes) < 2.5 * strip().image.shape[1]


def test_two_strips_join_without_an_edge() -> None:
    reel = Reel(strip(), cycle([strip(2)]))
    end = reel.column(reel.end_mm - 500)
    before = reel.image[:, : round(end)].copy()
    reel.extend_to(0, reel.end_mm + 10)
    joint = round(strip().image.shape[1] - FADE_MM * SCALE)
    after = reel.image[:, joint + round(FADE_MM * SCALE) :][:, : before.shape[1] // 2]
    assert np.array_equal(after, before[:, round(FADE_MM * SCALE) :][:, : after.shape[1]])


def test_mirroring_twice_restores_the_strip_and_never_moves_objects_across() -> None:
    first = strip()
    once = mirror_strip(first)
    twice = mirror_strip(once)
    assert [each.x_mm for each in once.objects] == [each.x_mm for each in first.objects]
    assert np.array_equal(twice.image, first.image)
    for one, other, before in zip(once.objects, twice.objects, first.objects, strict=True):
        assert (other.at_mm, other.x_mm) == pytest.approx((before.at_mm, before.x_mm))
        assert (other.left, other.top) == (before.left, before.top)
        assert np.array_equal(other.visible_alpha, before.visible_alpha)
        column, row = round(once.column(one.at_mm)), round(one.x_mm * SCALE)
        assert once.covered[row, column]


def test_more_material_at_a_skirt_is_higher_there() -> None:
    loop = belt_loop(1000, 300, SCALE, "worn", np.random.default_rng(1))
    made = Strip(-300, 700, 300, SCALE, loop)
    rng = np.random.default_rng(1)
    made.lay("milk_jug", 0, 30, 0, rng)
    one = edge_heights(made)
    made.lay("milk_jug", 0, 30, 0, rng)
    two = edge_heights(made)
    column = round(made.column(0))
    assert two[0, column] > one[0, column] > 10
    assert two[1, column] == 0
    assert one[0, round(made.column(600))] == 0
