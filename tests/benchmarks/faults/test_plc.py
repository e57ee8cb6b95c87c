from __future__ import annotations

from benchmarks.faults.modbus_fuzz import fuzz
from benchmarks.faults.plc import PollingPlc, Tally, Truth, injure
from detector.bridge.register_map import INPUT_WORDS


def test_no_register_reads_clear_when_it_must_not_whatever_is_injured() -> None:
    # What is left clear stays clear; how fast it must change is the bench's to measure.
    tally = injure(9, news_ms=2000)
    assert tally.wrong_clear == []
    assert tally.crashes == 0
    assert sum(tally.injuries.values()) == 9
    assert len(tally.injuries) == 7
    assert tally.watched > 0


def test_malformed_frames_crash_no_bridge() -> None:
    tally = fuzz(2000)
    assert (tally.crashes, tally.frames) == (0, 2000)
    assert tally.answered > 1000  # each comes to the bridge as a frame of its own


def test_a_clear_word_that_is_wrong_is_noticed() -> None:
    words = [0] * INPUT_WORDS
    words[5] = words[6] = 1
    second = 1_000_000_000
    tally, truth = Tally(), Truth(gas_since_ns=second, last_frame_ns=second)
    judge = PollingPlc(0, truth, tally)._judge
    judge(words, second + 100_000_000)
    assert tally.wrong_clear == []
    judge(words, 3 * second)
    assert len(tally.wrong_clear) == 2
