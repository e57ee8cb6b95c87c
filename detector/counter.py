"""An encoder's counter as it arrives: whether one reading continues the one before, and how it is
read wrongly if they do not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

FASTEST_MM_S = 5000.0
JITTER_NS = 100_000_000
"""Tolerance for the time between two readings, whose timestamps may be late."""
WORD = 2**16
WRAPS = tuple(1 << bits for bits in range(12, 32))
"""Counters of 12 to 31 bits."""
NEAR = 16
"""A jump by a counter's range is one up to this fraction of the range."""
SWAPPED_CHANGES, SWAPPED_TIMES = 12, 256
"""Steps after which swapped words are recognised, and how much longer they are then: a step of one
count becomes 65536."""


@dataclass(frozen=True, slots=True)
class CounterFault:
    """How a counter is read wrongly."""

    kind: Literal["words swapped", "read word by word", "written word by word", "wraps"]
    wraps_at: int | None = None
    """For `wraps`: the count at which it wraps."""

    def __str__(self) -> str:
        if self.kind == "words swapped":
            return (
                "the two words of the encoder's count are swapped: write the high word to register "
                "105 and the low word to 106 (a 16-bit count: 0 to 105)"
            )
        if self.kind == "written word by word":
            return (
                "registers 105 and 106 are written in separate requests, between which the count "
                "is torn, so that it is not used: write both in one request (function 16)"
            )
        if self.kind == "read word by word":
            return (
                "the encoder's count jumped by 65536 and back, as one that is copied word by word "
                "does at a carry: copy both words at once in the PLC (one 32-bit move), and write "
                "registers 105 and 106 in one request"
            )
        return (
            f"the encoder's counter wraps at {self.wraps_at}, not at belt.encoder_wraps_at: write "
            f"belt.encoder_wraps_at = {self.wraps_at} in the line's profile"
        )


SWAPPED = CounterFault("words swapped")
_BACK = (0, None)
"""The jump back from a reading whose words were not of one moment."""


class CounterCheck:
    """Follows the readings of one counter."""

    def __init__(self, counts_per_mm: float | None) -> None:
        """`counts_per_mm`: if known, a step that no belt can make is none."""
        self._max_per_ns = abs(counts_per_mm or 0.0) * FASTEST_MM_S / 1e9 or float("inf")
        self._last: tuple[int, int] | None = None
        self._per_ns: float | None = None
        """Counts per ns over the last step that was one."""
        self._changes: deque[tuple[int, int]] = deque(maxlen=SWAPPED_CHANGES)
        """Sizes of the last steps other than 0, as read and with swapped words."""
        self._jump: tuple[int, int | None] | None = None
        """The last step, if it was a jump: its counts, and the range of a counter that wraps so."""
        self._wrapped_at: int | None = None
        """The range of the last jump by a wrap."""
        self._misread: CounterFault | None = None

    @property
    def fault(self) -> CounterFault | None:
        """None: nothing is known to be wrong."""
        if len(self._changes) == SWAPPED_CHANGES:
            as_read, swapped = (sum(sizes) for sizes in zip(*self._changes, strict=True))
            if as_read > SWAPPED_TIMES * swapped:
                return SWAPPED
        return self._misread

    def add(self, t_ns: int, counts: int, wraps_at: int) -> bool:
        """Add a reading, later than the last one; returns whether it continues it: the counter was
        not reset, cannot have wrapped more than once, and was not read wrongly."""
        last, self._last = self._last, (t_ns, counts)
        if last is None:
            return True
        elapsed_ns, raw = t_ns - last[0], counts - last[1]
        if raw:
            swapped = _swapped(counts) - _swapped(last[1])
            self._changes.append(
                (abs(shortest_step(raw, 2**32)), abs(shortest_step(swapped, 2**32)))
            )
        step = shortest_step(raw, wraps_at)
        jumped_before, self._jump = self._jump, self._jump_of(last, counts, step, wraps_at)
        self._judge(jumped_before)
        continues = self._jump is None and self._is_possible(elapsed_ns, step, wraps_at)
        # Two such steps in a row are no jumps: the belt is that fast, and readings are that rare.
        again = self._jump not in {None, _BACK} and (jumped_before or self._per_ns is None)
        if (continues or again) and elapsed_ns > 0:
            self._per_ns = step / elapsed_ns
        return continues and self.fault != SWAPPED

    def _jump_of(
        self, last: tuple[int, int], counts: int, step: int, wraps_at: int
    ) -> tuple[int, int | None] | None:
        t_ns = self._last[0] if self._last else 0
        expected = 0.0 if self._per_ns is None else self._per_ns * (t_ns - last[0])
        off = step - expected
        if self._per_ns is not None:
            for pair in ((last[1], counts), (_signed(last[1]), _signed(counts))):
                wrap = _wrap_between(*pair, off, expected, wraps_at)
                if wrap is not None:
                    return round(off), wrap
        is_word = wraps_at > WORD and abs(abs(off) - WORD) <= WORD / NEAR
        return (round(off), None) if is_word else None

    def _judge(self, before: tuple[int, int | None] | None) -> None:
        """Whether the jump before this step was one of a torn reading, or of a wrap."""
        if before is None:
            return
        off, wrap = before
        back = self._jump is not None and abs(self._jump[0] + off) <= WORD / NEAR
        if back and abs(abs(off) - WORD) <= WORD / NEAR:
            self._misread, self._jump = CounterFault("read word by word"), _BACK
        elif wrap is not None:
            # A counter that was reset near the end of a range looks like one that wraps; twice at
            # the same count it is none. For the usual 16 bits once is enough.
            if wrap in {WORD, self._wrapped_at}:
                self._misread = CounterFault("wraps", wrap)
            self._wrapped_at = wrap

    def _is_possible(self, elapsed_ns: int, step: int, wraps_at: int) -> bool:
        """Whether a belt can make this step: the counter was not reset and cannot have wrapped."""
        if self._max_per_ns == float("inf"):
            return True
        may_have_wrapped = elapsed_ns * self._max_per_ns > wraps_at / 2
        return not may_have_wrapped and abs(step) <= (elapsed_ns + JITTER_NS) * self._max_per_ns


def shortest_step(counts: int, wraps_at: int) -> int:
    """Difference of two readings of a counter that wraps: the step of the smaller size."""
    return (counts + wraps_at // 2) % wraps_at - wraps_at // 2


def _wrap_between(
    before: int, after: int, off: float, expected: float, wraps_at: int
) -> int | None:
    """The range of the counter that has wrapped between two readings, if it is not `wraps_at`."""
    for wrap in WRAPS:
        low = -(wrap // 2) if min(before, after) < 0 else 0
        if wrap >= wraps_at or not low <= min(before, after) <= max(before, after) < low + wrap:
            continue
        near = wrap / NEAR
        at_its_ends = abs(after - before) >= wrap - near
        if at_its_ends and abs(off) >= wrap - 2 * near:
            rest = shortest_step(after - before, wrap) - expected
            if abs(rest) <= near:
                return wrap
    return None


def _swapped(counts: int) -> int:
    return (counts & 0xFFFF) << 16 | counts >> 16 & 0xFFFF


def _signed(counts: int) -> int:
    """As a 32-bit number with a sign: a 16-bit count below 0 that was extended."""
    return counts - 2**32 if counts >= 2**31 else counts
