"""Counters that are read rightly, and each way of reading one wrongly."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.counter import CounterCheck, CounterFault

MS = 1_000_000
WORD = 2**16


def follow(
    counts: list[int], wraps_at: int = 2**32, counts_per_mm: float | None = None
) -> tuple[CounterFault | None, list[bool]]:
    """The fault of a counter that is read every 20 ms, and which readings continue it."""
    check = CounterCheck(counts_per_mm)
    continues = [check.add(n * 20 * MS, each, wraps_at) for n, each in enumerate(counts)]
    return check.fault, continues


def motion(data: st.DataObject, count: int = 60) -> list[int]:
    """Counts of a belt that starts, stops and reverses: at most 2.5 m/s and 2.5 m/s2."""
    per_mm = data.draw(st.sampled_from([1, 4, 10, 40, 100]), label="counts per mm")
    fastest, faster = 50 * per_mm, per_mm  # per reading
    changes = data.draw(st.lists(st.integers(-faster, faster), min_size=count, max_size=count))
    speeds = accumulate(changes, lambda v, dv: max(-fastest, min(fastest, v + dv)))
    return list(accumulate(speeds, initial=data.draw(st.integers(0, 2**40), label="start")))


@given(st.integers(12, 32), st.data())
def test_a_counter_of_any_width_that_is_read_rightly_has_no_fault(
    bits: int, data: st.DataObject
) -> None:
    counts = motion(data)
    if max(abs(b - a) for a, b in pairwise(counts)) * 4 < 2**bits:
        fault, continues = follow([each % 2**bits for each in counts], 2**bits)
        assert fault is None
        assert all(continues)


@given(st.integers(0, 2**32 - 1), st.integers(-2000, 2000).filter(bool))
def test_swapped_words_are_recognised_after_twelve_steps(start: int, step: int) -> None:
    right = [(start + step * n) % 2**32 for n in range(13)]
    fault, continues = follow([(each & 0xFFFF) << 16 | each >> 16 for each in right])
    assert fault is not None
    assert fault.kind == "words swapped"
    assert not continues[-1]
    assert follow(right)[0] in {None, CounterFault("wraps", 2**31)}


@pytest.mark.parametrize("step", [1, 100, 3000, -1, -100, -3000])
@pytest.mark.parametrize("off", [WORD, -WORD])
def test_a_torn_reading_is_recognised_and_nothing_continues_it(step: int, off: int) -> None:
    counts = [3 * WORD + step * n for n in range(20)]
    counts[10] += off
    fault, continues = follow(counts)
    assert fault == CounterFault("read word by word")
    assert [n for n, each in enumerate(continues) if not each] == [10, 11]


@pytest.mark.parametrize("step", [7, 100, 3000, -7, -100, -3000])
@pytest.mark.parametrize("signed", [False, True])
def test_a_16_bit_counter_is_recognised_at_its_first_wrap(step: int, signed: bool) -> None:
    low = -WORD // 2 if signed else 0
    counts = [(step * n - step * 10) % WORD + low for n in range(20)]
    fault, continues = follow([each % 2**32 for each in counts])
    assert fault == CounterFault("wraps", WORD)
    assert continues.count(False) == 1


@pytest.mark.parametrize("bits", [12, 14, 20, 24])
def test_a_counter_of_another_width_is_recognised_at_its_second_wrap(bits: int) -> None:
    step = 2**bits // 40
    counts = [step * n % 2**bits for n in range(60)]
    assert follow(counts)[0] is None
    assert follow([step * n % 2**bits for n in range(100)])[0] == CounterFault("wraps", 2**bits)


def test_a_counter_that_is_reset_has_no_wrong_wrap_count() -> None:
    counts = [*range(250_000, 262_000, 100), *range(0, 5000, 100)]
    fault, continues = follow(counts, counts_per_mm=10)
    assert fault is None
    assert continues.count(False) == 1
    assert not continues[120]


@given(st.integers(2000, 2**31 - WORD))
def test_a_reset_from_any_count_is_not_taken_for_a_torn_reading(count: int) -> None:
    counts = [*range(count - 1500, count, 100), *range(0, 2000, 100)]
    fault, _ = follow(counts, counts_per_mm=10)
    assert fault is None or fault.kind == "wraps"
