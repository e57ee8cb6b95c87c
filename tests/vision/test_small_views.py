from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.image_shift import followed_px
from detector.belt.plane import CalibrationError, nominal_plane
from detector.profile.belt import Travel
from detector.vision.belt_view import Rectifier
from detector.vision.small_views import COVERAGE_PIXELS_MOST, SmallViews
from detector.vision.warp import OUTSIDE_GREY
from tests.fakes import as_image, frame, texture

SIZE = (641, 481)
"""Odd sides, as a camera's region of interest may have."""
BELT = np.array([[51, 30], [600, 30], [600, 452], [51, 452]], dtype=np.float64)


def rectifier(
    travel: Travel = "up", *, px_per_mm: float = 1.0, mm_per_px: float = 1.0
) -> Rectifier:
    return Rectifier(nominal_plane(BELT, travel, px_per_mm, "nominal"), SIZE, mm_per_px, 32)


def belt_image(seed: int, grain_px: float = 12.0) -> NDArray[np.uint8]:
    return as_image(texture(np.random.default_rng(seed), SIZE[1], SIZE[0], grain_px=grain_px))


def views(small: SmallViews, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    small.update(frame(image, 0))
    return [small.for_motion().copy(), small.for_coverage().copy()]


@pytest.mark.parametrize("travel", get_args(Travel))
@pytest.mark.parametrize("mm_per_px", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("px_per_mm", [0.4, 1.0, 2.3])
def test_small_views_match_the_shrunk_belt_view(
    travel: Travel, mm_per_px: float, px_per_mm: float
) -> None:
    view = rectifier(travel, px_per_mm=px_per_mm, mm_per_px=mm_per_px)
    small = SmallViews(view)
    image = belt_image(1, grain_px=24 * max(1.0, px_per_mm))
    whole = view.rectify(frame(image, 0)).image
    width, height = view.size_px
    each = round(small.coverage_mm_per_px / mm_per_px)
    cut = whole[: height // each * each, : width // each * each]
    for mine, mask, of_view in zip(
        views(small, image), (small.motion_mask, small.coverage_mask), (whole, cut), strict=True
    ):
        shrunk = cv2.resize(of_view, mine.shape[1::-1], interpolation=cv2.INTER_AREA)
        # The belt view of a finer camera has a wider grey rim.
        inside = cv2.erode(
            mask.astype(np.uint8),
            np.ones((5, 5), np.uint8),
            borderType=cv2.BORDER_CONSTANT,
            borderValue=0,
        ).astype(np.bool_)
        apart = (mine.astype(float) - shrunk)[inside]
        assert abs(apart.mean()) < 1
        assert apart.std() < 0.2 * shrunk[inside].std()


def test_small_views_have_the_sizes_that_motion_and_coverage_need() -> None:
    view = rectifier(mm_per_px=0.7)
    small = SmallViews(view)
    assert small.motion_mask.shape[::-1] == followed_px(view.size_px)
    assert small.coverage_mask.size <= COVERAGE_PIXELS_MOST
    assert small.coverage_mm_per_px == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("askew", [False, True])
@pytest.mark.parametrize("px_per_mm", [0.3, 1.0, 2.7])
@settings(max_examples=1)
@given(seed=st.integers(0, 1000))
def test_nothing_outside_the_polygon_reaches_the_small_views(
    seed: int, px_per_mm: float, askew: bool
) -> None:
    corners = BELT + np.array([[0, 20], [-45, 0], [20, -150], [0, -15]]) * askew
    plane = nominal_plane(corners, "right", px_per_mm, "nominal")
    small = SmallViews(Rectifier(plane, SIZE, 1.0, 32))
    inside = np.zeros(SIZE[::-1], dtype=np.uint8)
    cv2.fillPoly(inside, [np.rint(corners).astype(np.int32)], 255)
    rng = np.random.default_rng(seed)
    shown = []
    for _ in range(2):
        people = rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
        shown.append(views(small, np.where(inside[..., None] > 0, belt_image(seed), people)))
    for first, second in zip(*shown, strict=True):
        np.testing.assert_array_equal(first, second)
    outside = cv2.erode(255 - 255 * small.motion_mask.astype(np.uint8), np.ones((3, 3))) > 0
    assert (shown[0][0][outside] == OUTSIDE_GREY).all()
    # And the belt itself is not masked.
    assert small.motion_mask.mean() > 0.8 * (0.7 if askew else 1)


def test_fine_noise_is_averaged_away_not_sampled() -> None:
    """Sampled noise would be aliased into waves that do not move with the belt."""
    small = SmallViews(rectifier())
    noise = np.random.default_rng(2).normal(120, 40, (*SIZE[::-1], 1))
    for each, mask in zip(
        views(small, as_image(np.repeat(noise, 3, axis=2))),
        (small.motion_mask, small.coverage_mask),
        strict=True,
    ):
        camera_px = BELT[:, 0].max() / each.shape[1]  # per pixel of the view
        assert each[mask].std() < 1.3 * 40 / camera_px


def test_views_are_made_again_for_each_frame() -> None:
    small = SmallViews(rectifier())
    first, second = (views(small, belt_image(seed)) for seed in (3, 4))
    assert not any((a == b).all() for a, b in zip(first, second, strict=True))
    np.testing.assert_array_equal(views(small, belt_image(3))[1], first[1])


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(CalibrationError, match="now gives 100 x 80 px, the line was set up for"):
        SmallViews(rectifier()).update(frame(np.zeros((80, 100, 3), dtype=np.uint8), 0))


@pytest.mark.parametrize("high_px", [5, 12])
def test_a_belt_too_small_to_measure_coverage_is_refused_in_one_line(high_px: int) -> None:
    strip = np.array([[51.0, 30], [600, 30], [600, 30 + high_px], [51, 30 + high_px]])
    view = Rectifier(nominal_plane(strip, "up", 20.0, "nominal"), SIZE, 0.05, 32)
    with pytest.raises(CalibrationError, match="shows too little belt to measure coverage at "):
        SmallViews(view)
