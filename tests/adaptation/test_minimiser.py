from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.adaptation.minimiser import Vector, minimise


def rosenbrock(at: Vector) -> tuple[float, Vector]:
    x, y = at
    value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    return float(value), np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def test_a_curved_valley_is_followed_to_its_lowest_point() -> None:
    assert minimise(rosenbrock, np.array([-1.2, 1.0]), tolerance=0) == pytest.approx(1, abs=1e-4)


@given(st.integers(1, 30), st.integers(0, 1000))
def test_the_minimum_of_any_bowl_is_found(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    bowl, centre = root @ root.T + np.eye(size), rng.normal(size=size)

    def function(at: Vector) -> tuple[float, Vector]:
        slope = bowl @ (at - centre)
        return float((at - centre) @ slope) / 2, slope

    assert minimise(function, np.zeros(size), tolerance=1e-14) == pytest.approx(centre, abs=1e-4)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=4))
def test_the_result_is_never_above_the_start(start: list[float]) -> None:
    def waves(at: Vector) -> tuple[float, Vector]:
        return float((np.sin(at) + at**2 / 100).sum()), np.cos(at) + at / 50

    at = np.array(start)
    assert waves(minimise(waves, at))[0] <= waves(at)[0]


def test_a_start_without_slope_is_the_result_itself() -> None:
    start = np.array([3.0, 4.0])
    assert minimise(lambda at: (0.0, np.zeros_like(at)), start) is start
