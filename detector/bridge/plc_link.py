"""The PLC's registers: its heartbeat, belt data and commands."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from detector.bridge.events import Event
from detector.bridge.register_map import PLC_FIRST, PLC_WORDS, decode_plc
from detector.bridge.register_words import Mode, Reset, RunSignal
from detector.counter import SWAPPED, CounterCheck, CounterFault, shortest_step
from detector.wire.messages import Hazard, Outcome
from detector.wire.requests import SHELVED_MINUTES, Acknowledge, ReportOutcome, Shelve

PLC_SILENT_NS = 2_000_000_000
"""A PLC whose heartbeat has not changed for this long is lost; its scan takes 10 to 50 ms."""
ENCODER_KEPT = 400
"""Encoder readings kept: 4 s at a scan of 10 ms, longer than any inference pass takes."""
ENCODER_HELD_NS = 500_000_000
"""Counts not written for this long are no longer used, as the travel in between is unknown; the run
signal is still used."""
BEYOND_NS = 100_000_000
"""Longest extrapolation beyond the last reading, at the speed over the same time before it."""
SHELVED = (Hazard.GAS, Hazard.BATTERY, Hazard.OVERLOAD, Hazard.JAM)
"""Hazards by bit of the shelve mask."""
OUTCOMES = {
    Reset.REMOVED: Outcome.REMOVED,
    Reset.FALSE_ALARM: Outcome.FALSE_ALARM,
    Reset.NOT_FOUND: Outcome.NOT_FOUND,
}

WORD_BY_WORD = 3
"""Writes of one word of the encoder alone after which it counts as written word by word."""

Command = Acknowledge | ReportOutcome | Shelve


@dataclass(frozen=True, slots=True)
class EncoderScale:
    """The encoder as the line's profile has it."""

    wraps_at: int | None = None
    """None: not known yet."""
    counts_per_mm: float | None = None


@dataclass(frozen=True, slots=True)
class PlcBelt:
    """Belt data of a PLC whose heartbeat changes."""

    run: RunSignal
    """UNKNOWN: the run signal isn't wired."""
    speed_mm_s: int | None
    encoder: int | None
    """None: not wired, or no longer written."""
    t_ns: int
    """Time of the encoder reading, else the current time."""


class PlcLink:
    """Registers 100 to 110 of one line, written by its PLC."""

    def __init__(
        self,
        operator: str,
        find: Callable[[int], Event | None],
        scale: Callable[[], EncoderScale] = EncoderScale,
    ) -> None:
        """`operator`: name for the detector's log. `find`: the event of a seq. `scale`: the
        profile's encoder."""
        self.words = [0] * PLC_WORDS
        self.refused = False
        """The last command was refused by the detector or referred to no open event."""
        self.counters_reset = False
        """A reset of the counters is requested; cleared when it is done."""
        self._operator, self._find, self._scale = operator, find, scale
        self._changed_ns: int | None = None
        self._encoder: deque[tuple[int, int]] = deque(maxlen=ENCODER_KEPT)
        self._has_encoder = False
        """A count other than 0 was written; a PLC without an encoder always writes 0."""
        self._counter, self._counter_scale = CounterCheck(None), EncoderScale()
        self._is_in_doubt = False
        """The last count does not continue the one before."""
        self._is_unproved = False
        """Since that, no count has continued another one: swapped words jump at each change, and
        are the same in between."""
        self._single_words = 0

    def write(self, address: int, words: list[int], now_ns: int) -> list[Command]:
        """Store words written by the PLC; returns the resulting commands to the detector."""
        before = decode_plc(self.words)
        first = address - PLC_FIRST
        self.words[first : first + len(words)] = words
        now = decode_plc(self.words)
        if now["plc_heartbeat"] != before["plc_heartbeat"]:
            self._changed_ns = now_ns
        if first <= 5 and first + len(words) > 6:
            self._read_encoder(now_ns, now["encoder"])
        elif now["encoder"] != before["encoder"]:
            self._single_words += 1
        return self._commands(before, now)

    def _read_encoder(self, now_ns: int, counts: int) -> None:
        scale = self._scale()
        if scale != self._counter_scale:
            self._counter, self._counter_scale = CounterCheck(scale.counts_per_mm), scale
        self._single_words = 0
        self._is_in_doubt = not self._counter.add(now_ns, counts, scale.wraps_at or 2**32)
        if self._is_in_doubt:
            self._encoder.clear()  # nothing lies between the counts before and after it
            self._is_unproved = True
        elif self._encoder and counts != self._encoder[-1][1]:
            self._is_unproved = False
        self._encoder.append((now_ns, counts))
        self._has_encoder = self._has_encoder or counts != 0

    @property
    def encoder_fault(self) -> CounterFault | None:
        """How the PLC writes its encoder wrongly; None: nothing is known to be wrong."""
        if self._single_words >= WORD_BY_WORD:
            return CounterFault("written word by word")
        return self._counter.fault

    def alive(self, now_ns: int) -> bool:
        """Whether the PLC's heartbeat changes."""
        return self._changed_ns is not None and now_ns - self._changed_ns <= PLC_SILENT_NS

    def lost(self, now_ns: int) -> bool:
        """Whether the heartbeat has changed once and no longer does."""
        return self._changed_ns is not None and not self.alive(now_ns)

    @property
    def maintenance(self) -> bool:
        return bool(decode_plc(self.words)["mode"] & Mode.MAINTENANCE)

    def belt(self, now_ns: int) -> PlcBelt | None:
        """The PLC's belt data; None if it provides none or is not alive."""
        values = decode_plc(self.words)
        wired = values["belt_run"] in {RunSignal.STOP, RunSignal.RUN}
        run = RunSignal(values["belt_run"]) if wired else RunSignal.UNKNOWN
        encoder, t_ns = None, now_ns
        recent = self._has_encoder and now_ns - self._encoder[-1][0] <= ENCODER_HELD_NS
        # Words that are swapped are passed on: the detector names them too.
        if recent and (not self._is_in_doubt or self._counter.fault == SWAPPED):
            t_ns, encoder = self._encoder[-1]
        if not self.alive(now_ns) or (not wired and encoder is None):
            return None
        speed_mm_s = 0 if run is RunSignal.STOP else values["belt_speed"] or None
        return PlcBelt(run, speed_mm_s, encoder, t_ns)

    def beyond(self, wraps_at: int) -> int | None:
        """The last count if it exceeds the range of a counter that wraps at `wraps_at`."""
        last = self._encoder[-1][1] if self._encoder else 0
        return last if last >= wraps_at else None

    def counts_at(self, t_ns: int, wraps_at: int | None) -> int | None:
        """The encoder's counts at a time, interpolated between readings or extrapolated by up to
        BEYOND_NS; None outside this range. `wraps_at`: the counter goes from one below this to 0;
        if it is unknown (None) or wrong, there is no interpolation."""
        readings = list(self._encoder)
        if wraps_at is None or len(readings) < 2 or not self._has_encoder:
            return None
        if self._counter.fault == SWAPPED or self._is_unproved:
            return None
        last_ns = readings[-1][0]
        if not readings[0][0] <= t_ns <= last_ns + BEYOND_NS:
            return None
        # Extrapolated by the speed over a longer time: two requests served together after a pause
        # of this process could give any speed.
        from_ns = t_ns if t_ns <= last_ns else last_ns - BEYOND_NS
        first = bisect_right(readings, from_ns, key=lambda reading: reading[0]) - 1
        if first < 0:
            return None
        along = readings[min(first, len(readings) - 2) :]
        if t_ns <= last_ns:
            along = along[:2]
        (t0, counts0), (t1, _) = along[0], along[-1]
        travel = _travel(along, wraps_at)
        if travel is None:
            return None
        share = (t_ns - t0) / (t1 - t0) if t1 > t0 else 0.0
        return (counts0 + round(travel * share)) % wraps_at

    def _commands(self, before: dict[str, int], now: dict[str, int]) -> list[Command]:
        commands: list[Command] = []
        seq, refused = now["acknowledged_seq"], False
        if seq != before["acknowledged_seq"] and seq:
            event = self._find(seq)
            if event is not None:
                event.taken = True
                if now["mode"] & Mode.ACKNOWLEDGES:
                    commands.append(
                        Acknowledge(
                            operator=self._operator,
                            boot_id=event.alert.boot_id,
                            event_id=event.alert.event_id,
                        )
                    )
        if now["reset"] != before["reset"] and now["reset"]:
            code = now["reset"]
            event = self._find(seq)
            if code == Reset.COUNTERS:
                self.counters_reset = True
            elif event is not None and code in OUTCOMES:
                commands.append(
                    ReportOutcome(
                        operator=self._operator,
                        boot_id=event.alert.boot_id,
                        event_id=event.alert.event_id,
                        outcome=OUTCOMES[Reset(code)],
                    )
                )
            else:
                refused = True
        if before["shelve_minutes"] == 0 < now["shelve_minutes"]:
            minutes, mask = now["shelve_minutes"], now["shelve_mask"]
            hazards = [hazard for bit, hazard in enumerate(SHELVED) if mask >> bit & 1]
            if minutes > SHELVED_MINUTES or not hazards or mask >> len(SHELVED):
                refused = True
            else:
                commands += [
                    Shelve(operator=self._operator, hazard=hazard, minutes=minutes)
                    for hazard in hazards
                ]
        if commands or refused:
            self.refused = refused
        return commands


def _travel(readings: list[tuple[int, int]], wraps_at: int) -> int | None:
    """Counts from the first to the last reading, each step in the direction of the shorter wrap.

    None if two readings are too far apart in time, or one exceeds the counter's range.
    """
    travel = 0
    for (t0, counts0), (t1, counts1) in pairwise(readings):
        if t1 - t0 > ENCODER_HELD_NS or max(counts0, counts1) >= wraps_at:
            return None
        travel += shortest_step(counts1 - counts0, wraps_at)
    return travel
