from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detector.vision.score_curve import LEAST_OF_EACH, ScoreCurve, fit_score_curve


def drawn(slope: float, offset: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and whether each track is right, drawn with the probability of that curve."""
    rng = np.random.default_rng(5)
    scores = rng.uniform(0.05, 0.95, n)
    true = 1 / (1 + np.exp(-(slope * np.log(scores / (1 - scores)) + offset)))
    return scores, rng.random(n) < true


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (2.0, -1.0), (0.5, 1.5)])
def test_the_curve_from_which_tracks_were_drawn_is_recovered(slope: float, offset: float) -> None:
    curve = fit_score_curve(*drawn(slope, offset))
    assert curve is not None
    assert curve.slope == pytest.approx(slope, rel=0.1)
    assert curve.offset == pytest.approx(offset, abs=0.15)


def test_separable_tracks_give_no_step_function() -> None:
    scores = np.concatenate([np.linspace(0.1, 0.4, 30), np.linspace(0.6, 0.9, 30)])
    curve = fit_score_curve(scores, scores > 0.5)
    assert curve is not None
    assert 0.02 < curve.probability(0.4) < 0.4
    assert 0.6 < curve.probability(0.6) < 0.98


def test_too_few_tracks_or_a_falling_probability_give_no_curve() -> None:
    scores, right = drawn(1.0, 0.0, 400)
    few = np.flatnonzero(right)[: LEAST_OF_EACH - 1]
    rows = np.concatenate([few, np.flatnonzero(~right)])
    assert fit_score_curve(scores[rows], right[rows]) is None
    assert fit_score_curve(scores, ~right) is None  # falls with the score


@given(
    slope=st.floats(0.01, 20),
    offset=st.floats(-20, 20),
    scores=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_probability_is_between_0_and_1_and_never_falls(
    slope: float, offset: float, scores: tuple[float, float]
) -> None:
    curve = ScoreCurve(slope=slope, offset=offset)
    low, high = (curve.probability(score) for score in sorted(scores))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("changes", [{"slope": 0.0}, {"offset": float("nan")}, {"bias": 1.0}])
def test_invalid_curve_parameters_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ScoreCurve.model_validate({"slope": 1.0, "offset": 0.0, **changes})


def test_a_nearly_uninformative_score_gives_no_curve() -> None:
    """Its slope would be written as 0.0, which is not a valid slope."""
    scores = np.repeat([0.5, 0.7310586], 100_000)
    right = np.concatenate([np.arange(100_000) < 50_000, np.arange(100_000) < 50_001])
    assert fit_score_curve(scores, right) is None
