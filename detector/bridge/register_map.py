"""The register map for PLCs, version 1.

Words have 16 bits; 32-bit values take two words, high word first. In every state register 0 means
*unknown*, so that registers that were never filled do not read clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAP_VERSION = 1
INPUT_WORDS = 60
RECORDS, RECORD_WORDS, FIRST_RECORD = 3, 15, 14
PLC_FIRST, PLC_WORDS = 100, 11
UNKNOWN_WORD = 0xFFFF
"""An unknown unsigned measurement; 0 would read as an empty belt."""
UNKNOWN_SIGNED = -0x8000
"""An unknown signed measurement."""
LATEST_ETA_MS = 0x7FFF
"""Greatest arrival time; later ones read the same."""

Kind = Literal["uint16", "int16", "uint32"]


@dataclass(frozen=True, slots=True)
class Register:
    """One value of the map, at its first word."""

    address: int
    name: str
    kind: Kind
    unit: str
    meaning: str
    unknown: str = ""
    """Value while it is unknown; empty: always known."""

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
        "advances only with completed inference passes, at 5 Hz; wraps after 65535",
    ),
    Register(
        2, "state", "uint16", "code", "whether the belt is being watched", "0 at start, 3 when lost"
    ),
    Register(3, "status", "uint16", "bits", "see below"),
    Register(
        4,
        "frame_age_ms",
        "uint16",
        "ms",
        "time from capture of the newest frame with an inference pass to this read",
        "65535",
    ),
    Register(5, "gas", "uint16", "code", "gas bottles and cartridges", "0"),
    Register(6, "battery", "uint16", "code", "batteries", "0"),
    Register(
        7, "jam", "uint16", "code", "overload or jam; known only while coverage is measured", "0"
    ),
    Register(8, "top_priority", "uint16", "code", "highest priority of the active events", "0"),
    Register(9, "coverage", "uint16", "‰", "share of the belt covered by material", "65535"),
    Register(10, "jam_state", "uint16", "code", "whether register 7 is a jam or an overload", "0"),
    Register(
        11,
        "last_seq",
        "uint32",
        "",
        "number of the newest event; grows over restarts of the bridge, also if its clock was set "
        "back",
    ),
    Register(13, "overruns", "uint16", "", "events that were over before a record became free"),
    Register(
        59,
        "belt_state",
        "uint16",
        "code",
        "state of the belt, from encoder, images and run signal; from 4 on arrival times are "
        "unreliable",
        "0",
    ),
)
"""Input registers, also readable as holding registers; the records are between them."""

RECORD: tuple[Register, ...] = (
    Register(0, "seq", "uint32", "", "number of the event; 0: the record is empty"),
    Register(2, "class", "uint16", "code", "class of the hazard"),
    Register(3, "priority", "uint16", "code", "2 low, 3 medium, 4 high"),
    Register(4, "alarm_state", "uint16", "code", "ISA-18.2 state of its alarm"),
    Register(
        5,
        "x_mm",
        "int16",
        "mm",
        "centre, across the belt from its left edge looking downstream",
        "-32768",
    ),
    Register(
        6,
        "y_mm",
        "int16",
        "mm",
        "centre at capture, along the travel from the upstream end of the view",
        "-32768",
    ),
    Register(7, "probability", "uint16", "‰", "probability that the hazard is real", "65535"),
    Register(
        8,
        "position",
        "uint32",
        "mm or counts",
        "belt position at capture: this PLC's encoder counts if flag bit 2 is set, else the belt "
        "travel in mm since the detector's start",
        "4294967295",
    ),
    Register(
        10,
        "eta_ms",
        "int16",
        "ms",
        "time from this read until its leading edge reaches the next action point; does not count "
        "down while the belt is stopped (status bit 3); negative: past the last action point; "
        "32767: this or later, read again before using it",
        "-32768",
    ),
    Register(11, "age_ms", "uint16", "ms", "time from capture to this read"),
    Register(12, "track", "uint16", "", "the detector's track number, modulo 65536"),
    Register(13, "flags", "uint16", "bits", "see below"),
    Register(14, "seq_again", "uint16", "", "low word of `seq`; if they differ, read again"),
)
"""Addresses are offsets in each of the records at 14, 29 and 44."""

PLC: tuple[Register, ...] = (
    Register(100, "plc_heartbeat", "uint16", "", "must change in every scan"),
    Register(
        101,
        "acknowledged_seq",
        "uint32",
        "",
        "`seq` of the event that you have taken; frees its record. Write both words in one request",
    ),
    Register(103, "belt_run", "uint16", "code", "run signal: 0 not wired, 1 stop, 2 run"),
    Register(104, "belt_speed", "uint16", "mm/s", "0: not wired, or the belt is stopped"),
    Register(
        105,
        "encoder",
        "uint32",
        "counts",
        "belt position; wraps at `belt.encoder_wraps_at` of the line's profile, default 2^32. "
        "Write both words in one request",
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
        "1 to 60; the mask takes effect when this changes from 0",
    ),
    Register(
        110,
        "reset",
        "uint16",
        "code",
        "takes effect when it changes from 0: outcome of the event in 101–102 (1 removed, 2 false "
        "alarm, 3 not found); 9 sets `overruns` to 0",
    ),
)
"""Holding registers written by the PLC."""


def to_words(register: Register, value: int) -> tuple[int, ...]:
    """The words of a value; values out of range are clipped, uint32 wraps."""
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
    """Decode the 60 input words: values by name, and the three records."""

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
    """Decode the 11 words of the PLC: values by name."""
    return {
        each.name: from_words(
            each, words[each.address - PLC_FIRST : each.address - PLC_FIRST + each.words]
        )
        for each in PLC
    }


def encode_plc(**values: int) -> list[int]:
    """Encode the 11 words of the PLC; values not given are 0."""
    words: list[int] = []
    for register in PLC:
        words += to_words(register, values.get(register.name, 0))
    return words
