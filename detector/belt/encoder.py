"""The belt as reported from outside: its run signal and its encoder.

Reports come from the line's PLC, from a program that reads an encoder, or from both: one knows the
run signal, the other the counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from detector.belt.motion import BeltMotion, ImageSpeed, Shift, ViewSource
from detector.belt.plausibility import (
    MOVES_MM_S,
    NO_ENCODER,
    BeltCheck,
    BeltMeasurements,
    Finding,
)
from detector.counter import SWAPPED, CounterCheck, CounterFault, shortest_step
from detector.vocabulary import STOPPED_BELOW_MM_S, SpeedBasis

VALID_NS = 1_000_000_000
"""A report is valid this long; the bridge repeats it ten times a second. Between two readings that
are further apart, the encoder is unknown."""
READINGS_KEPT = 40
"""Number of encoder readings kept: some seconds."""
EXTRAPOLATED_NS = 300_000_000
"""Extrapolation reaches this far beyond its last reading, at its speed over as long before."""
SPEED_OVER_MIN_NS = 90_000_000
"""Shortest time for that speed: two readings that arrive together would give any speed."""
SPEED_OVER_NS = 500_000_000
"""The encoder's speed is measured over this time."""
CHECKED_EVERY_NS = 250_000_000
"""The image is tracked at this interval (two frames each) while another source gives the motion:
that costs a quarter of tracking every frame."""
WRAPS_AT = 2**32


@dataclass(frozen=True, slots=True)
class BeltReport:
    """One report of the belt."""

    t_ns: int
    """This host's CLOCK_MONOTONIC when the encoder was read."""
    runs: bool | None
    """The run signal; None: not reported."""
    counts: int | None
    """The encoder's counter, which wraps; None: not reported."""
    source: str = ""
    """Who reported it. Counters of two sources are unrelated."""


class ReportedBelt:
    """The latest reports of the belt, in order of time."""

    def __init__(self, wraps_at: int = WRAPS_AT, counts_per_mm: float | None = None) -> None:
        """`wraps_at`: the counter goes from one below this to 0. `counts_per_mm`: if known, a step
        that no belt can make restarts the readings."""
        self._wraps_at, self._counts_per_mm = wraps_at, counts_per_mm
        self._counter = CounterCheck(counts_per_mm)
        self._readings: deque[tuple[int, int]] = deque(maxlen=READINGS_KEPT)
        """Time and counts, unwrapped."""
        self._source = ""
        """Their source."""
        self._order: tuple[int, bool] | None = None
        """Time and value of the last run signal."""
        self.restarts = 0
        """Number of restarts of the readings; counts before and after one are unrelated."""

    def anchor(self, frame_index: int, t_ns: int, position_ns: int | None) -> None:
        """Anchor a recorded encoder to this frame's timestamp. No-op for a live PLC."""

    def add(self, report: BeltReport) -> None:
        """Add a report. A run signal or a reading older than the last one is ignored."""
        if report.runs is not None and (self._order is None or report.t_ns >= self._order[0]):
            self._order = report.t_ns, report.runs
        if report.counts is not None:
            self._read(report.t_ns, report.counts, report.source)

    def _read(self, t_ns: int, counts: int, source: str) -> None:
        if self._readings:
            last_ns, before = self._readings[-1]
            other = source != self._source
            if t_ns <= last_ns or (other and t_ns - last_ns <= VALID_NS):
                return
            if other:
                self._counter = CounterCheck(self._counts_per_mm)
            continues = self._counter.add(t_ns, counts, self._wraps_at)
            if other or not continues:
                self._readings.clear()
                self.restarts += 1
            else:
                counts = before + shortest_step(counts - before, self._wraps_at)
        else:
            self._counter.add(t_ns, counts, self._wraps_at)
        self._source = source
        self._readings.append((t_ns, counts))

    @property
    def fault(self) -> CounterFault | None:
        """How the counter is read wrongly; None: nothing is known to be wrong."""
        return self._counter.fault

    def runs(self, t_ns: int) -> bool | None:
        """The run signal at a moment; None: no valid report."""
        if self._order is None or t_ns - self._order[0] > VALID_NS:
            return None
        return self._order[1]

    def counts_at(self, t_ns: int) -> float | None:
        """The encoder at a moment, unwrapped; None outside its readings."""
        readings = self._readings
        if len(readings) < 2 or not readings[0][0] <= t_ns <= readings[-1][0] + EXTRAPOLATED_NS:
            return None
        if self._counter.fault == SWAPPED:
            return None
        t1, counts1 = readings[-1]
        if t_ns > t1:
            from_ns = t1 - max(SPEED_OVER_MIN_NS, t_ns - t1)
            t0, counts0 = next((each for each in reversed(readings) if each[0] <= from_ns), (t1, 0))
        else:
            (t0, counts0), (t1, counts1) = next(
                pair for pair in reversed(list(pairwise(readings))) if pair[0][0] <= t_ns
            )
        if not 0 < t1 - t0 <= VALID_NS:
            return None
        return counts0 + (counts1 - counts0) * (t_ns - t0) / (t1 - t0)

    def measured_counts(self, since_ns: int, until_ns: int) -> float | None:
        """Counts from one moment to another, or to the last reading before it; None: there is no
        reading after the first."""
        until_ns = min(until_ns, self._readings[-1][0]) if self._readings else since_ns
        return self._counts_between(since_ns, until_ns)

    def _counts_between(self, since_ns: int, until_ns: int) -> float | None:
        if until_ns <= since_ns:
            return None
        since, until = self.counts_at(since_ns), self.counts_at(until_ns)
        return None if since is None or until is None else until - since


class ReportedMotion:
    """Belt motion by the reports, with a fallback where there are none.

    A belt that is ordered to stop does not move once it has coasted to a stop. With
    `counts_per_mm` the encoder gives the travel; without it, or while the encoder is lost, the
    fallback does. The image is compared with both.
    """

    def __init__(
        self,
        reported: ReportedBelt,
        fallback: BeltMotion,
        counts_per_mm: float | None,
        image: BeltMotion | None = None,
    ) -> None:
        """`fallback`: motion by the image, or a fixed speed. `image`: motion by the image that
        checks a fixed `fallback`."""
        self._reported, self._fallback, self._counts_per_mm = reported, fallback, counts_per_mm
        self._image = image
        self._check = BeltCheck(has_encoder=counts_per_mm is not None)
        self.finding = Finding()
        """State of the belt after the comparison."""
        self._counts: float | None = None
        """At the last frame; None: the encoder was unknown."""
        self._restarts = reported.restarts
        self._stopped = False
        self._may_coast = False
        """It ran when it was ordered to stop, and its image has moved ever since."""
        self._coast_mm_s = 0.0
        self._speed: float | None = None
        self._image_mm = 0.0
        """Belt position by the image."""
        self._tracked_ns = self._pair_ns = self._last_ns = -CHECKED_EVERY_NS
        self.is_checking = False
        """The image of the last frame was tracked only to check another source of motion."""

    @property
    def has_tracked(self) -> bool:
        """The image of the last frame was tracked."""
        return self._tracked_ns == self._last_ns

    @property
    def basis(self) -> SpeedBasis:
        if self._speed is None and self._coast_mm_s:
            return "image"
        if self._stopped or self._speed is not None:
            return "encoder"
        return self._fallback.basis

    @property
    def speed_mm_s(self) -> float | None:
        if self._speed is not None:
            return self._speed
        return self._coast_mm_s if self._stopped else self._fallback.speed_mm_s

    def measured_mm(self, since_ns: int, until_ns: int) -> float | None:
        """Travel between two moments by the encoder's readings alone, mm; None: unknown, or no
        reading has come since the first. Readings that are back count at once, while the belt's
        state still says that the encoder is lost."""
        if not self._counts_per_mm or self.finding.state in NO_ENCODER - {"encoder_lost"}:
            return None
        counts = self._reported.measured_counts(since_ns, until_ns)
        return None if counts is None else counts / self._counts_per_mm

    def _is_stuck(self, t_ns: int) -> bool:
        """The encoder does not count while the belt is ordered to run and its image moves."""
        image_mm_s = None if self._inconsistent() else self._image_speed()
        stopped = self._speed is not None and abs(self._speed) < STOPPED_BELOW_MM_S
        return stopped and self._reported.runs(t_ns) is True and (image_mm_s or 0.0) > MOVES_MM_S

    def _image_speed(self) -> float | None:
        image = self._image or self._fallback
        return image.speed_mm_s if image.basis == "image" else None

    def _inconsistent(self) -> bool:
        image = self._image or self._fallback
        return isinstance(image, ImageSpeed) and image.inconsistent

    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift since the last call."""
        last_ns = self._last_ns
        shift = self._fallback_shift(view, t_ns)
        before, self._counts, self._speed = self._counts, None, None
        ordered = self._reported.runs(t_ns)
        encoder_mm = None
        if self._counts_per_mm is not None:
            if self._restarts == self._reported.restarts:
                self._counts = self._reported.counts_at(t_ns)
            # Otherwise skip this frame: the counter is unrelated to the one before.
            self._restarts = self._reported.restarts
            earlier = self._reported.counts_at(t_ns - SPEED_OVER_NS)
            if self._counts is not None:
                encoder_mm = self._counts / self._counts_per_mm
                if earlier is not None:
                    mm = (self._counts - earlier) / self._counts_per_mm
                    self._speed = mm / (SPEED_OVER_NS / 1e9)
        setting = self._fallback.speed_mm_s if self._fallback.basis == "profile" else None
        image_mm_s, inconsistent = self._image_speed(), self._inconsistent()
        self.finding = self._check.update(
            BeltMeasurements(
                t_ns,
                ordered,
                encoder_mm,
                None if image_mm_s is None or inconsistent else self._image_mm,
                self._speed,
                image_mm_s,
                setting,
                inconsistent,
                self._reported.fault,
                tracked=self.has_tracked,
            )
        )
        self._stopped = ordered is False and self.finding.state != "runs_ordered_to_stop"
        self._coast_mm_s = self._coasting_mm_s(ordered, None if inconsistent else image_mm_s)
        if self._is_stuck(t_ns) or self.finding.state in NO_ENCODER:
            self._counts = self._speed = None
        if self._counts_per_mm and self._counts is not None and before is not None:
            return Shift(0.0, (self._counts - before) / self._counts_per_mm, True)
        if not self._stopped or (self._coast_mm_s and self._fallback.basis == "image"):
            return shift
        # Without an encoder: stopped by the run signal, once it has coasted to a stop.
        return Shift(0.0, self._coast_mm_s * (t_ns - last_ns) / 1e9, True)

    def _coasting_mm_s(self, ordered: bool | None, image_mm_s: float | None) -> float:
        """Speed of a belt that coasts after a stop order; 0: it is stopped.

        Whatever moves in the image after that is people's hands.
        """
        if ordered is not False:
            self._may_coast = True
            return 0.0
        self._may_coast = self._may_coast and (image_mm_s or 0.0) > MOVES_MM_S
        return image_mm_s if image_mm_s and self._may_coast and self._stopped else 0.0

    def _fallback_shift(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift by the fallback.

        The image is tracked in every frame only while the motion rests on it, else in two
        consecutive frames, four times a second.
        """
        last_ns, self._last_ns = self._last_ns, t_ns
        self.is_checking = False
        fixed = self._fallback.advance(view, t_ns) if self._fallback.basis == "profile" else None
        image = self._image or (self._fallback if fixed is None else None)
        if image is None:
            return fixed or Shift(0.0, 0.0, False)
        needed = fixed is None and self._counts is None
        second = self._tracked_ns == self._pair_ns == last_ns
        if not (needed or second or t_ns - self._pair_ns >= CHECKED_EVERY_NS):
            return fixed or Shift(0.0, 0.0, False)
        self.is_checking = not needed
        if not second:
            self._pair_ns = t_ns
        tracked_ns, self._tracked_ns = self._tracked_ns, t_ns
        shift = image.advance(view, t_ns)
        self._image_mm += shift.dy_mm
        if fixed is not None:
            return fixed
        if last_ns == tracked_ns or t_ns <= tracked_ns:
            return shift
        # Some frames were not tracked: only the share since the last frame is new.
        share = (t_ns - last_ns) / (t_ns - tracked_ns)
        return Shift(shift.dx_mm * share, shift.dy_mm * share, shift.known)
