from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.exact_intervals import poisson_upper
from calibration.operating_point import CurvePoint, best_trade, operating_point


def curve(*points: tuple[float, int, int]) -> list[CurvePoint]:
    """A curve of (threshold, found of 10, false alarms)."""
    return [CurvePoint(threshold, found, 10, false) for threshold, found, false in points]


def test_classes_share_the_budget_where_it_gains_most_recall() -> None:
    # 10 h at 1 per hour: with 5 alarms the bound is 10.5, so 4 fit. Battery gains more recall.
    curves = {
        "gas": curve((0.2, 10, 4), (0.5, 9, 0)),
        "battery": curve((0.2, 9, 4), (0.5, 4, 0)),
    }
    best = operating_point(curves, belt_h=10)
    assert best.proven
    assert {name: point.threshold for name, point in best.points.items()} == {
        "gas": 0.5,
        "battery": 0.2,
    }
    assert "within the budget" in best.summary()


def test_too_little_belt_time_is_stated_and_the_fewest_alarms_are_chosen() -> None:
    best = operating_point({"gas": curve((0.2, 9, 1), (0.5, 7, 0), (0.9, 1, 0))}, belt_h=2)
    assert not best.proven
    assert best.points["gas"].threshold == 0.5
    assert "NOT proven" in best.summary()
    assert "takes 3.0 h" in best.summary()


def test_a_budget_that_no_threshold_keeps_is_stated() -> None:
    best = operating_point({"gas": curve((0.2, 9, 90), (0.5, 7, 50))}, belt_h=20)
    assert not best.proven
    assert best.out_of_reach
    assert "no threshold keeps the budget" in best.summary()


def test_best_trade_at_a_rate_of_false_alarms_and_none_at_too_low_a_rate() -> None:
    curves = {
        "gas": curve((0.2, 9, 90), (0.5, 7, 50), (0.9, 1, 4)),
        "battery": curve((0.2, 10, 30), (0.5, 8, 10)),
    }
    best = best_trade(curves, belt_h=2, per_h=30)
    assert best is not None
    assert {name: point.threshold for name, point in best.items()} == {
        "gas": 0.5,
        "battery": 0.5,
    }
    assert best_trade(curves, belt_h=2, per_h=6) is None


def test_among_thresholds_with_equal_counts_the_middle_one_is_chosen() -> None:
    same = curve((0.1, 9, 7), (0.2, 9, 0), (0.3, 9, 0), (0.4, 9, 0), (0.5, 8, 0))
    assert operating_point({"gas": same}, belt_h=10).points["gas"].threshold == 0.3


def test_an_empty_curve_and_no_belt_time_are_refused() -> None:
    with pytest.raises(ValueError, match="a curve with a point for each class"):
        operating_point({"gas": []}, 1.0)
    with pytest.raises(ValueError, match="belt_h = 0"):
        operating_point({"gas": curve((0.2, 1, 0))}, 0.0)


POINTS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 20)), min_size=1, max_size=8)


@given(gas=POINTS, battery=POINTS, belt_h=st.floats(0.1, 40))
def test_no_other_choice_within_the_budget_finds_more(
    gas: list[tuple[int, int]], battery: list[tuple[int, int]], belt_h: float
) -> None:
    curves = {
        name: curve(*((0.1 * n, found, false) for n, (found, false) in enumerate(points)))
        for name, points in (("gas", gas), ("battery", battery))
    }
    best = operating_point(curves, belt_h)
    recall = sum(point.recall for point in best.points.values())
    assert best.proven == (best.upper_per_h <= 1.0)
    for a in curves["gas"]:
        for b in curves["battery"]:
            false = a.false_alarms + b.false_alarms
            if poisson_upper(false) <= belt_h:
                assert best.proven
                assert a.recall + b.recall <= recall + 1e-9
            if not best.proven:
                assert best.false_alarms <= false
