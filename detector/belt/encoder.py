"""The belt as it is reported: whether it runs, and where its encoder says it is.

By the line's PLC, by a program that reads an encoder, or by both: the one knows the run signal, the
other the counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from detector.belt.motion import Basis, BeltMotion, ImageSpeed, Shift, ViewSource
from detector.belt.plausibility import (
    MOVES_MM_S,
    NO_ENCODER,
    STANDS_MM_S,
    BeltCheck,
    Finding,
    Said,
)

HELD_NS = 1_000_000_000
"""What was said of the belt holds this long; the bridge says it again ten times a second. What an
encoder did between two readings that lie further apart nobody knows."""
KEPT = 40
"""Readings of the encoder kept: some seconds."""
BEYOND_NS = 300_000_000
"""How far beyond its last reading the encoder is reckoned on, at the speed over as long before."""
LEAST_NS = 90_000_000
"""But over no shorter time: two readings that came at once would tell any speed."""
SPEED_OVER_NS = 500_000_000
"""The time over which a speed is taken from the encoder."""
CHECKED_EVERY_NS = 250_000_000
"""The picture is followed so often (two frames each) while something else tells the motion: that
costs a quarter of following each frame."""
WRAPS_AT = 2**32
FASTEST_MM_S = 5000.0
JITTER_NS = 100_000_000
"""How far apart two readings may have been beyond what their stamps say."""


@dataclass(frozen=True, slots=True)
class BeltReport:
    """What was said at one moment."""

    t_ns: int
    """This host's CLOCK_MONOTONIC when the encoder was read."""
    runs: bool | None
    """None: it does not say."""
    counts: int | None
    """Its encoder, modulo what it wraps at."""
    source: str = ""
    """Who said it. Two counters have nothing to do with each other."""


class ReportedBelt:
    """Takes the reports in, in the order of their time."""

    def __init__(self, wraps_at: int = WRAPS_AT, counts_per_mm: float | None = None) -> None:
        """`wraps_at`: the counter goes from one below this to 0. `counts_per_mm`: where it is
        known, readings that no belt can lie between are not joined."""
        self._wraps_at = wraps_at
        self._most_a_ns = float("inf")
        """Counts of the fastest belt."""
        if counts_per_mm:
            self._most_a_ns = abs(counts_per_mm) * FASTEST_MM_S / 1e9
        self._readings: deque[tuple[int, int]] = deque(maxlen=KEPT)
        """Time and counts, not wrapped."""
        self._source = ""
        """Who has read them."""
        self._order: tuple[int, bool] | None = None
        """The run signal, and when it was said."""
        self.begun = 0
        """How often the readings have begun anew: what was counted before is not joined."""

    def anchor(self, frame_index: int, t_ns: int) -> None:
        """The footage's frame of that number was grabbed at that moment: what was recorded beside
        it is told by that. A PLC speaks of now."""

    def add(self, report: BeltReport) -> None:
        """Take in a report; what is older than the last of its kind is left out."""
        if report.runs is not None and (self._order is None or report.t_ns >= self._order[0]):
            self._order = report.t_ns, report.runs
        if report.counts is not None:
            self._read(report.t_ns, report.counts, report.source)

    def _read(self, t_ns: int, counts: int, source: str) -> None:
        if self._readings:
            last_ns, before = self._readings[-1]
            other = source != self._source
            if t_ns <= last_ns or (other and t_ns - last_ns <= HELD_NS):
                return
            step = shortest_way(counts - before, self._wraps_at)
            if other or not self._may_be_joined(t_ns - last_ns, step):
                self._readings.clear()
                self.begun += 1
            else:
                counts = before + step
        self._source = source
        self._readings.append((t_ns, counts))

    def _may_be_joined(self, apart_ns: int, step: int) -> bool:
        """Whether a belt can have moved so: neither has the counter been set anew, nor can it have
        gone round."""
        gone_round = self._most_a_ns < float("inf") and (
            apart_ns * self._most_a_ns > self._wraps_at / 2
        )
        return not gone_round and abs(step) <= (apart_ns + JITTER_NS) * self._most_a_ns

    def runs(self, t_ns: int) -> bool | None:
        """Whether the belt runs at a moment; None: nobody says so now."""
        if self._order is None or t_ns - self._order[0] > HELD_NS:
            return None
        return self._order[1]

    def counts_at(self, t_ns: int) -> float | None:
        """The encoder at a moment, not wrapped; None where its readings do not reach."""
        readings = self._readings
        if len(readings) < 2 or not readings[0][0] <= t_ns <= readings[-1][0] + BEYOND_NS:
            return None
        t1, counts1 = readings[-1]
        if t_ns > t1:
            from_ns = t1 - max(LEAST_NS, t_ns - t1)
            t0, counts0 = next((each for each in reversed(readings) if each[0] <= from_ns), (t1, 0))
        else:
            (t0, counts0), (t1, counts1) = next(
                pair for pair in reversed(list(pairwise(readings))) if pair[0][0] <= t_ns
            )
        if not 0 < t1 - t0 <= HELD_NS:
            return None
        return counts0 + (counts1 - counts0) * (t_ns - t0) / (t1 - t0)


def shortest_way(counts: int, wraps_at: int) -> int:
    """A difference of a counter's readings, taken the shorter way round."""
    return (counts + wraps_at // 2) % wraps_at - wraps_at // 2


class ReportedMotion:
    """Follows the belt by the PLC's reports, and by another way where there are none.

    A belt that the PLC says stands moves nothing, once it has run out. With `counts_per_mm` its
    encoder gives the way; without, or while it is lost, the other way does. What the picture shows
    is held against them.
    """

    def __init__(
        self,
        reported: ReportedBelt,
        other: BeltMotion,
        counts_per_mm: float | None,
        picture: BeltMotion | None = None,
    ) -> None:
        """`other`: the picture's speed or a fixed one. `picture`: where `other` is fixed, the
        picture's to check it by."""
        self._reported, self._other, self._counts_per_mm = reported, other, counts_per_mm
        self._picture = picture
        self._check = BeltCheck(has_encoder=counts_per_mm is not None)
        self.finding = Finding()
        """What the belt does, all held against each other."""
        self._counts: float | None = None
        """At the last frame; None: the encoder was not known there."""
        self._begun = reported.begun
        self._stands = False
        self._may_coast = False
        """It ran when it was ordered to stand, and its picture has moved ever since."""
        self._coasts_mm_s = 0.0
        self._speed: float | None = None
        self._seen_mm = 0.0
        """How far the picture has come."""
        self._seen_ns = self._pair_ns = self._last_ns = -CHECKED_EVERY_NS

    @property
    def basis(self) -> Basis:
        if self._speed is None and self._coasts_mm_s:
            return "picture"
        if self._stands or self._speed is not None:
            return "encoder"
        return self._other.basis

    @property
    def speed_mm_s(self) -> float | None:
        if self._speed is not None:
            return self._speed
        return self._coasts_mm_s if self._stands else self._other.speed_mm_s

    @property
    def encoder_lost(self) -> bool:
        """There should be an encoder, and there is none that is believed."""
        return self._counts_per_mm is not None and self._counts is None

    def _is_stuck(self, t_ns: int) -> bool:
        """An encoder that stands while the belt is ordered to run and its picture moves."""
        seen = None if self._apart() else self._pictured_speed()
        stands = self._speed is not None and abs(self._speed) < STANDS_MM_S
        return stands and self._reported.runs(t_ns) is True and (seen or 0.0) > MOVES_MM_S

    def _pictured_speed(self) -> float | None:
        pictured = self._picture or self._other
        return pictured.speed_mm_s if pictured.basis == "picture" else None

    def _apart(self) -> bool:
        pictured = self._picture or self._other
        return isinstance(pictured, ImageSpeed) and pictured.apart

    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift since the last call."""
        last_ns = self._last_ns
        shift = self._otherwise(view, t_ns)
        before, self._counts, self._speed = self._counts, None, None
        ordered = self._reported.runs(t_ns)
        said_mm = None
        if self._counts_per_mm is not None:
            if self._begun == self._reported.begun:
                self._counts = self._reported.counts_at(t_ns)
            # Else for this frame: what the counter says now has nothing to do with before.
            self._begun = self._reported.begun
            earlier = self._reported.counts_at(t_ns - SPEED_OVER_NS)
            if self._counts is not None:
                said_mm = self._counts / self._counts_per_mm
                if earlier is not None:
                    mm = (self._counts - earlier) / self._counts_per_mm
                    self._speed = mm / (SPEED_OVER_NS / 1e9)
        setting = self._other.speed_mm_s if self._other.basis == "profile" else None
        seen_mm_s, apart = self._pictured_speed(), self._apart()
        self.finding = self._check.judge(
            Said(
                t_ns,
                ordered,
                said_mm,
                None if seen_mm_s is None or apart else self._seen_mm,
                self._speed,
                seen_mm_s,
                setting,
                apart,
            )
        )
        self._stands = ordered is False and self.finding.state != "runs_ordered_to_stand"
        self._coasts_mm_s = self._coasting_mm_s(ordered, None if apart else seen_mm_s)
        if self._is_stuck(t_ns) or self.finding.state in NO_ENCODER:
            self._counts = self._speed = None
        if self._counts_per_mm and self._counts is not None and before is not None:
            return Shift(0.0, (self._counts - before) / self._counts_per_mm, True)
        if not self._stands or (self._coasts_mm_s and self._other.basis == "picture"):
            return shift
        # Where no encoder says how far: by the PLC's word that it stands, once it does.
        return Shift(0.0, self._coasts_mm_s * (t_ns - last_ns) / 1e9, True)

    def _coasting_mm_s(self, ordered: bool | None, seen_mm_s: float | None) -> float:
        """How fast a belt still runs out that was ordered to stand; 0: it stands, and what moves
        in the picture from then on are people's hands."""
        if ordered is not False:
            self._may_coast = True
            return 0.0
        self._may_coast = self._may_coast and (seen_mm_s or 0.0) > MOVES_MM_S
        return seen_mm_s if seen_mm_s and self._may_coast and self._stands else 0.0

    def _otherwise(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift by the other way; the picture is followed in each frame only where it is that.

        Else in two frames running, four times a second.
        """
        last_ns, self._last_ns = self._last_ns, t_ns
        fixed = self._other.advance(view, t_ns) if self._other.basis == "profile" else None
        pictured = self._picture or (self._other if fixed is None else None)
        if pictured is None:
            return fixed or Shift(0.0, 0.0, False)
        needed = fixed is None and self._counts is None
        second = self._seen_ns == self._pair_ns == last_ns
        if not (needed or second or t_ns - self._pair_ns >= CHECKED_EVERY_NS):
            return fixed or Shift(0.0, 0.0, False)
        if not second:
            self._pair_ns = t_ns
        seen_ns, self._seen_ns = self._seen_ns, t_ns
        seen = pictured.advance(view, t_ns)
        self._seen_mm += seen.dy_mm
        if fixed is not None:
            return fixed
        if last_ns == seen_ns or t_ns <= seen_ns:
            return seen
        # Some frames were not followed: only what came since the last one is new.
        share = (t_ns - last_ns) / (t_ns - seen_ns)
        return Shift(seen.dx_mm * share, seen.dy_mm * share, seen.known)
