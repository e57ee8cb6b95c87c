import numpy as np
import pytest

from models.verifier.fusion import fit, threshold_for


def _made(detector: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    v, d = rng.normal(0, 2, (2, 4000)).astype(np.float32)
    right = rng.random(4000) < 1 / (1 + np.exp(-(1.5 * v + detector * d - 1)))
    return v, d, right


def test_the_fitted_weights_are_those_that_made_the_data() -> None:
    fusion = fit(*_made(0.5))
    assert fusion.verifier == pytest.approx(1.5, abs=0.2)
    assert fusion.detector == pytest.approx(0.5, abs=0.15)
    assert fusion.offset == pytest.approx(-1, abs=0.2)


def test_a_detector_that_speaks_against_itself_is_left_out() -> None:
    assert fit(*_made(-0.5)).detector == 0


def test_the_threshold_lets_the_given_share_of_harmless_pictures_pass() -> None:
    worst = [0.0] * 90 + [0.55] * 5 + [0.72] * 5
    assert threshold_for(worst, 0.05) == pytest.approx(0.56)
    assert threshold_for(worst, 0.5) == 0.5
    assert threshold_for([0.999] * 9, 0.1) == 0.99
