from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.adaptation.head_fit import fitted_head, moved
from detector.vision.verifier import VerifierHead


def random_head(rng: np.random.Generator, kinds: int, length: int) -> VerifierHead:
    return VerifierHead(
        rng.normal(size=(kinds, length)).astype(np.float32),
        rng.normal(size=kinds).astype(np.float32),
    )


def rows(rng: np.random.Generator, count: int, length: int) -> NDArray[np.float32]:
    return rng.normal(size=(count, length)).astype(np.float32)


@given(st.integers(2, 8), st.integers(1, 20), st.integers(0, 40), st.integers(0, 99))
@settings(max_examples=30)
def test_without_answers_nothing_changes(kinds: int, length: int, crops: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    head = random_head(rng, kinds, length)
    bank = rows(rng, crops, length)
    fitted = fitted_head(head, bank, bank[:0], np.zeros((0, kinds), np.bool_))
    np.testing.assert_allclose(fitted.weights, head.weights, atol=2e-4)
    np.testing.assert_allclose(fitted.bias, head.bias, atol=2e-4)


def test_answers_change_what_is_like_them_and_little_else() -> None:
    rng = np.random.default_rng(0)
    head, bank = random_head(rng, 4, 64), rows(rng, 400, 64)
    thing = rng.normal(size=64)
    seen = (thing + 0.2 * rng.normal(size=(8, 64))).astype(np.float32)
    usual = int(head.probabilities(seen).sum(0).argmax())
    accepted = np.ones((3, 4), np.bool_)
    accepted[:, usual] = False
    fitted = fitted_head(head, bank, seen[:3], accepted)
    assert (head.probabilities(seen[3:])[:, usual] > 0.5).all()
    assert (fitted.probabilities(seen[3:])[:, usual] < 0.2).all()
    changed = np.abs(fitted.probabilities(bank) - head.probabilities(bank)).max(1)
    assert np.median(changed) < 0.02


def test_an_answer_whose_kind_is_unknown_leaves_open_which_one_it_is() -> None:
    rng = np.random.default_rng(1)
    head = VerifierHead(np.zeros((3, 4), np.float32), np.array([1, 0, 3], np.float32))
    seen = np.abs(rows(rng, 5, 4))
    fitted = fitted_head(head, seen[:0], seen, np.array([[True, True, False]] * 5))
    after = fitted.probabilities(seen)
    assert (after[:, :2].sum(1) > 0.9).all()
    assert (after[:, 0] > after[:, 1]).all()  # as the head had it before


def test_a_head_is_moved_by_a_share_of_the_distance() -> None:
    rng = np.random.default_rng(2)
    one, two = random_head(rng, 3, 5), random_head(rng, 3, 5)
    half = moved(one, two, 0.5)
    np.testing.assert_allclose(half.weights, (one.weights + two.weights) / 2, rtol=1e-5)
    np.testing.assert_allclose(moved(one, two, 0).bias, one.bias)
