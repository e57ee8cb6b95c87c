"""Drawn skirts of which it is known how much of them is hidden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.hazards.overload.skirtboard import SkirtMarks
from tests.fakes import as_picture

HEIGHT, WIDTH = 200, 640
AREAS = [
    [(0, 10), (WIDTH, 10), (WIDTH, 30), (0, 30)],
    [(0, 170), (WIDTH, 170), (WIDTH, 190), (0, 190)],
]


def picture(light: float = 1.0, *, hidden: float = 0.0, seed: int = 1) -> NDArray[np.uint8]:
    """Grey plates with yellow marks every 80 px above and below a belt; waste before them."""
    rng = np.random.default_rng(seed)
    shown = np.full((HEIGHT, WIDTH, 3), (150.0, 150.0, 150.0))
    for at in range(0, WIDTH, 80):
        shown[:, at : at + 12] = (40, 200, 220)
    shown[35:165] = rng.uniform(0, 255, (130, WIDTH, 3))
    shown *= light
    shown[:, : round(hidden * WIDTH)] = (60, 40, 200)
    return as_picture(shown + rng.normal(0, 3, shown.shape))


MARKS = SkirtMarks(picture(), AREAS)


@settings(max_examples=40)
@given(st.floats(0, 1), st.floats(0.6, 1.1), st.integers(2, 50))
def test_in_any_light_that_blinds_no_pixel_what_is_hidden_is_what_was_drawn(
    hidden: float, light: float, seed: int
) -> None:
    told = MARKS.hidden(picture(light, hidden=hidden, seed=seed))
    assert told == pytest.approx(hidden, abs=0.04)


def test_what_lies_on_the_belt_alone_hides_nothing() -> None:
    assert MARKS.hidden(picture(seed=9)) < 0.01


def test_an_area_outside_the_picture_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"overload\.marks_px.*lies outside the picture"):
        SkirtMarks(picture(), [[(5000, 0), (5100, 0), (5100, 50)]])
