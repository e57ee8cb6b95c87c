"""Words of the register map for PLCs: the values of each state register and of each bit field."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class VisionWord(IntEnum):
    """Register 2: the vision state as a PLC reads it, and MAINTENANCE, which the PLC itself sets.

    A line that is starting reads UNKNOWN until the bridge's first inference message, at most 10 s;
    later it reads UNAVAILABLE.
    """

    UNKNOWN = 0
    READY = 1
    DEGRADED = 2
    UNAVAILABLE = 3
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
    """A record's class; also the bits of the shelve mask, where bit 0 is GAS."""

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


class RunSignal(IntEnum):
    """Register 103, from the PLC."""

    UNKNOWN = 0
    STOP = 1
    RUN = 2


class BeltWord(IntEnum):
    """Register 59: state of the belt, from a comparison of all sources."""

    UNKNOWN = 0
    RUNS = 1
    STOPPED = 2
    STOPPED_ORDERED_TO_RUN = 3
    RUNS_ORDERED_TO_STOP = 4
    REVERSES = 5
    SLIPS = 6
    DISAGREES = 7
    ENCODER_LOST = 8
    ENCODER_STUCK = 9
    ENCODER_BACKWARDS = 10


class Reset(IntEnum):
    """Register 110, from the PLC; takes effect when the word changes to one of these."""

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
    BELT_STOPPED = 1 << 3
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
    VISION_LOST = 1 << 4
    PILE = 1 << 5


class Mode(IntFlag):
    """Register 107, from the PLC."""

    MAINTENANCE = 1 << 0
    ACKNOWLEDGES = 1 << 1


STATUS_MEANING = {
    Status.WATCHING: "the belt is being watched: no frame and no inference pass is overdue",
    Status.LATE: "inference finishes too late after capture (state 2)",
    Status.BELT_SPEED_KNOWN: "the belt speed is known; arrival times are based on it",
    Status.BELT_STOPPED: "the belt is stopped, as far as is known",
    Status.PLC_ALIVE: "this PLC's heartbeat (register 100) changes",
    Status.PLC_LOST: "this PLC's heartbeat has changed once and then not for 2 s",
    Status.MORE_RECORDS: "more events are active than fit the three records",
    Status.CATCHING_UP: "messages were missed; hazards that are not active read unknown until all "
    "alarms are known",
    Status.GAS_SHELVED: "gas alarms are shelved (register 5 still reads active)",
    Status.BATTERY_SHELVED: "battery alarms are shelved",
    Status.OVERLOAD_SHELVED: "overload alarms are shelved",
    Status.JAM_SHELVED: "jam alarms are shelved",
    Status.COMMAND_REFUSED: "the last command in registers 101 to 110 was refused",
    Status.CLOCK_SYNCHRONISED: "the detector's UTC clock is synchronised",
    Status.MM_SURVEYED: "millimetres are based on surveyed points, not on a typed-in scale",
}
FLAG_MEANING = {
    RecordFlag.IN_VIEW: "the object is in the camera's view now, or the line is in this state now",
    RecordFlag.SIZE_PLAUSIBLE: "the size is plausible for the class",
    RecordFlag.PLC_COUNTS: "`position` is in counts of this PLC's encoder (105–106)",
    RecordFlag.MM_SURVEYED: "`x_mm` and `y_mm` are based on surveyed points",
    RecordFlag.VISION_LOST: "the belt is not being watched: the record is the last known state",
    RecordFlag.PILE: "one of several objects in a pile; each has its own record",
}
MODE_MEANING = {
    Mode.MAINTENANCE: "the line is under maintenance: `state` reads 4 instead of 1 or 2",
    Mode.ACKNOWLEDGES: "writing `acknowledged_seq` is also the operator's acknowledgement (panel "
    "button)",
}
