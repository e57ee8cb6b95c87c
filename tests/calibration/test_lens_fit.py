"""A lens from pictures of the board: what is found, and what is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.board import BoardSight
from calibration.lens_fit import TooFewViewsError, fit_lens
from calibration.lens_views import distinct, missing_parts, seen_in
from detector.belt.lens import LensError
from tests.calibration.board_camera import POSES, held, ideal_sight


def sights(noise_px: float = 0.15) -> list[BoardSight]:
    rng = np.random.default_rng(5)
    seen = [ideal_sight(held(*pose), rng, noise_px=noise_px) for pose in POSES]
    return [sight for sight in seen if sight is not None]


def test_the_error_in_unseen_views_is_what_the_corners_are_off_by() -> None:
    fit = fit_lens(sights(noise_px=0.3))
    assert fit.held_out_px == pytest.approx(0.3 * np.sqrt(2), rel=0.2)
    assert fit.held_out_px > 0.97 * fit.rms_px


def test_too_few_views_are_refused_with_how_many_are_needed() -> None:
    with pytest.raises(TooFewViewsError, match="6 different views of the board in 6 pictures"):
        fit_lens(sights()[:6])
    with pytest.raises(TooFewViewsError, match="0 different views"):
        fit_lens([])


def test_the_same_view_again_and_again_is_one_view() -> None:
    once = sights()[0]
    assert len(distinct([once] * 40)) == 1
    with pytest.raises(TooFewViewsError, match="1 different views of the board in 40 pictures"):
        fit_lens([once] * 40)


def test_a_board_in_one_part_of_the_picture_is_refused_with_where_it_was_missing() -> None:
    rng = np.random.default_rng(1)
    left = [
        ideal_sight(held(0.25 + 0.02 * i, 0.3, 900, (20.0 - 4 * i, 3.0 * i)), rng)
        for i in range(12)
    ]
    seen = [sight for sight in left if sight is not None]
    with pytest.raises(
        TooFewViewsError, match=r"of the picture, 60 % are needed\. Not seen: .*right"
    ):
        fit_lens(seen)
    assert "lower right" in missing_parts(seen_in(seen))


def test_a_board_never_tilted_is_refused() -> None:
    rng = np.random.default_rng(1)
    flat = [
        ideal_sight(held(x, y, 560 + 60 * x, (0.0, 0.0)), rng)
        for x in (0.25, 0.42, 0.58, 0.75)
        for y in (0.28, 0.5, 0.72)
    ]
    with pytest.raises(TooFewViewsError, match="tilted in 0 of 12 views, 4 are needed"):
        fit_lens([sight for sight in flat if sight is not None])


def test_a_view_of_another_camera_is_left_out_and_named() -> None:
    good = sights()
    stranger = replace(
        good[3], px=good[3].px * 0.9 + 30 * np.sin(good[3].px / 90), source="odd.png"
    )
    fit = fit_lens([*good, stranger])
    assert len(fit.dropped) == 1
    assert fit.dropped[0].startswith("odd.png: misses the others' lens by")
    assert fit.views == len(good)


def test_pictures_of_two_sizes_are_refused() -> None:
    good = sights()
    with pytest.raises(LensError, match=r"pictures of different size: .* 640 x 480 px"):
        fit_lens([*good, replace(good[0], px=good[0].px / 3, size_px=(640, 480))])


def test_a_poor_figure_says_what_makes_it_better() -> None:
    blurred = fit_lens(sights(noise_px=2.0))
    poor = [each for each in blurred.judged() if each.verdict == "poor"]
    assert [each.what for each in poor][:1] == ["error in unseen views (rms)"]
    assert "stiff plate" in str(poor[0])
