"""The belt as the line's PLC reports it: whether it runs, and where its encoder says it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from calibration.belt_motion import Basis, BeltMotion, Shift

HELD_NS = 1_000_000_000
"""What the PLC has said holds this long; the bridge says it again ten times a second."""
KEPT = 40
"""Readings of the encoder kept: some seconds."""
BEYOND_NS = 300_000_000
"""How far beyond its last reading the encoder is reckoned on."""
SPEED_OVER_NS = 500_000_000
"""The time over which a speed is taken from the encoder."""
STANDS_MM_S, MOVES_MM_S = 5.0, 50.0
WRAP = 2**32


@dataclass(frozen=True, slots=True)
class BeltReport:
    """What the PLC said at one moment."""

    t_ns: int
    """This host's CLOCK_MONOTONIC when the encoder was read."""
    runs: bool | None
    """None: it does not say."""
    counts: int | None
    """Its encoder, modulo 2^32."""


class ReportedBelt:
    """Takes the PLC's reports in, in the order of their time."""

    def __init__(self) -> None:
        self._readings: deque[tuple[int, int]] = deque(maxlen=KEPT)
        """Time and counts, not wrapped."""
        self._last: BeltReport | None = None

    def hear(self, report: BeltReport) -> None:
        """Take in a report; one that is older than the last is left out."""
        if self._last is not None and report.t_ns < self._last.t_ns:
            return
        self._last = report
        if report.counts is None:
            return
        counts = report.counts
        if self._readings:
            t_ns, before = self._readings[-1]
            if report.t_ns == t_ns:
                return
            counts = before + (report.counts - before + WRAP // 2) % WRAP - WRAP // 2
        self._readings.append((report.t_ns, counts))

    def runs(self, t_ns: int) -> bool | None:
        """Whether the belt runs at a moment; None: nobody says so now."""
        last = self._last
        return None if last is None or t_ns - last.t_ns > HELD_NS else last.runs

    def counts_at(self, t_ns: int) -> float | None:
        """The encoder at a moment, not wrapped; None where its readings do not reach."""
        readings = self._readings
        if len(readings) < 2 or not readings[0][0] <= t_ns <= readings[-1][0] + BEYOND_NS:
            return None
        (t0, counts0), (t1, counts1) = next(
            pair for pair in reversed(list(pairwise(readings))) if pair[0][0] <= t_ns
        )
        return counts0 + (counts1 - counts0) * (t_ns - t0) / (t1 - t0)


class ReportedMotion:
    """Follows the belt by the PLC's reports, and by another way where there are none.

    A belt that the PLC says stands moves nothing. With `counts_per_mm` its encoder gives the way;
    without, or while it is lost, the other way does, which is kept going all the time.
    """

    def __init__(
        self, reported: ReportedBelt, other: BeltMotion, counts_per_mm: float | None
    ) -> None:
        self._reported, self._other, self._counts_per_mm = reported, other, counts_per_mm
        self._counts: float | None = None
        """At the last frame; None: the encoder was not known there."""
        self._stands = False
        self._speed: float | None = None

    @property
    def basis(self) -> Basis:
        if self._stands or self._speed is not None:
            return "encoder"
        return self._other.basis

    @property
    def speed_mm_s(self) -> float | None:
        if self._stands:
            return 0.0
        return self._other.speed_mm_s if self._speed is None else self._speed

    @property
    def encoder_lost(self) -> bool:
        """There should be an encoder, and there is none."""
        return self._counts_per_mm is not None and self._counts is None

    def _is_stuck(self, t_ns: int) -> bool:
        """An encoder that stands while the belt is ordered to run and its picture moves."""
        seen = self._other.speed_mm_s if self._other.basis == "picture" else None
        stands = self._speed is not None and abs(self._speed) < STANDS_MM_S
        return stands and self._reported.runs(t_ns) is True and (seen or 0.0) > MOVES_MM_S

    def advance(self, view: NDArray[np.uint8], t_ns: int) -> Shift:
        """The shift since the last call. `view`: `(h, w, 3)` uint8 BGR belt view."""
        shift = self._other.advance(view, t_ns)
        self._stands = self._reported.runs(t_ns) is False
        before, self._counts, self._speed = self._counts, None, None
        if self._counts_per_mm is not None:
            self._counts = self._reported.counts_at(t_ns)
            earlier = self._reported.counts_at(t_ns - SPEED_OVER_NS)
            if self._counts is not None and earlier is not None:
                mm = (self._counts - earlier) / self._counts_per_mm
                self._speed = mm / (SPEED_OVER_NS / 1e9)
            if self._is_stuck(t_ns):
                self._counts = self._speed = None
            if self._counts is not None and before is not None:
                return Shift(0.0, (self._counts - before) / self._counts_per_mm, True)
        # By the PLC's word alone that it stands, where no encoder says how far.
        return Shift(0.0, 0.0, True) if self._stands else shift
