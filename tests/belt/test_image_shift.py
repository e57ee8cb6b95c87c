from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.image_shift import ImageShift
from tests.fakes import as_image, texture


@settings(max_examples=40, deadline=None)
@given(
    st.integers(100, 192),
    st.integers(100, 192),
    st.integers(-6, 6),
    st.integers(-12, 12),
    st.booleans(),
)
def test_a_shift_is_found_at_every_size_of_image(
    width: int, height: int, u: int, v: int, along_only: bool
) -> None:
    around = as_image(texture(np.random.default_rng(width * height), height + 24, width + 12))
    before = np.ascontiguousarray(around[12 : 12 + height, 6 : 6 + width])
    now = np.ascontiguousarray(around[12 - v : 12 - v + height, 6 - u : 6 - u + width])
    shift = ImageShift((width, height), None)
    match = shift.match(
        shift.spectrum(before), shift.spectrum(now), across_at_most_px=7.0 if along_only else None
    )
    assert match.best_px() == pytest.approx((u, v), abs=0.2)


def test_a_shift_across_beyond_the_limit_is_not_a_candidate() -> None:
    around = as_image(texture(np.random.default_rng(3), 96, 120))
    before, now = (np.ascontiguousarray(around[:, left : left + 96]) for left in (12, 0))
    shift = ImageShift((96, 96), None)
    spectra = shift.spectrum(before), shift.spectrum(now)
    assert shift.match(*spectra, across_at_most_px=None).best_px() == pytest.approx(
        (12, 0), abs=0.2
    )
    assert shift.match(*spectra, across_at_most_px=4.0).best_px() is None


def test_brightness_and_contrast_do_not_change_the_height_of_a_peak() -> None:
    image = as_image(texture(np.random.default_rng(5), 96, 96))
    darker = np.asarray(cv2.convertScaleAbs(image, alpha=0.5, beta=20), np.uint8)
    shift = ImageShift((96, 96), None)
    spectrum = shift.spectrum(image)
    assert shift.match(spectrum, shift.spectrum(darker), across_at_most_px=None).best_px() == (
        pytest.approx((0, 0), abs=0.05)
    )
