"""Bare belt and material are distinguished in any colour, light, shade, stains and water."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.hazards.overload.empty_belt import EmptyBelt
from tests.fakes import as_image, texture

HEIGHT, WIDTH = 120, 100
MM_PER_PX = 5.0
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)
GREY, GREEN, BLUE = (75.0, 80.0, 85.0), (85.0, 130.0, 40.0), (190.0, 125.0, 60.0)
"""BGR."""


def bare(
    seed: int, colour: tuple[float, float, float] = GREY, stains: float = 0.1
) -> NDArray[np.float64]:
    """A length of bare belt; the stains depend on the seed."""
    rng = np.random.default_rng(seed)
    fine = texture(rng, HEIGHT, WIDTH, contrast=4) - 80
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 5)
    coarse *= stains / coarse.std()
    return np.asarray(np.array(colour) * (1 + coarse[..., None]) + fine)


def share(view: NDArray[np.float64], empty: NDArray[np.float64], *, learns: bool = True) -> float:
    belt = EmptyBelt(as_image(empty), EVERYWHERE, MM_PER_PX)
    return float(belt.covered(as_image(view), learns=learns).mean())


@pytest.mark.parametrize("colour", [GREY, GREEN, BLUE])
def test_stains_that_move_with_the_belt_cover_nothing(colour: tuple[float, float, float]) -> None:
    assert max(share(bare(seed, colour), bare(1, colour)) for seed in range(2, 8)) < 0.02


@pytest.mark.parametrize("colour", [GREEN, BLUE])
def test_water_that_saturates_the_colour_of_a_belt_covers_nothing(
    colour: tuple[float, float, float],
) -> None:
    wet = bare(2, colour)
    patch = wet[30:90, 20:80]
    patch *= 0.75
    patch -= 0.15 * np.mean(colour)
    assert share(wet, bare(1, colour)) < 0.03


@pytest.mark.parametrize("colour", [GREY, GREEN, BLUE])
def test_a_shadow_covers_nothing(colour: tuple[float, float, float]) -> None:
    view = bare(2, colour, stains=0.05)
    shade = np.ones((HEIGHT, WIDTH))
    shade[40:80, 30:70] = 0.65
    view *= cv2.GaussianBlur(shade, (0, 0), 4)[..., None]
    assert share(view, bare(1, colour)) < 0.03


def test_a_stationary_reflection_of_a_lamp_covers_nothing() -> None:
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    shine = 130 * np.exp(-(((u - 60) / 16) ** 2 + ((v - 40) / 8) ** 2))[..., None]
    view = bare(2, stains=0.05) + shine
    assert share(view, bare(1, stains=0.05) + shine) < 0.02
    assert share(view, bare(1, stains=0.05)) > 0.03


@pytest.mark.parametrize("colour", [GREY, GREEN, BLUE])
@pytest.mark.parametrize("paint", [(40, 60, 220), (235, 235, 235), (12, 12, 12), (110, 160, 190)])
def test_objects_in_other_colours_and_in_black_and_white_are_material(
    colour: tuple[float, float, float], paint: tuple[int, int, int]
) -> None:
    view = bare(2, colour)
    view[30:80, 20:80] = paint
    true = 50 * 60 / (HEIGHT * WIDTH)
    assert share(view, bare(1, colour)) == pytest.approx(true, abs=0.06)


def test_illumination_is_updated_only_while_learning_is_allowed() -> None:
    belt = EmptyBelt(as_image(bare(1, stains=0)), EVERYWHERE, MM_PER_PX)
    dull = as_image(bare(2, stains=0) * 1.55)
    assert float(belt.covered(dull, learns=False).mean()) > 0.9
    assert float(belt.covered(dull, learns=True).mean()) < 0.1


@settings(max_examples=25)
@given(st.floats(0.7, 1.4), st.integers(2, 1000))
def test_bare_belt_is_bare_in_any_light(light: float, seed: int) -> None:
    assert share(bare(seed, stains=0.05) * light, bare(1)) < 0.05


def test_a_bright_sheet_of_the_belts_colour_on_a_full_belt_is_not_its_illumination() -> None:
    full = np.empty((HEIGHT, WIDTH, 3))
    full[:] = (40, 60, 220)
    full[20:50, 20:80] = 1.5 * np.array(GREY)
    assert share(full, bare(1)) > 0.97


def test_a_lamp_that_is_switched_on_is_measured_on_the_bare_half_of_the_belt() -> None:
    view = 1.5 * bare(2, stains=0.05)
    view[:, :50] = (40, 60, 220)
    assert share(view, bare(1, stains=0.05)) == pytest.approx(0.5, abs=0.04)


def dull_film(stains: float) -> float:
    """Share detected of a sheet with nearly the belt's colour, on a belt with that much stain."""
    rng = np.random.default_rng(9)
    turned = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 3)
    dirt = (turned * stains / turned.std())[..., None] * np.array([1, 0, -1])
    view = bare(2) + dirt[::-1]
    view[30:80, 20:80] += (5.5, 0, -5.5)
    return share(view, bare(1) + dirt)


def test_a_sheet_with_nearly_the_belts_colour_is_material_only_on_an_even_belt() -> None:
    true = 50 * 60 / (HEIGHT * WIDTH)
    assert dull_film(stains=0.3) == pytest.approx(true, abs=0.05)
    assert dull_film(stains=3.0) < true / 2
