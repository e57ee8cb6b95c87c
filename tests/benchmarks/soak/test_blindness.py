from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.blindness import blindness, by_kind
from benchmarks.soak.faults import Injected
from benchmarks.soak.readings import READING, Readings
from detector.bridge.register_words import HazardWord, VisionWord

MS = 1_000_000
FAULT = Injected("camera hangs", 10_000 * MS, 14_000 * MS)


def polled(blind_from_ms: float, blind_until_ms: float, every_ms: int = 10) -> Readings:
    """A PLC that reads unseen in between, and else ready and clear; replies take 1 ms."""
    asked_ms = np.arange(9_000, 20_000, every_ms)
    readings = np.zeros(len(asked_ms), READING)
    readings["asked_ns"], readings["t_ns"] = asked_ms * MS, (asked_ms + 1) * MS
    blind = (asked_ms >= blind_from_ms) & (asked_ms < blind_until_ms)
    readings["state"] = np.where(blind, VisionWord.UNAVAILABLE, VisionWord.READY)
    readings["gas"] = np.where(blind, HazardWord.UNKNOWN, HazardWord.CLEAR)
    return readings


def test_a_line_that_is_blind_in_time_has_no_reading_that_says_seen() -> None:
    found = blindness(polled(10_290, 15_500), FAULT, fps=10, until_ns=20_000 * MS)
    assert (found.seen, found.seen_beyond_budget, found.clear) == (0, 0, 0)
    assert found.readings == 370  # from 10,310 to 14,000 ms
    assert found.to_blind_ms == 291
    assert found.to_sight_s == 1.501
    assert round(found.unseen_s, 2) == 5.21


def test_each_reading_that_says_seen_too_late_is_counted() -> None:
    found = blindness(polled(10_400, 15_500), FAULT, fps=10, until_ns=20_000 * MS)
    assert (found.seen, found.seen_beyond_budget, found.clear) == (9, 4, 9)


def test_a_line_that_never_notices_the_fault_is_never_blind() -> None:
    found = blindness(polled(0, 0), FAULT, fps=10, until_ns=20_000 * MS)
    assert found.seen == found.readings > 0
    assert (found.to_blind_ms, found.to_sight_s, found.unseen_s) == (None, None, 0.0)
    assert by_kind([found])["camera hangs"]["never_blind"] == 1


def test_a_hazard_word_alone_says_seen() -> None:
    readings = polled(10_290, 15_500)
    readings["battery"][readings["asked_ns"] == 12_000 * MS] = HazardWord.ACTIVE
    found = blindness(readings, FAULT, fps=10, until_ns=20_000 * MS)
    assert (found.seen, found.clear) == (1, 0)


def test_sight_that_returns_after_the_next_fault_began_is_not_this_ones() -> None:
    found = blindness(polled(10_290, 15_500), FAULT, fps=10, until_ns=15_000 * MS)
    assert found.to_sight_s is None


@given(st.integers(0, 4_000), st.integers(1, 2_000))
def test_readings_beyond_the_budget_are_among_those_beyond_three_periods(
    after_ms: int, longer_ms: int
) -> None:
    readings = polled(10_000 + after_ms, 14_000 + longer_ms)
    found = blindness(readings, FAULT, fps=10, until_ns=20_000 * MS)
    assert found.readings >= found.seen >= found.seen_beyond_budget
    assert found.seen == max(0, len(range(10_310, min(10_000 + after_ms, 14_001), 10)))
