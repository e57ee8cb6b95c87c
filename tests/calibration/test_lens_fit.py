"""A lens from images of the board: accuracy, and refusals with their reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.board import BoardView
from calibration.lens_fit import TooFewViewsError, fit_lens
from calibration.lens_views import corner_counts, distinct, missing_parts
from detector.belt.lens import LensError
from tests.calibration.board_camera import POSES, held, ideal_view


def boards(noise_px: float = 0.15) -> list[BoardView]:
    rng = np.random.default_rng(5)
    seen = [ideal_view(held(*pose), rng, noise_px=noise_px) for pose in POSES]
    return [view for view in seen if view is not None]


def test_the_error_in_held_back_views_is_the_error_of_the_corners() -> None:
    fit = fit_lens(boards(noise_px=0.3))
    assert fit.held_back_px == pytest.approx(0.3 * np.sqrt(2), rel=0.2)
    assert fit.held_back_px > 0.97 * fit.rms_px


def test_too_few_views_are_refused_with_the_number_needed() -> None:
    with pytest.raises(TooFewViewsError, match="6 different views of the board in 6 images"):
        fit_lens(boards()[:6])
    with pytest.raises(TooFewViewsError, match="0 different views"):
        fit_lens([])


def test_a_repeated_view_counts_once() -> None:
    once = boards()[0]
    assert len(distinct([once] * 40)) == 1
    with pytest.raises(TooFewViewsError, match="1 different views of the board in 40 images"):
        fit_lens([once] * 40)


def test_a_board_in_one_part_of_the_image_is_refused_with_the_missing_parts() -> None:
    rng = np.random.default_rng(1)
    left = [
        ideal_view(held(0.25 + 0.02 * i, 0.3, 900, (20.0 - 4 * i, 3.0 * i)), rng) for i in range(12)
    ]
    seen = [view for view in left if view is not None]
    with pytest.raises(TooFewViewsError, match=r"of the image, 60 % are needed\. Missing: .*right"):
        fit_lens(seen)
    assert "lower right" in missing_parts(corner_counts(seen))


def test_a_board_that_is_never_tilted_is_refused() -> None:
    rng = np.random.default_rng(1)
    flat = [
        ideal_view(held(x, y, 560 + 60 * x, (0.0, 0.0)), rng)
        for x in (0.25, 0.42, 0.58, 0.75)
        for y in (0.28, 0.5, 0.72)
    ]
    with pytest.raises(TooFewViewsError, match="tilted in 0 of 12 views, 4 are needed"):
        fit_lens([view for view in flat if view is not None])


def test_a_view_of_another_camera_is_left_out_and_named() -> None:
    good = boards()
    stranger = replace(
        good[3], px=good[3].px * 0.9 + 30 * np.sin(good[3].px / 90), source="odd.png"
    )
    fit = fit_lens([*good, stranger])
    assert len(fit.dropped) == 1
    assert fit.dropped[0].startswith("odd.png: error with the other views' lens is")
    assert fit.views == len(good)


def test_images_of_two_sizes_are_refused() -> None:
    good = boards()
    with pytest.raises(LensError, match=r"images of different sizes: .* 640 x 480 px"):
        fit_lens([*good, replace(good[0], px=good[0].px / 3, size_px=(640, 480))])


def test_a_poor_figure_comes_with_advice() -> None:
    blurred = fit_lens(boards(noise_px=2.0))
    poor = [each for each in blurred.quality() if each.verdict == "poor"]
    assert [each.what for each in poor][:1] == ["error in held-back views (rms)"]
    assert "stiff plate" in str(poor[0])
