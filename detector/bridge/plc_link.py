"""What the PLC writes: is it alive, where is the belt, what does it ask for."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from detector.bridge.events import Event
from detector.bridge.register_map import (
    PLC_FIRST,
    PLC_WORDS,
    BeltRun,
    Mode,
    Reset,
    decode_plc,
)
from detector.wire.messages import Hazard, Outcome
from detector.wire.requests import SHELVED_MINUTES, Acknowledge, ReportOutcome, Shelve

PLC_SILENT_NS = 2_000_000_000
"""A PLC whose heartbeat has not changed for so long is lost: its scan takes 10 to 50 ms."""
ENCODER_KEPT = 400
"""Encoder readings kept: 4 s at a scan of 10 ms, longer than any look takes."""
ENCODER_HELD_NS = 500_000_000
"""An encoder that has not been written for so long is none; the run signal still counts. What it
did meanwhile nobody knows."""
BEYOND_NS = 100_000_000
"""How far beyond its last reading the encoder is reckoned on, at the speed over as long before."""
SHELVED = (Hazard.GAS, Hazard.BATTERY, Hazard.OVERLOAD, Hazard.JAM)
"""What the bits of the shelve mask name."""
OUTCOMES = {
    Reset.REMOVED: Outcome.REMOVED,
    Reset.FALSE_ALARM: Outcome.FALSE_ALARM,
    Reset.NOT_FOUND: Outcome.NOT_FOUND,
}

Command = Acknowledge | ReportOutcome | Shelve


@dataclass(frozen=True, slots=True)
class PlcBelt:
    """The belt as a living PLC reports it."""

    run: BeltRun
    """UNKNOWN: the run signal isn't wired."""
    speed_mm_s: int | None
    encoder: int | None
    """None: none is wired, or it is no longer written."""
    t_ns: int
    """When the encoder was read; without one, now."""


class PlcLink:
    """Registers 100 to 110 of one line, written by its PLC."""

    def __init__(self, operator: str, find: Callable[[int], Event | None]) -> None:
        """`operator`: who answers, for the detector's log. `find`: the event of a seq."""
        self.words = [0] * PLC_WORDS
        self.refused = False
        """The detector has refused the last command, or it named nothing that is open."""
        self.counters_reset = False
        """Asked to set the counters to 0; whoever does it takes this back."""
        self._operator, self._find = operator, find
        self._changed_ns: int | None = None
        self._encoder: deque[tuple[int, int]] = deque(maxlen=ENCODER_KEPT)
        self._has_encoder = False
        """Its encoder has counted: a PLC without one writes 0 for ever."""

    def write(self, address: int, words: list[int], now_ns: int) -> list[Command]:
        """Take in what the PLC has written there; what it asks of the detector by that."""
        before = decode_plc(self.words)
        first = address - PLC_FIRST
        self.words[first : first + len(words)] = words
        now = decode_plc(self.words)
        if now["plc_heartbeat"] != before["plc_heartbeat"]:
            self._changed_ns = now_ns
        if first <= 5 and first + len(words) > 6:
            self._encoder.append((now_ns, now["encoder"]))
            self._has_encoder = self._has_encoder or now["encoder"] != 0
        return self._asked(before, now)

    def alive(self, now_ns: int) -> bool:
        """The PLC's heartbeat changes."""
        return self._changed_ns is not None and now_ns - self._changed_ns <= PLC_SILENT_NS

    def lost(self, now_ns: int) -> bool:
        """It has changed once, and does not any more."""
        return self._changed_ns is not None and not self.alive(now_ns)

    @property
    def maintenance(self) -> bool:
        return bool(decode_plc(self.words)["mode"] & Mode.MAINTENANCE)

    def belt(self, now_ns: int) -> PlcBelt | None:
        """The belt by the PLC; None where it says nothing of it, or is silent."""
        said = decode_plc(self.words)
        wired = said["belt_run"] in {BeltRun.STANDS, BeltRun.RUNS}
        run = BeltRun(said["belt_run"]) if wired else BeltRun.UNKNOWN
        encoder, t_ns = None, now_ns
        if self._has_encoder and now_ns - self._encoder[-1][0] <= ENCODER_HELD_NS:
            t_ns, encoder = self._encoder[-1]
        if not self.alive(now_ns) or (not wired and encoder is None):
            return None
        speed_mm_s = 0 if run is BeltRun.STANDS else said["belt_speed"] or None
        return PlcBelt(run, speed_mm_s, encoder, t_ns)

    def beyond(self, wraps_at: int) -> int | None:
        """What it counts where its counter should have gone round before; None: it has."""
        last = self._encoder[-1][1] if self._encoder else 0
        return last if last >= wraps_at else None

    def counts_at(self, t_ns: int, wraps_at: int | None) -> int | None:
        """The PLC's encoder at a moment, between its readings or a scan or two beyond the last;
        None where they do not reach. `wraps_at`: its counter goes from one below this to 0; while
        that is not known (None), or proves to be wrong, nothing is between two readings."""
        readings = list(self._encoder)
        if wraps_at is None or len(readings) < 2 or not self._has_encoder:
            return None
        last_ns = readings[-1][0]
        if not readings[0][0] <= t_ns <= last_ns + BEYOND_NS:
            return None
        # Beyond the last by the speed over a while: two requests that were served at once, after a
        # pause of this process, would tell any speed.
        from_ns = t_ns if t_ns <= last_ns else last_ns - BEYOND_NS
        first = bisect_right(readings, from_ns, key=lambda reading: reading[0]) - 1
        if first < 0:
            return None
        along = readings[min(first, len(readings) - 2) :]
        if t_ns <= last_ns:
            along = along[:2]
        (t0, counts0), (t1, _) = along[0], along[-1]
        way = _way(along, wraps_at)
        if way is None:
            return None
        share = (t_ns - t0) / (t1 - t0) if t1 > t0 else 0.0
        return (counts0 + round(way * share)) % wraps_at

    def _asked(self, before: dict[str, int], now: dict[str, int]) -> list[Command]:
        asked: list[Command] = []
        seq, refused = now["acknowledged_seq"], False
        if seq != before["acknowledged_seq"] and seq:
            event = self._find(seq)
            if event is not None:
                event.taken = True
                if now["mode"] & Mode.ACKNOWLEDGES:
                    asked.append(
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
                asked.append(
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
                asked += [
                    Shelve(operator=self._operator, hazard=hazard, minutes=minutes)
                    for hazard in hazards
                ]
        if asked or refused:
            self.refused = refused
        return asked


def _way(readings: list[tuple[int, int]], wraps_at: int) -> int | None:
    """Counts from the first reading to the last, each step taken the shorter way round; None where
    too long a time lies between two, or one is beyond where the counter goes round."""
    way = 0
    for (t0, counts0), (t1, counts1) in pairwise(readings):
        if t1 - t0 > ENCODER_HELD_NS or max(counts0, counts1) >= wraps_at:
            return None
        half = wraps_at // 2
        way += (counts1 - counts0 + half) % wraps_at - half
    return way
