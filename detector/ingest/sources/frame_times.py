"""The times of a film's frames, by their own timestamps, and what is unusual about them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

GAP_NS = 1_000_000_000
GAP_PERIODS = 4
"""A step longer than both is a gap: the recorder wrote nothing. Without the second, each step of a
film with one frame in two seconds would be one."""
AROUND = 5
"""A step is compared with this number of steps before and after it."""
RATE_OVER = 10
"""Steps that a rate is taken over: one dropped frame is no change of rate."""
RATE_VARIES = 1.5
"""Ratio of the highest to the lowest rate; below it, the clock of a phone or a recorder."""


@dataclass(slots=True)
class _Kind:
    """All occurrences of one kind: only the first and the longest are reported one by one."""

    count: int = 0
    longest_ns: int = 0
    first_at_ns: int = 0

    def add(self, length_ns: int, at_ns: int) -> None:
        self.first_at_ns = self.first_at_ns if self.count else at_ns
        self.count += 1
        self.longest_ns = max(self.longest_ns, length_ns)


@dataclass(frozen=True, slots=True)
class _Step:
    """From one frame to the next."""

    length_ns: int
    at_ns: int
    """Position of the first of the two."""

    def is_gap(self, usual_ns: float) -> bool:
        return self.length_ns > max(GAP_NS, GAP_PERIODS * usual_ns)


class FrameTimes:
    """Positions in a film, ns after its first frame.

    Each frame's position is its own timestamp: films of phones and recorders have no constant rate,
    and `index / rate` would be off by seconds. A frame without a timestamp follows one period after
    the one before, and so does the first after a jump back (two films in one file).
    """

    def __init__(self, fps: float | None) -> None:
        """`fps`: the rate that the film states; None: it states none."""
        self._stated_ns = None if fps is None else round(1e9 / fps)
        self._steps: deque[_Step] = deque(maxlen=2 * AROUND + 1)
        self._first_ns: int | None = None
        """Timestamp of the first frame, less the position that it has after a jump back."""
        self._last_ns: int | None = None
        """Position of the last frame; None: there was none."""
        self._damaged = 0
        """Frames that could not be decoded since the last one that could."""
        self._lost = _Kind()
        self._lost_frames = 0
        self._lost_until_ns = 0
        self._gaps, self._jumps = _Kind(), _Kind()
        self._slowest_ns, self._fastest_ns = 0.0, 0.0
        """Longest and shortest period over `RATE_OVER` steps; 0: too few frames."""
        self._slowest_at_ns, self._fastest_at_ns = 0, 0

    def add(self, taken_ns: int | None) -> int:
        """The position of a frame with this timestamp (ns, any origin; None: it has none)."""
        last_ns = self._last_ns
        position_ns = self._position(taken_ns)
        if last_ns is not None:
            self._add_step(last_ns, position_ns)
        elif self._damaged:
            self._add_lost(self._damaged, 0, position_ns)
        self._damaged = 0
        self._last_ns = position_ns
        return position_ns

    def add_damaged(self) -> None:
        """A frame that cannot be decoded. It has no timestamp: its packet may show another."""
        self._damaged += 1

    @property
    def end_ns(self) -> int:
        """Position at which the last frame ends."""
        return 0 if self._last_ns is None else self._last_ns + self._period_ns()

    @property
    def lost_frames(self) -> int:
        """Frames so far that could not be decoded; those that the decoder left out are estimated by
        the time that is missing."""
        return self._lost_frames + self._damaged

    @property
    def jumped_back(self) -> bool:
        """The film's stated duration is then not the time that it shows."""
        return self._jumps.count > 0

    def lost_where(self) -> str:
        """Where the frames were lost, such as `from 2.40 s to 3.43 s`."""
        if not self._damaged:
            until_s, count = self._lost_until_ns / 1e9, self._lost.count
        else:
            until_s = (self.end_ns + self._damaged * self._period_ns()) / 1e9
            count = self._lost.count + 1
        from_s = (self._lost.first_at_ns if self._lost.count else self.end_ns) / 1e9
        stretches = f", in {count} stretches" if count > 1 else ""
        return f"from {from_s:.2f} s to {until_s:.2f} s{stretches}"

    def notes(self) -> list[str]:
        """One line for each kind: a varying rate, gaps, jumps back."""
        notes = []
        if self._slowest_ns > RATE_VARIES * self._fastest_ns:
            notes.append(
                f"its rate varies, from {1e9 / self._fastest_ns:.3g} frames per second at "
                f"{self._fastest_at_ns / 1e9:.2f} s to {1e9 / self._slowest_ns:.3g} at "
                f"{self._slowest_at_ns / 1e9:.2f} s; each frame has its own time"
            )
        gaps, jumps = replace(self._gaps), self._jumps
        steps = list(self._steps)
        for number in range(AROUND + 1 if self._is_full() else 0, len(steps)):
            _count_gap(steps, number, gaps)
        if gaps.count:
            all_gaps = "a gap" if gaps.count == 1 else f"{gaps.count} gaps, the longest"
            notes.append(
                f"{all_gaps} of {gaps.longest_ns / 1e9:.1f} s{_first(gaps)}: nothing was recorded"
            )
        if jumps.count:
            by = "" if jumps.count == 1 else f" {jumps.count} times, at most"
            notes.append(
                f"its clock jumps back{by} by {jumps.longest_ns / 1e9:.1f} s{_first(jumps)}: "
                "the times of what follows continue from there"
            )
        return notes

    def _position(self, taken_ns: int | None) -> int:
        follows_ns = self.end_ns + self._damaged * self._period_ns()
        if taken_ns is None:
            return follows_ns
        if self._first_ns is None:
            self._first_ns = taken_ns - follows_ns
        position_ns = taken_ns - self._first_ns
        if self._last_ns is not None and position_ns <= self._last_ns:
            self._jumps.add(self._last_ns - position_ns, self._last_ns)
            self._first_ns = taken_ns - follows_ns
            return follows_ns
        return position_ns

    def _add_step(self, last_ns: int, position_ns: int) -> None:
        step_ns, period_ns = position_ns - last_ns, self._period_ns()
        if self._damaged:
            missing = round(step_ns / period_ns) - 1 if period_ns else 0
            self._add_lost(max(self._damaged, missing), last_ns + period_ns, position_ns)
            return
        was_full = self._is_full()
        self._steps.append(_Step(step_ns, last_ns))
        if self._is_full():
            steps = list(self._steps)
            for number in range(AROUND if was_full else 0, AROUND + 1):
                _count_gap(steps, number, self._gaps)
        if len(self._steps) >= RATE_OVER:
            self._rate(list(self._steps)[-RATE_OVER:])

    def _is_full(self) -> bool:
        return len(self._steps) == self._steps.maxlen

    def _add_lost(self, frames: int, from_ns: int, until_ns: int) -> None:
        self._lost_frames += frames
        self._lost.add(until_ns - from_ns, from_ns)
        self._lost_until_ns = until_ns

    def _rate(self, steps: Sequence[_Step]) -> None:
        usual_ns = median(step.length_ns for step in steps)
        if any(step.is_gap(usual_ns) for step in steps):  # which is no slow rate
            return
        mean_ns = sum(step.length_ns for step in steps) / RATE_OVER
        if mean_ns > self._slowest_ns:
            self._slowest_ns, self._slowest_at_ns = mean_ns, steps[0].at_ns
        if not self._fastest_ns or mean_ns < self._fastest_ns:
            self._fastest_ns, self._fastest_at_ns = mean_ns, steps[0].at_ns

    def _period_ns(self) -> int:
        """The usual step, by the last ones; before any, by the stated rate."""
        if len(self._steps) > AROUND or self._stated_ns is None:
            return round(median(s.length_ns for s in self._steps)) if self._steps else 0
        return self._stated_ns


def _count_gap(steps: Sequence[_Step], number: int, gaps: _Kind) -> None:
    """Count this step if it is a gap among those around it."""
    around = steps[max(0, number - AROUND) : number + AROUND + 1]
    if steps[number].is_gap(median(step.length_ns for step in around)):
        gaps.add(steps[number].length_ns, steps[number].at_ns)


def _first(kind: _Kind) -> str:
    return f"{', the first' if kind.count > 1 else ''} after {kind.first_at_ns / 1e9:.2f} s"
