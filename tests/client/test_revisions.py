from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.client.revisions import RevisionSet


@given(st.lists(st.integers(1, 30)))
def test_each_revision_is_new_once_in_any_order(revisions: list[int]) -> None:
    revisions_seen, known = RevisionSet(), set[int]()
    for revision in revisions:
        assert revisions_seen.newest == max(known, default=0)
        assert revisions_seen.add(revision) is (revision not in known)
        known.add(revision)


def test_consecutive_revisions_are_stored_as_one_span() -> None:
    seen = RevisionSet()
    for revision in range(7, 100_000):
        assert seen.add(revision)
    assert seen._spans == [(7, 99_999)]
