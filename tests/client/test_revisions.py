from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.client.revisions import RevisionSet


@given(st.lists(st.integers(1, 30)))
def test_each_is_news_once_whatever_their_order(revisions: list[int]) -> None:
    seen, known = RevisionSet(), set[int]()
    for revision in revisions:
        assert seen.newest == max(known, default=0)
        assert seen.add(revision) is (revision not in known)
        known.add(revision)


def test_an_alert_that_stays_for_days_costs_no_more_than_one_of_a_second() -> None:
    seen = RevisionSet()
    for revision in range(7, 100_000):
        assert seen.add(revision)
    assert seen._spans == [(7, 99_999)]
