"""The belt's plane from boards laid on it: exact to millimetres, with honest error figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.belt_edges import align_to_belt
from calibration.parallax import camera_position
from calibration.plane_fit import board_errors_mm, fit_boards
from detector.belt.plane import CalibrationError, belt_plane, transformed
from detector.profile.belt import Belt
from detector.profile.calibration import PlaneCalibration
from tests.calibration.belt_camera import (
    CAMERA_MM,
    LAYS,
    LENGTH_MM,
    WIDTH_MM,
    belt_seen,
    belt_to_straight,
    laid,
)
from tests.calibration.board_camera import LENS, SIZE_PX

tilts = st.tuples(st.floats(-3, 3), st.floats(-4, 4))


@settings(max_examples=15, deadline=None)
@given(tilts, st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.1, 0.9)), min_size=1))
def test_belt_mm_map_to_camera_px_and_back_through_the_lens(
    tilt_deg: tuple[float, float], places: list[tuple[float, float]]
) -> None:
    """They match the true camera to 2 mm of position (target: 10), except for the origin of y."""
    to_straight = belt_to_straight(tilt_deg=tilt_deg)
    fit = fit_boards(laid(to_straight), LENS, 1.0)
    belt = belt_seen(to_straight)
    found = align_to_belt(fit.straight_to_plane, belt, LENS, SIZE_PX)
    plane = belt_plane(belt, LENS, written(found.straight_to_belt))
    true_mm = np.array(places) * [WIDTH_MM, LENGTH_MM]
    px = LENS.to_image(transformed(to_straight, true_mm))
    in_image = ((px > 0) & (px < np.array(SIZE_PX) - 1)).all(axis=1)
    px, true_mm = px[in_image], true_mm[in_image]
    found_mm = plane.to_belt(px)
    np.testing.assert_allclose(plane.to_image(found_mm), px, atol=1e-3)
    upstream_mm = plane.to_belt(
        LENS.to_image(transformed(to_straight, np.array([[WIDTH_MM / 2, 0]])))
    )
    np.testing.assert_allclose(found_mm - [0, upstream_mm[0, 1]], true_mm, atol=2)


def written(straight_to_belt: np.ndarray) -> PlaneCalibration:
    return PlaneCalibration.model_validate(
        {
            "made": "2026-11-25T12:00:00Z", "operator": "test", "size_px": SIZE_PX,
            "basis": "board", "straight_to_belt": straight_to_belt.tolist(), "used": 240,
            "rms_mm": 0.5, "held_back_mm": 1.0,
        }
    )  # fmt: skip


def test_the_error_of_held_back_boards_is_given_in_mm() -> None:
    fit = fit_boards(laid(belt_to_straight(), noise_px=0.3), LENS, 1.0)
    # 0.3 px are 0.5 mm here; held-back points have a larger error than fitted ones.
    assert 0.4 < fit.rms_mm < 1.0
    assert fit.rms_mm < float(np.sqrt((fit.held_back_mm**2).mean())) < 1.5


def test_a_board_that_is_raised_above_the_belt_is_detected() -> None:
    """On a crate 60 mm high it appears larger than it is."""
    boards = laid(belt_to_straight())
    raised = laid(belt_to_straight(camera_mm=(*CAMERA_MM[:2], CAMERA_MM[2] - 60)))
    fit = fit_boards([*boards[:3], raised[3]], LENS, 1.0)
    assert np.percentile(fit.held_back_mm, 95) > 5
    assert fit.worst.startswith("lay")


def test_without_the_lens_its_distortion_shows_as_error() -> None:
    boards = laid(belt_to_straight())
    assert np.percentile(fit_boards(boards, None, 1.0).held_back_mm, 95) > 3
    assert np.percentile(fit_boards(boards, LENS, 1.0).held_back_mm, 95) < 1


def test_a_print_that_is_too_small_makes_the_belt_too_small() -> None:
    belt, boards = belt_seen(belt_to_straight()), laid(belt_to_straight())
    width_mm = [
        align_to_belt(
            fit_boards(boards, LENS, scale).straight_to_plane, belt, LENS, SIZE_PX
        ).width_mm
        for scale in (1.0, 0.97)
    ]
    assert width_mm[0] == pytest.approx(WIDTH_MM, abs=2)
    assert width_mm[1] == pytest.approx(0.97 * width_mm[0], rel=1e-6)


def test_two_boards_and_images_of_another_size_are_refused() -> None:
    boards = laid(belt_to_straight())
    with pytest.raises(CalibrationError, match="2 images show the board on the belt, 3 are needed"):
        fit_boards(boards[:2], LENS, 1.0)
    other = type(LENS)(LENS.matrix, LENS.distortion, (1920, 1200))
    with pytest.raises(CalibrationError, match=r"size_px = \[1920, 1200\]: the images have 960 x"):
        fit_boards(boards, other, 1.0)


def test_images_of_two_sizes_are_refused_without_a_lens_too() -> None:
    first, *rest = laid(belt_to_straight())
    with pytest.raises(CalibrationError, match=r"images of different sizes .* 1920 x 1080 px"):
        fit_boards([dataclasses.replace(first, size_px=(1920, 1080)), *rest], None, 1.0)


def test_camera_position_and_parallax_are_computed() -> None:
    to_straight = belt_to_straight()
    position = camera_position(np.linalg.inv(to_straight), LENS)
    assert (position.x_mm, position.y_mm, position.z_mm) == pytest.approx(CAMERA_MM)
    assert position.inconsistency < 1e-9
    # The camera's ray to a point 150 mm above the belt gives the same.
    foot, height = np.array([[700.0, 1000.0]]), 150.0
    camera = np.array(CAMERA_MM)
    ray = np.array([*foot[0], height]) - camera
    on_belt = camera[:2] - ray[:2] * camera[2] / ray[2]
    np.testing.assert_allclose(position.displaced_mm(foot, height)[0], on_belt - foot[0])


def test_the_lens_of_another_camera_disagrees_with_the_plane() -> None:
    longer = type(LENS)(LENS.matrix @ np.diag([1.3, 1.0, 1.0]), LENS.distortion, SIZE_PX)
    assert camera_position(np.linalg.inv(belt_to_straight()), longer).inconsistency > 0.1


def test_edges_that_are_not_parallel_are_given_in_degrees() -> None:
    to_straight = belt_to_straight()
    fit = fit_boards(laid(to_straight), LENS, 1.0)
    corners = np.array(belt_seen(to_straight).polygon_px)
    corners[7:, 1] += np.linspace(0, 40, 7)  # one edge drawn at an angle
    belt = Belt.model_validate({"polygon_px": corners.tolist(), "travel": "right", "px_per_mm": 1})
    assert align_to_belt(fit.straight_to_plane, belt, LENS, SIZE_PX).skew_deg > 2
    down = Belt.model_validate({"polygon_px": corners.tolist(), "travel": "down", "px_per_mm": 1})
    with pytest.raises(CalibrationError, match='runs along the travel "down" within the image'):
        align_to_belt(fit.straight_to_plane, down, LENS, SIZE_PX)


def test_a_moved_camera_is_detected_by_new_boards() -> None:
    plane = np.linalg.inv(belt_to_straight())
    assert np.percentile(board_errors_mm(plane, laid(belt_to_straight()), LENS, 1.0), 95) < 1
    lower = laid(belt_to_straight(camera_mm=(*CAMERA_MM[:2], CAMERA_MM[2] - 80)), LAYS)
    assert np.percentile(board_errors_mm(plane, lower, LENS, 1.0), 95) > 5
