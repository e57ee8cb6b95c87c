"""The fault tour of the wire, short: `vigitri bench faults` does the same for hours."""

from __future__ import annotations

import pytest

from benchmarks.faults import KINDS, inject
from benchmarks.fuzz import fuzz


@pytest.mark.timeout(600)
def test_a_line_that_is_killed_cut_off_and_delayed_loses_no_alert_and_doubles_none() -> None:
    tally = inject(runs=6, seed=2)
    assert all(tally.injected[kind] >= 1 for kind in KINDS)
    assert tally.revisions > 0
    assert tally.lost == []
    assert tally.duplicates == []


def test_malformed_messages_bring_neither_end_down() -> None:
    tally = fuzz(4000)
    assert tally.messages == 4000
    assert tally.crashes == 0
    assert tally.refused > 1000
    assert tally.malformed > 1000
