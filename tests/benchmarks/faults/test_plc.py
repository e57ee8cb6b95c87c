from __future__ import annotations

from benchmarks.faults.plc import PollingPlc, PublishedState, Tally, inject_faults
from detector.bridge.register_map import INPUT_WORDS


def test_no_register_reads_clear_when_it_must_not_under_any_fault() -> None:
    # A wrong clear stays; how fast a register must change is measured by the bench.
    tally = inject_faults(9, news_ms=2000)
    assert tally.wrong_clear == []
    assert tally.crashes == 0
    assert sum(tally.injuries.values()) == 9
    assert len(tally.injuries) == 7
    assert tally.watched > 0


def test_a_wrong_clear_is_noticed() -> None:
    words = [0] * INPUT_WORDS
    words[5] = words[6] = 1
    second = 1_000_000_000
    tally, truth = Tally(), PublishedState(gas_since_ns=second, last_frame_ns=second)
    check = PollingPlc(0, truth, tally)._check
    check(words, second + 100_000_000)
    assert tally.wrong_clear == []
    check(words, 3 * second)
    assert len(tally.wrong_clear) == 2
