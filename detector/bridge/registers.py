"""Computes the 60 words that a PLC reads from the bridge's knowledge of a line."""

from __future__ import annotations

from detector.bridge.events import Event, Records
from detector.bridge.line_watch import LineWatch
from detector.bridge.plc_link import PlcLink
from detector.bridge.register_map import (
    FIRST_RECORD,
    INPUT_WORDS,
    LATEST_ETA_MS,
    MAP_VERSION,
    NODE,
    RECORD,
    RECORD_WORDS,
    RECORDS,
    UNKNOWN_SIGNED,
    UNKNOWN_WORD,
    to_words,
)
from detector.bridge.register_words import (
    BeltWord,
    HazardClass,
    HazardWord,
    JamState,
    RecordFlag,
    RecordPriority,
    RecordState,
    RunSignal,
    Status,
    TopPriority,
    VisionWord,
)
from detector.vocabulary import STOPPED_BELOW_MM_S
from detector.wire.messages import AlarmState, CoverageState, Hazard, Priority

_CLASS = {
    Hazard.GAS: HazardClass.GAS,
    Hazard.BATTERY: HazardClass.BATTERY,
    Hazard.OVERLOAD: HazardClass.OVERLOAD,
    Hazard.JAM: HazardClass.JAM,
}
_PRIORITY = {
    Priority.LOW: RecordPriority.LOW,
    Priority.MEDIUM: RecordPriority.MEDIUM,
    Priority.HIGH: RecordPriority.HIGH,
}
_ALARM_STATE = {
    AlarmState.NORMAL: RecordState.NORMAL,
    AlarmState.UNACKNOWLEDGED: RecordState.UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED: RecordState.ACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED: RecordState.RETURNED_UNACKNOWLEDGED,
    AlarmState.LATCHED: RecordState.LATCHED,
    AlarmState.SHELVED: RecordState.SHELVED,
    AlarmState.SUPPRESSED: RecordState.SUPPRESSED,
    AlarmState.OUT_OF_SERVICE: RecordState.OUT_OF_SERVICE,
}
_SHELVED = {
    Hazard.GAS: Status.GAS_SHELVED,
    Hazard.BATTERY: Status.BATTERY_SHELVED,
    Hazard.OVERLOAD: Status.OVERLOAD_SHELVED,
    Hazard.JAM: Status.JAM_SHELVED,
}


class LineRegisters:
    """The registers of one line."""

    def __init__(self, watch: LineWatch, plc: PlcLink) -> None:
        self.watch, self.plc = watch, plc
        self.records = Records(RECORDS)

    def words(self, now_ns: int) -> list[int]:
        """The 60 words at `now_ns`; ages and arrival times are computed for this time."""
        if self.plc.counters_reset:
            self.plc.counters_reset, self.watch.overruns = False, 0
        watched = self.watch.is_watched(now_ns)
        active = self.watch.events(now_ns)
        self.records.assign(active, now_ns)
        words = [0] * INPUT_WORDS
        values = {
            "map_version": MAP_VERSION,
            "heartbeat": self.watch.heartbeat,
            "state": self._state(now_ns),
            "status": self._status(watched, now_ns),
            "frame_age_ms": _or_unknown(self.watch.frame_age_ms(now_ns)),
            **self._hazards(watched, active),
            "coverage": self._coverage(watched),
            "last_seq": self.watch.last_seq,
            "overruns": self.watch.overruns,
            "belt_state": self._belt_state(watched),
        }
        for register in NODE:
            _put(words, register.address, to_words(register, values.get(register.name, 0)))
        for slot, event in enumerate(self.records.slots):
            if event is not None:
                _put(words, FIRST_RECORD + RECORD_WORDS * slot, self._record(event, now_ns))
        return words

    def _state(self, now_ns: int) -> VisionWord:
        vision = self.watch.vision(now_ns)
        if self.plc.maintenance and vision.is_watching:
            return VisionWord.MAINTENANCE
        return VisionWord[vision.name]

    def _hazards(self, watched: bool, active: list[Event]) -> dict[str, int]:
        """Registers 5 to 8 and 10; none reads clear unless the belt is watched and no message is
        missing."""
        if not watched:
            return {"gas": 0, "battery": 0, "jam": 0, "top_priority": 0, "jam_state": 0}
        here = {event.alert.hazard for event in active}
        all_known = self.watch.complete
        covered = self._coverage(watched) != UNKNOWN_WORD

        def word(known: bool, *hazards: Hazard) -> HazardWord:
            if here.intersection(hazards):
                return HazardWord.ACTIVE
            return HazardWord.CLEAR if known and all_known else HazardWord.UNKNOWN

        jam = word(covered, Hazard.JAM, Hazard.OVERLOAD)
        priorities = [_PRIORITY[event.alert.priority] for event in active]
        top: int = TopPriority.NONE if all_known else TopPriority.UNKNOWN
        jam_state = JamState.FREE if jam is HazardWord.CLEAR else JamState.UNKNOWN
        if Hazard.OVERLOAD in here:
            jam_state = JamState.OVERLOAD
        if Hazard.JAM in here:
            jam_state = JamState.JAM
        return {
            "gas": word(True, Hazard.GAS),
            "battery": word(True, Hazard.BATTERY),
            "jam": jam,
            "top_priority": max(priorities, default=top),
            "jam_state": jam_state,
        }

    def _coverage(self, watched: bool) -> int:
        state = self.watch.state
        if (
            not watched
            or state is None
            or state.coverage is None
            or state.coverage_state is CoverageState.UNKNOWN
        ):
            return UNKNOWN_WORD
        return round(state.coverage * 1000)

    def _belt_state(self, watched: bool) -> BeltWord:
        state = self.watch.state
        return BeltWord[state.belt_state.upper()] if watched and state else BeltWord.UNKNOWN

    def _status(self, watched: bool, now_ns: int) -> Status:
        state, header = self.watch.state, self.watch.header
        belt = self.plc.belt(now_ns)
        speed = None if state is None or not watched else state.belt_speed_mm_s
        stopped = speed is not None and abs(speed) < STOPPED_BELOW_MM_S
        if belt is not None and belt.run is not RunSignal.UNKNOWN:
            stopped = belt.run is RunSignal.STOP
        bits = {
            Status.WATCHING: watched,
            Status.LATE: watched and self.watch.late,
            Status.BELT_SPEED_KNOWN: speed is not None,
            Status.BELT_STOPPED: stopped,
            Status.PLC_ALIVE: self.plc.alive(now_ns),
            Status.PLC_LOST: self.plc.lost(now_ns),
            Status.MORE_RECORDS: self.records.waiting > 0,
            Status.CATCHING_UP: watched and not self.watch.complete,
            Status.COMMAND_REFUSED: self.plc.refused,
            Status.CLOCK_SYNCHRONISED: header is not None and header.clock_sync == "synchronised",
            Status.MM_SURVEYED: state is not None and state.mm_basis == "points",
        }
        for shelving in () if state is None else state.shelved:
            if shelving.hazard in _SHELVED:
                bits[_SHELVED[shelving.hazard]] = True
        status = Status(0)
        for bit, lit in bits.items():
            status |= bit if lit else Status(0)
        return status

    def _record(self, event: Event, now_ns: int) -> list[int]:
        alert, place = event.alert, event.alert.place
        age_ms, arrival = event.age_ms(now_ns), event.next_arrival(now_ns)
        # Stored in the event: the PLC's readings of that time are dropped later.
        counts = self.plc.counts_at(event.t_capture_ns, self.watch.encoder_wraps_at)
        counts = event.counts = event.counts if counts is None else counts
        if self.watch.has_lost_encoder(event.t_capture_ns):
            counts = event.counts = None
        position_mm = None if place is None else place.belt_position_mm
        position = counts if counts is not None else position_mm
        plausible = alert.why is not None and alert.why.size_plausible is True
        flags = RecordFlag(0)
        for flag, lit in {
            RecordFlag.IN_VIEW: event.in_view,
            RecordFlag.SIZE_PLAUSIBLE: plausible,
            RecordFlag.PLC_COUNTS: counts is not None,
            RecordFlag.MM_SURVEYED: place is not None and place.mm_basis == "points",
            RecordFlag.PILE: alert.members > 1 or alert.pile is not None,
            RecordFlag.VISION_LOST: not self.watch.is_watched(now_ns),
        }.items():
            flags |= flag if lit else RecordFlag(0)
        values = {
            "seq": event.seq,
            "class": _CLASS[alert.hazard],
            "priority": _PRIORITY[alert.priority],
            "alarm_state": _ALARM_STATE[alert.state],
            "x_mm": _signed(None if place is None else place.x_mm),
            "y_mm": _signed(None if place is None else place.y_mm),
            "probability": _or_unknown(
                None if alert.probability is None else alert.probability * 1000
            ),
            "position": 0xFFFF_FFFF if position is None else round(position),
            "eta_ms": _signed(
                None if arrival is None else arrival.eta_ms - event.travelled_ms(now_ns)
            ),
            "age_ms": _or_unknown(age_ms),
            "track": (alert.track or 0) & 0xFFFF,
            "flags": flags | (alert.revision & 0xFF) << 8,
            "seq_again": event.seq & 0xFFFF,
        }
        return [word for register in RECORD for word in to_words(register, values[register.name])]


def _put(words: list[int], address: int, values: tuple[int, ...] | list[int]) -> None:
    words[address : address + len(values)] = values


def _or_unknown(value: float | None) -> int:
    """The word of an unsigned measurement, clipped to the greatest known value."""
    return UNKNOWN_WORD if value is None else max(0, min(UNKNOWN_WORD - 1, round(value)))


def _signed(value: float | None) -> int:
    return (
        UNKNOWN_SIGNED
        if value is None
        else max(UNKNOWN_SIGNED + 1, min(LATEST_ETA_MS, round(value)))
    )
