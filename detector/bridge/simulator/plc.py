"""A simulated PLC: its program, executed once per scan on the 60 words read.

It has a watchdog for the heartbeat, its own encoder, a list of objects travelling to the ejector,
and coils that open the ejector by belt position and request a process stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from detector.bridge.register_map import LATEST_ETA_MS, UNKNOWN_SIGNED, decode, encode_plc
from detector.bridge.register_words import (
    HazardClass,
    HazardWord,
    Mode,
    RecordFlag,
    RunSignal,
    VisionWord,
)
from detector.bridge.simulator.belt_course import Course

WATCHDOG_NS = 500_000_000
"""Time without a change of the heartbeat after which the belt counts as not watched; normal is five
changes a second."""
COUNTS_PER_MM = 10
WRAP = 2**32
DIVERTED = (HazardClass.GAS, HazardClass.BATTERY)
TAKEN_KEPT = 64
"""Numbers of taken events that are remembered."""


@dataclass(frozen=True, slots=True)
class Plant:
    """Data of the plant, as configured by the PLC's programmer."""

    speed_mm_s: float = 400.0
    """Nominal belt speed; also used for the ejector's lead."""
    ejector_y_mm: float = 4000.0
    """Position of the ejector along the travel, in the profile's belt coordinates."""
    actuator_ms: float = 300.0
    """Time from the coil to the open flap."""
    before_mm: float = 200.0
    after_mm: float = 200.0
    """Length of belt for which the flap is open, before and behind an object's centre."""
    acknowledges: bool = False
    """Taking a record is also the operator's acknowledgement (mode bit 1)."""
    course: Course | None = None
    """Belt course; None: always at nominal speed."""


@dataclass(slots=True)
class Target:
    """A hazard travelling to the ejector."""

    seq: int
    kind: HazardClass
    target: int
    """Encoder count at which its centre is at the ejector, unwrapped."""
    open_now: bool = False


@dataclass
class Coils:
    """The PLC's outputs."""

    divert: bool = False
    stop_request: bool = False
    not_watched: bool = True


@dataclass
class SimulatedPlc:
    """The PLC's program and state; `log` is called with each event."""

    plant: Plant
    log: Callable[[dict[str, Any]], None]
    coils: Coils = field(default_factory=Coils)
    targets: list[Target] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    records: list[dict[str, int]] = field(default_factory=list)
    scans: int = 0
    lost_ns: int = 0
    """Time not watched, after it was watched for the first time."""
    before_ns: int = 0
    """Time before it was watched for the first time."""
    taken: dict[str, int] = field(default_factory=lambda: {"in time": 0, "too late": 0})

    _taken: list[int] = field(default_factory=list)
    _beat: int | None = None
    _beat_ns: int | None = None
    _start_ns: int | None = None
    _last_ns: int = 0
    _watched_once: bool = False
    _acknowledged: int = 0

    def scan(self, words: list[int] | None, now_ns: int) -> list[int]:
        """Execute one scan and return registers 100 to 110. `words`: as read; None: no reply."""
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
            belt_run=RunSignal.RUN if speed_mm_s else RunSignal.STOP,
            belt_speed=round(abs(speed_mm_s)),
            encoder=self.encoder(now_ns) % WRAP,
            mode=Mode.ACKNOWLEDGES if self.plant.acknowledges else 0,
        )

    def encoder(self, now_ns: int) -> int:
        """Counts since the start, unwrapped; reversals reduce them."""
        elapsed_s, course = self._elapsed_s(now_ns), self.plant.course
        travel_mm = course.travel_mm(elapsed_s) if course else elapsed_s * self.plant.speed_mm_s
        return round(travel_mm * COUNTS_PER_MM)

    def speed_mm_s(self, now_ns: int) -> float:
        """Belt speed; negative against the travel."""
        plant = self.plant
        return plant.course.speed_at(self._elapsed_s(now_ns)) if plant.course else plant.speed_mm_s

    def _elapsed_s(self, now_ns: int) -> float:
        return (now_ns - (self._start_ns or now_ns)) / 1e9

    @property
    def watched(self) -> bool:
        return not self.coils.not_watched

    def _watchdog(self, replied: bool, now_ns: int) -> None:
        if replied and self.read["heartbeat"] != self._beat:
            # The first value read may be hours old.
            self._beat_ns = None if self._beat is None else now_ns
            self._beat = self.read["heartbeat"]
        alive = self._beat_ns is not None and now_ns - self._beat_ns <= WATCHDOG_NS
        sees = self.read.get("state") in (
            VisionWord.READY,
            VisionWord.DEGRADED,
            VisionWord.MAINTENANCE,
        )
        not_watched = not (replied and alive and sees)
        if not_watched and self._watched_once:
            self.lost_ns += now_ns - self._last_ns
        elif not_watched:
            self.before_ns += now_ns - self._last_ns
        self._watched_once = self._watched_once or not not_watched
        if not_watched != self.coils.not_watched:
            self.coils.not_watched = not_watched
            self._log(now_ns, "not watched" if not_watched else "watched")
        stop = not not_watched and self.read["gas"] == HazardWord.ACTIVE
        if stop != self.coils.stop_request:
            self.coils.stop_request = stop
            self._log(now_ns, "stop requested" if stop else "stop request over")

    def _take_records(self, now_ns: int) -> None:
        """The handshake: copy a new record and acknowledge it, one per scan."""
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
            # A 32-bit count; of the unwrapped counts that match it, the nearest is meant.
            position = now + (record["position"] - now + WRAP // 2) % WRAP - WRAP // 2
            distance_mm = self.plant.ejector_y_mm - record["y_mm"]
            target = position + round(distance_mm * COUNTS_PER_MM)
        elif record["eta_ms"] != UNKNOWN_SIGNED:
            distance_mm = record["eta_ms"] / 1000 * self.speed_mm_s(now_ns)
            target = now + round(distance_mm * COUNTS_PER_MM)
            position = None
        else:
            self._log(now_ns, "no place", seq=record["seq"])
            return
        kind = HazardClass(record["class"])
        if target + self.plant.after_mm * COUNTS_PER_MM > now:
            self.targets.append(Target(record["seq"], kind, target))
        open_ms = (target - now) / COUNTS_PER_MM / self.plant.speed_mm_s * 1000
        margin_ms = open_ms - self.plant.actuator_ms
        self.taken["in time" if margin_ms >= 0 else "too late"] += 1
        self._log(
            now_ns,
            "taken",
            seq=record["seq"],
            kind=kind.name.lower(),
            x_mm=record["x_mm"],
            y_mm=record["y_mm"],
            position=position,
            target=target,
            margin_ms=round(margin_ms),
        )

    def _drive(self, now_ns: int) -> None:
        now = self.encoder(now_ns)
        # The coil is switched earlier by the flap's opening time.
        lead = self.plant.actuator_ms / 1000 * self.plant.speed_mm_s * COUNTS_PER_MM
        before, after = (
            each * COUNTS_PER_MM for each in (self.plant.before_mm, self.plant.after_mm)
        )
        for each in list(self.targets):
            due = now >= each.target - before - lead
            if each.open_now and not due:  # the belt has reversed
                each.open_now = False
                self._log(now_ns, "gone back", seq=each.seq)
            elif due and not each.open_now:
                each.open_now = True
                self._log(now_ns, "divert", seq=each.seq, open_at=round(now + lead))
            if now > each.target + after:
                self.targets.remove(each)
                self._log(now_ns, "diverted", seq=each.seq, closed_at=now)
        self.coils.divert = any(each.open_now for each in self.targets)

    def _log(self, now_ns: int, event: str, **more: Any) -> None:
        t_ms = (now_ns - (self._start_ns or now_ns)) / 1e6
        self.log({"t_ms": round(t_ms, 1), "encoder": self.encoder(now_ns), "event": event, **more})

    def totals(self) -> dict[str, Any]:
        """The counts of the whole run."""
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
    """Whether its position is in counts of our own encoder."""
    return bool(record["flags"] & RecordFlag.PLC_COUNTS) and record["y_mm"] != UNKNOWN_SIGNED


def _is_far(record: dict[str, int]) -> bool:
    """Whether it arrives beyond the range of eta_ms; its record is left until it is in range."""
    return not _in_counts(record) and record["eta_ms"] == LATEST_ETA_MS


def summary(totals: dict[str, Any]) -> str:
    """The totals in one line."""
    if not totals["watched"]:
        return f"plc: never watched in {totals['seconds']:g} s"
    taken = totals["taken_in_time"] + totals["taken_too_late"]
    return (
        f"plc: {taken} hazards taken, {totals['taken_in_time']} in time for the ejector at "
        f"{totals['ejector_y_mm']:g} mm, {totals['taken_too_late']} too late; watched after "
        f"{totals['before_watched_s']:g} s, then not watched for {totals['unwatched_s']:g} of "
        f"{totals['seconds'] - totals['before_watched_s']:g} s"
    )
