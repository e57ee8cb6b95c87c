"""Surveyed points: checked against each other, and the wrong one is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.survey_fit import fit_survey
from detector.belt.plane import CalibrationError, transformed
from tests.calibration.belt_camera import belt_to_straight
from tests.calibration.board_camera import LENS

MM = np.array(
    [[0, 0], [760, 0], [0, 400], [760, 400], [0, 1100], [760, 1100], [380, 200], [380, 900]],
    dtype=np.float64,
)
PX = LENS.to_image(transformed(belt_to_straight(), MM))


def test_points_give_the_true_plane_and_their_held_back_error() -> None:
    rough = np.random.default_rng(0).normal(0, 1.0, MM.shape)
    fit = fit_survey(PX, MM + rough, LENS, "points.csv")
    missed = transformed(fit.straight_to_plane, LENS.straight(PX)) - MM
    assert np.abs(missed).max() < 3
    assert 0.5 < fit.rms_mm < np.sqrt((fit.held_back_mm**2).mean()) < 6
    assert "points.csv, points[" in fit.worst


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(0, len(MM) - 1), min_size=2, max_size=2))
def test_two_swapped_points_are_both_named(pair: set[int]) -> None:
    a, b = sorted(pair)
    swapped = MM.copy()
    swapped[[a, b]] = MM[[b, a]]
    with pytest.raises(CalibrationError, match=rf"points\[{a}\] and points\[{b}\] are swapped"):
        fit_survey(PX, swapped, LENS, "belt.points")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, len(MM) - 1), st.floats(60, 400), st.booleans())
def test_one_wrong_point_is_named(wrong: int, by_mm: float, along: bool) -> None:
    mistaken = MM.copy()
    mistaken[wrong, int(along)] += by_mm
    with pytest.raises(CalibrationError, match=rf"points\[{wrong}\]"):
        fit_survey(PX, mistaken, LENS, "belt.points")


def test_four_points_are_refused_because_none_is_left_to_check() -> None:
    with pytest.raises(CalibrationError, match="4 points; 6 are needed"):
        fit_survey(PX[:4], MM[:4], LENS, "belt.points")


def test_points_on_one_line_are_refused() -> None:
    line = np.column_stack([np.zeros(6), np.arange(6) * 100.0])
    px = LENS.to_image(transformed(belt_to_straight(), line + np.array([0, 200])))
    with pytest.raises(CalibrationError, match="on one line, which does not fix a plane"):
        fit_survey(px, line, LENS, "belt.points")
