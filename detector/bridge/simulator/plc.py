"""A simulated PLC: what it does in each scan with the 60 words that it has read.

Like a real one it has a watchdog on the heartbeat, an encoder of its own, a list of things on
their way, and coils: one opens the ejector by belt position, one asks for a process stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from detector.bridge.register_map import (
    LATEST_ETA_MS,
    UNKNOWN_SIGNED,
    BeltRun,
    HazardClass,
    HazardWord,
    Mode,
    RecordFlag,
    State,
    decode,
    encode_plc,
)
from detector.bridge.simulator.belt_course import Course

WATCHDOG_NS = 500_000_000
"""Without a change of the heartbeat for so long nobody watches; it beats five times a second."""
COUNTS_PER_MM = 10
WRAP = 2**32
DIVERTED = (HazardClass.GAS, HazardClass.BATTERY)
TAKEN_KEPT = 64
"""Numbers of events that are remembered as taken."""


@dataclass(frozen=True, slots=True)
class Plant:
    """What the PLC's programmer knows of the plant."""

    speed_mm_s: float = 400.0
    """At which the belt runs as a rule, and the flap's lead is reckoned."""
    ejector_y_mm: float = 4000.0
    """Where the ejector is, along the travel, as the line's profile counts it."""
    actuator_ms: float = 300.0
    """From the coil to the open flap."""
    before_mm: float = 200.0
    after_mm: float = 200.0
    """How much belt the flap stays open for, before and behind an object's centre."""
    acknowledges: bool = False
    """Take a record on behalf of the operator (mode bit 1)."""
    course: Course | None = None
    """How the belt runs in place of always at its speed."""


@dataclass(slots=True)
class Thing:
    """A hazard on its way to the ejector."""

    seq: int
    kind: HazardClass
    target: int
    """Encoder count at which its centre is at the ejector, not wrapped."""
    open_now: bool = False


@dataclass
class Coils:
    """What the PLC drives."""

    divert: bool = False
    stop_request: bool = False
    nobody_watches: bool = True


@dataclass
class SimulatedPlc:
    """Its scan; `log` is called with each thing that happens."""

    plant: Plant
    log: Callable[[dict[str, Any]], None]
    coils: Coils = field(default_factory=Coils)
    things: list[Thing] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    records: list[dict[str, int]] = field(default_factory=list)
    scans: int = 0
    lost_ns: int = 0
    """Time in which nobody watched, after somebody had."""
    before_ns: int = 0
    """Time before somebody watched for the first time."""
    taken: dict[str, int] = field(default_factory=lambda: {"in time": 0, "too late": 0})

    _taken: list[int] = field(default_factory=list)
    _beat: int | None = None
    _beat_ns: int | None = None
    _start_ns: int | None = None
    _last_ns: int = 0
    _watched_once: bool = False
    _acknowledged: int = 0

    def scan(self, words: list[int] | None, now_ns: int) -> list[int]:
        """One scan. `words`: what was read, None: nothing came. Returns registers 100 to 110."""
        if self._start_ns is None:
            self._start_ns = self._last_ns = now_ns
        self.scans += 1
        if words is not None:
            self.read, self.records = decode(words)
        self._watchdog(words is not None, now_ns)
        if words is not None:
            self._take_records(now_ns)
        self._drive(now_ns)
        self._last_ns = now_ns
        speed_mm_s = self.speed_mm_s(now_ns)
        return encode_plc(
            plc_heartbeat=self.scans & 0xFFFF,
            acknowledged_seq=self._acknowledged,
            belt_run=BeltRun.RUNS if speed_mm_s else BeltRun.STANDS,
            belt_speed=round(abs(speed_mm_s)),
            encoder=self.encoder(now_ns) % WRAP,
            mode=Mode.ACKNOWLEDGES if self.plant.acknowledges else 0,
        )

    def encoder(self, now_ns: int) -> int:
        """Counts since the start, not wrapped; fewer where the belt has run back."""
        elapsed_s, plant = self._elapsed_s(now_ns), self.plant
        way_mm = plant.course.way_mm(elapsed_s) if plant.course else elapsed_s * plant.speed_mm_s
        return round(way_mm * COUNTS_PER_MM)

    def speed_mm_s(self, now_ns: int) -> float:
        """Of the belt; below 0 against its travel."""
        plant = self.plant
        return plant.course.speed_at(self._elapsed_s(now_ns)) if plant.course else plant.speed_mm_s

    def _elapsed_s(self, now_ns: int) -> float:
        return (now_ns - (self._start_ns or now_ns)) / 1e9

    @property
    def watched(self) -> bool:
        return not self.coils.nobody_watches

    def _watchdog(self, came: bool, now_ns: int) -> None:
        if came and self.read["heartbeat"] != self._beat:
            # The first one that is read may have stood there for hours.
            self._beat_ns = None if self._beat is None else now_ns
            self._beat = self.read["heartbeat"]
        alive = self._beat_ns is not None and now_ns - self._beat_ns <= WATCHDOG_NS
        sees = self.read.get("state") in (State.READY, State.DEGRADED, State.MAINTENANCE)
        nobody = not (came and alive and sees)
        if nobody and self._watched_once:
            self.lost_ns += now_ns - self._last_ns
        elif nobody:
            self.before_ns += now_ns - self._last_ns
        self._watched_once = self._watched_once or not nobody
        if nobody != self.coils.nobody_watches:
            self.coils.nobody_watches = nobody
            self._say(now_ns, "nobody watches" if nobody else "watched")
        stop = not nobody and self.read["gas"] == HazardWord.ACTIVE
        if stop != self.coils.stop_request:
            self.coils.stop_request = stop
            self._say(now_ns, "stop requested" if stop else "stop request over")

    def _take_records(self, now_ns: int) -> None:
        """The handshake: each new record into the list, one acknowledgement in each scan."""
        for record in self.records:
            seq = record["seq"]
            if not seq or record["seq_again"] != seq & 0xFFFF:
                continue
            if record["class"] in DIVERTED and _is_far(record):
                continue
            if seq not in self._taken:
                self._taken = [*self._taken[-TAKEN_KEPT + 1 :], seq]
                if record["class"] in DIVERTED:
                    self._plan(record, now_ns)
            self._acknowledged = seq
            return

    def _plan(self, record: dict[str, int], now_ns: int) -> None:
        now = self.encoder(now_ns)
        if _in_counts(record):
            # Written as 32 bits, ours is not wrapped: the nearest one is meant.
            position = now + (record["position"] - now + WRAP // 2) % WRAP - WRAP // 2
            way_mm = self.plant.ejector_y_mm - record["y_mm"]
            target = position + round(way_mm * COUNTS_PER_MM)
        elif record["eta_ms"] != UNKNOWN_SIGNED:
            way_mm = record["eta_ms"] / 1000 * self.speed_mm_s(now_ns)
            target = now + round(way_mm * COUNTS_PER_MM)
            position = None
        else:
            self._say(now_ns, "no place", seq=record["seq"])
            return
        thing = Thing(record["seq"], HazardClass(record["class"]), target)
        if target + self.plant.after_mm * COUNTS_PER_MM > now:
            self.things.append(thing)
        open_ms = (target - now) / COUNTS_PER_MM / self.plant.speed_mm_s * 1000
        margin_ms = open_ms - self.plant.actuator_ms
        self.taken["in time" if margin_ms >= 0 else "too late"] += 1
        self._say(
            now_ns,
            "taken",
            seq=record["seq"],
            kind=thing.kind.name.lower(),
            x_mm=record["x_mm"],
            y_mm=record["y_mm"],
            position=position,
            target=target,
            margin_ms=round(margin_ms),
        )

    def _drive(self, now_ns: int) -> None:
        now = self.encoder(now_ns)
        # The flap takes its time: it is told so much earlier.
        lead = self.plant.actuator_ms / 1000 * self.plant.speed_mm_s * COUNTS_PER_MM
        before, after = (
            each * COUNTS_PER_MM for each in (self.plant.before_mm, self.plant.after_mm)
        )
        for thing in list(self.things):
            due = now >= thing.target - before - lead
            if thing.open_now and not due:  # the belt has run back
                thing.open_now = False
                self._say(now_ns, "gone back", seq=thing.seq)
            elif due and not thing.open_now:
                thing.open_now = True
                self._say(now_ns, "divert", seq=thing.seq, open_at=round(now + lead))
            if now > thing.target + after:
                self.things.remove(thing)
                self._say(now_ns, "diverted", seq=thing.seq, closed_at=now)
        self.coils.divert = any(thing.open_now for thing in self.things)

    def _say(self, now_ns: int, what: str, **more: Any) -> None:
        t_ms = (now_ns - (self._start_ns or now_ns)) / 1e6
        self.log({"t_ms": round(t_ms, 1), "encoder": self.encoder(now_ns), "event": what, **more})

    def totals(self) -> dict[str, Any]:
        """What it came to."""
        return {
            "scans": self.scans,
            "seconds": round((self._last_ns - (self._start_ns or 0)) / 1e9, 1),
            "taken_in_time": self.taken["in time"],
            "taken_too_late": self.taken["too late"],
            "watched": self._watched_once,
            "before_watched_s": round(self.before_ns / 1e9, 2),
            "unwatched_s": round(self.lost_ns / 1e9, 2),
            "counts_per_mm": COUNTS_PER_MM,
            "ejector_y_mm": self.plant.ejector_y_mm,
        }


def _in_counts(record: dict[str, int]) -> bool:
    """Its place is told in counts of our own encoder."""
    return bool(record["flags"] & RecordFlag.PLC_COUNTS) and record["y_mm"] != UNKNOWN_SIGNED


def _is_far(record: dict[str, int]) -> bool:
    """It comes later than its eta can tell: its record is left until it can."""
    return not _in_counts(record) and record["eta_ms"] == LATEST_ETA_MS


def summary(totals: dict[str, Any]) -> str:
    """In one line."""
    if not totals["watched"]:
        return f"plc: nobody watched at any moment of {totals['seconds']:g} s"
    taken = totals["taken_in_time"] + totals["taken_too_late"]
    return (
        f"plc: {taken} hazards taken, {totals['taken_in_time']} in time for the ejector at "
        f"{totals['ejector_y_mm']:g} mm, {totals['taken_too_late']} too late; watched after "
        f"{totals['before_watched_s']:g} s, then nobody watched for {totals['unwatched_s']:g} of "
        f"{totals['seconds'] - totals['before_watched_s']:g} s"
    )
