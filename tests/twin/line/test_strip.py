"""Objects on the belt: their recorded positions match the image."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.drawn.belt import belt_loop
from twin.drawn.shading import Image
from twin.line.heap import scatter
from twin.line.scenario import Stretch
from twin.line.strip import Strip, rotate

SCALE = 0.5


@cache
def loop() -> Image:
    return belt_loop(1000, 300, SCALE, "worn", np.random.default_rng(1))


def strip() -> Strip:
    return Strip(-600, 600, 300, SCALE, loop())


@pytest.mark.parametrize("texture", ["worn", "clean", "fabric"])
def test_every_belt_texture_is_dark_and_textured(texture: str) -> None:
    belt = belt_loop(1000, 200, 0.5, texture, np.random.default_rng(2))
    assert belt.shape == (100, 500, 3)
    assert 20 < belt.mean() < 110
    assert belt.std() > 3


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(("aa_cell", "pierceable_cartridge", "laptop_pack", "button_cell")),
    at_mm=st.floats(-200, 200),
    x_mm=st.floats(40, 260),
    angle_deg=st.floats(0, 360),
)
def test_the_ground_truth_is_where_the_image_changed(
    kind: str, at_mm: float, x_mm: float, angle_deg: float
) -> None:
    laid = strip()
    obj = laid.lay(kind, at_mm, x_mm, angle_deg, np.random.default_rng(4))
    assert obj is not None
    assert abs(obj.at_mm - at_mm) < 0.06 * obj.length_mm + 3
    rows, columns = np.nonzero(laid.covered)
    at = laid.end_mm - (columns + 0.5) / SCALE
    near = 2 / SCALE
    assert at.min() == pytest.approx(obj.outline_mm[:, 0].min(), abs=near)
    assert at.max() == pytest.approx(obj.outline_mm[:, 0].max(), abs=near)
    assert (rows.min() + 0.5) / SCALE == pytest.approx(obj.outline_mm[:, 1].min(), abs=near)
    inside = 130 < x_mm < 170  # the longest pack here is 270 mm
    assert obj.visible() == pytest.approx(1, abs=0.02) if inside else obj.visible() <= 1


def test_a_box_on_a_battery_hides_it() -> None:
    laid = strip()
    cell = laid.lay("aa_cell", 0, 150, 30, np.random.default_rng(1))
    assert cell is not None
    laid.lay("plastic_film", 0, 150, 0, np.random.default_rng(2))
    under_film = cell.visible()
    laid.lay("carton_box", 0, 150, 0, np.random.default_rng(3))
    assert under_film < 1
    assert cell.visible() < 0.1


def test_an_object_entirely_off_the_strip_is_not_placed() -> None:
    assert strip().lay("aa_cell", 5000, 150, 0, np.random.default_rng(1)) is None


@pytest.mark.parametrize("coverage", [0.2, 0.93])
def test_a_stretch_is_filled_to_its_coverage_and_at_most_one_object_more(coverage: float) -> None:
    laid = strip()
    scatter(laid, Stretch(from_mm=-300, to_mm=300, coverage=coverage), np.random.default_rng(6))
    assert coverage <= laid.coverage(-300, 300) < coverage + 0.3


@given(angle_deg=st.floats(-720, 720))
@settings(max_examples=30, deadline=None)
def test_rotating_a_cut_out_keeps_its_area(angle_deg: float) -> None:
    cut = np.zeros((30, 60, 4), np.uint8)
    cut[4:26, 4:56] = 255
    area = rotate(cut, angle_deg)[..., 3].sum() / 255
    assert area == pytest.approx(22 * 52, rel=0.03)
