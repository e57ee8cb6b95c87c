"""Strips before rendering: where objects are placed, and the tiles that cover them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.traced.objects import HAZARDS
from twin.traced.plan import Stretch, StripPlan
from twin.traced.strips import lay_out_strip, silhouette, tile_windows


def plan(*stretches: Stretch, seed: int = 4) -> StripPlan:
    return StripPlan(seed=seed, length_mm=3000, width_mm=400, px_per_mm=0.5, stretches=stretches)


def test_objects_are_placed_at_the_belt_positions_of_their_stretch() -> None:
    laid = lay_out_strip(plan(Stretch(from_mm=0, to_mm=1000, coverage=0.3)))
    at_mm = [3000 - each.rest.right_mm for each in laid]
    assert len(laid) > 3
    assert min(at_mm) > 0
    assert max(at_mm) < 1000


def test_the_same_plan_gives_the_same_strip() -> None:
    stretch = Stretch(from_mm=0, to_mm=900, coverage=0.3, hazards_per_m=4)
    one, two = (lay_out_strip(plan(stretch)) for _ in range(2))
    assert [each.rest.body.kind for each in one] == [each.rest.body.kind for each in two]
    assert all(
        np.array_equal(a.rest.body.points(), b.rest.body.points())
        for a, b in zip(one, two, strict=True)
    )


def test_hazards_appear_only_in_stretches_that_ask_for_them() -> None:
    calm = lay_out_strip(plan(Stretch(from_mm=0, to_mm=3000, coverage=0.2)))
    assert not [each for each in calm if each.rest.body.kind in HAZARDS]
    some = lay_out_strip(plan(Stretch(from_mm=0, to_mm=3000, coverage=0.1, hazards_per_m=5)))
    assert [each for each in some if each.rest.body.kind in HAZARDS]


def test_a_heap_covers_the_belt_and_stays_a_layer() -> None:
    laid = lay_out_strip(plan(Stretch(from_mm=0, to_mm=1200, coverage=0.9)))
    assert 20 < len(laid) < 120
    tops = [each.rest.body.points()[:, 2].max() + each.rest.up_mm for each in laid]
    assert max(tops) < 700


@given(length=st.floats(101, 9000), scale=st.floats(0.25, 2))
@settings(max_examples=40, deadline=None)
def test_tiles_cover_the_strip_without_a_gap(length: float, scale: float) -> None:
    strip = StripPlan(length_mm=length, width_mm=300, px_per_mm=scale)
    ends = 0
    for window in tile_windows(strip):
        left = round(window.left_mm * scale)
        assert left <= ends
        assert window.height_px == round(300 * scale)
        ends = left + window.width_px
    assert ends == int(np.ceil(length * scale))


def test_a_silhouette_has_the_size_of_the_object() -> None:
    laid = lay_out_strip(
        StripPlan(
            seed=1,
            length_mm=1000,
            width_mm=400,
            hazards={"aa_cell": 1},
            stretches=(Stretch(from_mm=0, to_mm=1000, coverage=0, hazards_per_m=5),),
        )
    )
    assert laid
    for each in laid:
        length, width, _ = each.rest.size_mm
        seen = silhouette(each.rest, 1.0, (400, 1000))
        assert seen == pytest.approx(length * width, rel=0.2) or seen == pytest.approx(
            np.pi / 4 * width**2, rel=0.2
        )


def test_waste_with_weights_consists_of_those_kinds_alone() -> None:
    stretch = Stretch(from_mm=0, to_mm=3000, coverage=0.3)
    weighted = plan(stretch).model_copy(update={"waste": {"plastic_bag": 3.0, "torch": 1.0}})
    kinds = [each.rest.body.kind for each in lay_out_strip(weighted)]
    assert set(kinds) == {"plastic_bag", "torch"}
    assert kinds.count("plastic_bag") > kinds.count("torch")
