"""The PLC map, version 1: every register, in one place.

Words are 16 bits; 32-bit values take two, high word first. Everything that names a state has 0 for
*unknown*, so that registers nobody has filled never read clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal

MAP_VERSION = 1
INPUT_WORDS = 60
RECORDS, RECORD_WORDS, FIRST_RECORD = 3, 15, 14
PLC_FIRST, PLC_WORDS = 100, 11
UNKNOWN_WORD = 0xFFFF
"""An unsigned measurement that is not known; 0 would read as an empty belt."""
UNKNOWN_SIGNED = -0x8000
"""A signed one that is not known."""
LATEST_ETA_MS = 0x7FFF
"""So late, or later than 16 bits can tell."""

Kind = Literal["uint16", "int16", "uint32"]


class State(IntEnum):
    """Register 2: what the watch over the line is worth."""

    BOOT = 0
    READY = 1
    DEGRADED = 2
    FAULT = 3
    MAINTENANCE = 4


class HazardWord(IntEnum):
    """Registers 5 to 7."""

    UNKNOWN = 0
    CLEAR = 1
    ACTIVE = 2


class TopPriority(IntEnum):
    """Register 8."""

    UNKNOWN = 0
    NONE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class JamState(IntEnum):
    """Register 10."""

    UNKNOWN = 0
    FREE = 1
    OVERLOAD = 2
    JAM = 3


class HazardClass(IntEnum):
    """What a record is about; also the bits of the shelve mask, counted from bit 0 for GAS."""

    NONE = 0
    GAS = 1
    BATTERY = 2
    OVERLOAD = 3
    JAM = 4


class RecordPriority(IntEnum):
    """A record's priority."""

    NONE = 0
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class RecordState(IntEnum):
    """A record's alarm state (ISA-18.2)."""

    NONE = 0
    UNACKNOWLEDGED = 1
    ACKNOWLEDGED = 2
    RETURNED_UNACKNOWLEDGED = 3
    LATCHED = 4
    SHELVED = 5
    SUPPRESSED = 6
    OUT_OF_SERVICE = 7
    NORMAL = 8


class BeltRun(IntEnum):
    """Register 103, from the PLC."""

    UNKNOWN = 0
    STANDS = 1
    RUNS = 2


class BeltWord(IntEnum):
    """Register 59: what the belt does, all that is said of it held against each other."""

    UNKNOWN = 0
    RUNS = 1
    STANDS = 2
    STANDS_ORDERED_TO_RUN = 3
    RUNS_ORDERED_TO_STAND = 4
    REVERSES = 5
    SLIPS = 6
    DISAGREES = 7
    ENCODER_LOST = 8
    ENCODER_STUCK = 9
    ENCODER_BACKWARDS = 10


class Reset(IntEnum):
    """Register 110, from the PLC; acts when the word changes to one of these."""

    NONE = 0
    REMOVED = 1
    FALSE_ALARM = 2
    NOT_FOUND = 3
    COUNTERS = 9


class Status(IntFlag):
    """Register 3."""

    WATCHING = 1 << 0
    LATE = 1 << 1
    BELT_SPEED_KNOWN = 1 << 2
    BELT_STANDS = 1 << 3
    PLC_ALIVE = 1 << 4
    PLC_LOST = 1 << 5
    MORE_RECORDS = 1 << 6
    CATCHING_UP = 1 << 7
    GAS_SHELVED = 1 << 8
    BATTERY_SHELVED = 1 << 9
    OVERLOAD_SHELVED = 1 << 10
    JAM_SHELVED = 1 << 11
    COMMAND_REFUSED = 1 << 12
    CLOCK_SYNCHRONISED = 1 << 13
    MM_SURVEYED = 1 << 14


class RecordFlag(IntFlag):
    """The low byte of a record's flags; the high byte is the alert's revision, modulo 256."""

    IN_VIEW = 1 << 0
    SIZE_PLAUSIBLE = 1 << 1
    PLC_COUNTS = 1 << 2
    MM_SURVEYED = 1 << 3
    SIGHT_LOST = 1 << 4
    PILE = 1 << 5


class Mode(IntFlag):
    """Register 107, from the PLC."""

    MAINTENANCE = 1 << 0
    ACKNOWLEDGES = 1 << 1


STATUS_MEANING = {
    Status.WATCHING: "somebody looks at the belt: neither a frame nor a look is overdue",
    Status.LATE: "the looks come too late after their pictures (state 2)",
    Status.BELT_SPEED_KNOWN: "etas rest on a known speed",
    Status.BELT_STANDS: "the belt stands, as far as is known",
    Status.PLC_ALIVE: "this PLC's heartbeat (register 100) changes",
    Status.PLC_LOST: "it has changed once and does not any more (for 2 s)",
    Status.MORE_RECORDS: "more events are active than the three records hold",
    Status.CATCHING_UP: "messages were missed; what is not active reads unknown until all is known",
    Status.GAS_SHELVED: "gas alarms are shelved (the hazard word tells of gas all the same)",
    Status.BATTERY_SHELVED: "battery alarms are shelved",
    Status.OVERLOAD_SHELVED: "overload alarms are shelved",
    Status.JAM_SHELVED: "jam alarms are shelved",
    Status.COMMAND_REFUSED: "the detector has refused the last command from registers 101 to 110",
    Status.CLOCK_SYNCHRONISED: "the detector's UTC is disciplined",
    Status.MM_SURVEYED: "millimetres rest on surveyed points, not on a scale that was typed in",
}
FLAG_MEANING = {
    RecordFlag.IN_VIEW: "the camera sees the object now, or the line is in that state now",
    RecordFlag.SIZE_PLAUSIBLE: "it has a size that its class can have",
    RecordFlag.PLC_COUNTS: "the belt position is in counts of this PLC's own encoder (105–106)",
    RecordFlag.MM_SURVEYED: "x and y rest on surveyed points",
    RecordFlag.SIGHT_LOST: "nobody watches now: the record is what was last known",
    RecordFlag.PILE: "one of several that lie together (a pile); each has a record of its own",
}
MODE_MEANING = {
    Mode.MAINTENANCE: "the line is under maintenance: state 4 in place of 1 and 2",
    Mode.ACKNOWLEDGES: "an acknowledged seq is an operator's acknowledgement too (panel button)",
}


@dataclass(frozen=True, slots=True)
class Register:
    """One value of the map, at its first word."""

    address: int
    name: str
    kind: Kind
    unit: str
    meaning: str
    unknown: str = ""
    """How it reads while nobody knows it; empty: it is always known."""

    @property
    def words(self) -> int:
        return 2 if self.kind == "uint32" else 1


NODE: tuple[Register, ...] = (
    Register(0, "map_version", "uint16", "", f"{MAP_VERSION}: this table"),
    Register(
        1,
        "heartbeat",
        "uint16",
        "",
        "grows by one per tick of completed inferences, 5 Hz, and by nothing else; wraps at 65535",
    ),
    Register(2, "state", "uint16", "code", "what the watch is worth", "0 at boot, 3 when lost"),
    Register(3, "status", "uint16", "bits", "see below"),
    Register(
        4,
        "frame_age_ms",
        "uint16",
        "ms",
        "since the newest frame that was looked at was captured, at the moment of reading",
        "65535",
    ),
    Register(5, "gas", "uint16", "code", "gas bottles and cartridges", "0"),
    Register(6, "battery", "uint16", "code", "batteries", "0"),
    Register(7, "jam", "uint16", "code", "overload or jam; known only with a coverage", "0"),
    Register(8, "top_priority", "uint16", "code", "of the active events", "0"),
    Register(9, "coverage", "uint16", "‰", "share of the belt that is covered", "65535"),
    Register(10, "jam_state", "uint16", "code", "which of the two register 7 means", "0"),
    Register(
        11,
        "last_seq",
        "uint32",
        "",
        "number of the newest event; starts at the bridge's start time in tenths of a second, so "
        "that it grows over restarts too",
    ),
    Register(
        13, "overruns", "uint16", "", "events that were over before a record was free for them"
    ),
    Register(
        59,
        "belt_state",
        "uint16",
        "code",
        "what the belt does, by encoder, picture and run signal together; from 4 on don't rely on "
        "etas",
        "0",
    ),
)
"""Input registers, and the same as holding registers; the records lie between."""

RECORD: tuple[Register, ...] = (
    Register(0, "seq", "uint32", "", "the event's number; 0: this record is empty"),
    Register(2, "class", "uint16", "code", "what it is"),
    Register(3, "priority", "uint16", "code", "2 low, 3 medium, 4 high"),
    Register(4, "alarm_state", "uint16", "code", "ISA-18.2 state of its alarm"),
    Register(5, "x_mm", "int16", "mm", "across the belt from its left edge", "-32768"),
    Register(6, "y_mm", "int16", "mm", "along the travel, at capture", "-32768"),
    Register(7, "probability", "uint16", "‰", "that it is one", "65535"),
    Register(
        8,
        "position",
        "uint32",
        "mm or counts",
        "belt position at capture: this PLC's encoder counts if flag 2 is set, else the belt's "
        "travel in mm since the detector's start, as it reckons",
        "4294967295",
    ),
    Register(
        10,
        "eta_ms",
        "int16",
        "ms",
        "until its leading edge reaches the next action point, at the moment of reading; it stands "
        "still while the belt does (status bit 3); negative: it has passed the last one; 32767: "
        "that or later, read again before you reckon with it",
        "-32768",
    ),
    Register(11, "age_ms", "uint16", "ms", "since capture, at the moment of reading"),
    Register(12, "track", "uint16", "", "the detector's number for the object, modulo 65536"),
    Register(13, "flags", "uint16", "bits", "see below"),
    Register(14, "seq_again", "uint16", "", "low word of seq: equal, or the read was torn"),
)
"""Offsets in each of the records at 14, 29 and 44."""

PLC: tuple[Register, ...] = (
    Register(100, "plc_heartbeat", "uint16", "", "change it in every scan"),
    Register(
        101,
        "acknowledged_seq",
        "uint32",
        "",
        "the event that you have taken: frees its record. Write both words in one request",
    ),
    Register(103, "belt_run", "uint16", "code", "0 not wired, 1 stands, 2 runs"),
    Register(104, "belt_speed", "uint16", "mm/s", "0: not wired (or the belt stands)"),
    Register(
        105,
        "encoder",
        "uint32",
        "counts",
        "position of the belt; wraps at 2^32, or where belt.encoder_wraps_at of the line's profile "
        "says",
    ),
    Register(107, "mode", "uint16", "bits", "see below"),
    Register(
        108,
        "shelve_mask",
        "uint16",
        "bits",
        "hazards to shelve: bit 0 gas, 1 battery, 2 overload, 3 jam",
    ),
    Register(
        109,
        "shelve_minutes",
        "uint16",
        "min",
        "1 to 60; the mask acts when this changes from 0",
    ),
    Register(
        110,
        "reset",
        "uint16",
        "code",
        "acts when it changes from 0: outcome of the event in 101–102 (1 removed, 2 false alarm, "
        "3 not found), 9 sets overruns to 0",
    ),
)
"""Holding registers that the PLC writes."""


def to_words(register: Register, value: int) -> tuple[int, ...]:
    """A value as its words, cut to what they can hold."""
    if register.kind == "uint32":
        value &= 0xFFFF_FFFF
        return value >> 16, value & 0xFFFF
    if register.kind == "int16":
        return (max(-0x8000, min(0x7FFF, value)) & 0xFFFF,)
    return (max(0, min(0xFFFF, value)),)


def from_words(register: Register, words: tuple[int, ...] | list[int]) -> int:
    """The value in a register's words."""
    if register.kind == "uint32":
        return words[0] << 16 | words[1]
    return words[0] - 0x1_0000 if register.kind == "int16" and words[0] > 0x7FFF else words[0]


def decode(words: list[int] | tuple[int, ...]) -> tuple[dict[str, int], list[dict[str, int]]]:
    """The 60 words as a client reads them: values by name, and the three records."""

    def values(registers: tuple[Register, ...], first: int) -> dict[str, int]:
        return {
            each.name: from_words(
                each, words[first + each.address : first + each.address + each.words]
            )
            for each in registers
        }

    records = [values(RECORD, FIRST_RECORD + RECORD_WORDS * slot) for slot in range(RECORDS)]
    return values(NODE, 0), records


def decode_plc(words: list[int] | tuple[int, ...]) -> dict[str, int]:
    """The 11 words that the PLC writes, by name."""
    return {
        each.name: from_words(
            each, words[each.address - PLC_FIRST : each.address - PLC_FIRST + each.words]
        )
        for each in PLC
    }


def encode_plc(**values: int) -> list[int]:
    """The 11 words as a PLC writes them; what is not given is 0."""
    words: list[int] = []
    for register in PLC:
        words += to_words(register, values.get(register.name, 0))
    return words
