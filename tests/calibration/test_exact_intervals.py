from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.exact_intervals import clopper_pearson, poisson_upper


def test_bounds_match_the_figures_of_the_domain_notes() -> None:
    assert 1 - clopper_pearson(60, 60, 0.90)[0] == pytest.approx(0.05, abs=0.002)
    assert 1 - clopper_pearson(300, 300, 0.90)[0] == pytest.approx(0.01, abs=0.0003)
    assert poisson_upper(0) / 30 == pytest.approx(0.1, abs=0.001)


@given(total=st.integers(0, 400), data=st.data())
def test_a_share_is_within_its_interval_and_the_interval_is_symmetric(
    total: int, data: st.DataObject
) -> None:
    right = data.draw(st.integers(0, total))
    low, high = clopper_pearson(right, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low <= right / total <= high
    mirrored = clopper_pearson(total - right, total)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


@given(st.integers(0, 1000))
def test_more_alarms_prove_less_and_the_bound_is_above_the_count(count: int) -> None:
    assert count < poisson_upper(count) < poisson_upper(count + 1)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        clopper_pearson(3, 2)
