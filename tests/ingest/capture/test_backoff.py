from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.capture.backoff import Backoff

backoffs = st.builds(
    Backoff, first_s=st.floats(0.01, 5), longest_s=st.floats(5, 60), settled_s=st.just(1.0)
)


@given(backoff=backoffs, attempt=st.integers(0, 10_000), seed=st.integers())
def test_no_wait_is_longer_than_its_bound(backoff: Backoff, attempt: int, seed: int) -> None:
    assert 0 <= backoff.delay_s(attempt, random.Random(seed)) <= backoff.bound_s(attempt)


@given(backoff=backoffs, attempt=st.integers(0, 10_000))
def test_bounds_double_up_to_the_longest(backoff: Backoff, attempt: int) -> None:
    bound_s = backoff.bound_s(attempt)
    assert bound_s <= backoff.bound_s(attempt + 1) <= backoff.longest_s
    assert bound_s in (backoff.first_s * 2**attempt if attempt < 60 else None, backoff.longest_s)
