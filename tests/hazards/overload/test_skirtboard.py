"""The hidden share of drawn skirt marks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.hazards.overload.skirtboard import SkirtMarks
from tests.fakes import as_image

HEIGHT, WIDTH = 200, 640
AREAS = [
    [(0, 10), (WIDTH, 10), (WIDTH, 30), (0, 30)],
    [(0, 170), (WIDTH, 170), (WIDTH, 190), (0, 190)],
]


def image(light: float = 1.0, *, hidden: float = 0.0, seed: int = 1) -> NDArray[np.uint8]:
    """Grey skirts with yellow marks every 80 px above and below a belt; waste hides them."""
    rng = np.random.default_rng(seed)
    shown = np.full((HEIGHT, WIDTH, 3), (150.0, 150.0, 150.0))
    for at in range(0, WIDTH, 80):
        shown[:, at : at + 12] = (40, 200, 220)
    shown[35:165] = rng.uniform(0, 255, (130, WIDTH, 3))
    shown *= light
    shown[:, : round(hidden * WIDTH)] = (60, 40, 200)
    return as_image(shown + rng.normal(0, 3, shown.shape))


MARKS = SkirtMarks(image(), AREAS)


@settings(max_examples=40)
@given(st.floats(0, 1), st.floats(0.6, 1.1), st.integers(2, 50))
def test_the_hidden_share_is_as_drawn_in_any_light_that_saturates_no_pixel(
    hidden: float, light: float, seed: int
) -> None:
    measured = MARKS.hidden(image(light, hidden=hidden, seed=seed))
    assert measured == pytest.approx(hidden, abs=0.04)


def test_material_on_the_belt_hides_no_marks() -> None:
    assert MARKS.hidden(image(seed=9)) < 0.01


def test_an_area_outside_the_image_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"overload\.marks_px.*is outside the image"):
        SkirtMarks(image(), [[(5000, 0), (5100, 0), (5100, 50)]])
