"""The vocabulary that all rooms share: what the fields of messages, states and settings may be."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Hazard(StrEnum):
    """What the line is warned of."""

    GAS = "gas"
    BATTERY = "battery"
    OVERLOAD = "overload"
    JAM = "jam"
    BELT_STANDING = "belt_standing"
    VISION_UNAVAILABLE = "vision_unavailable"


class Priority(StrEnum):
    """ISA-18.2 priority."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlarmState(StrEnum):
    """ISA-18.2 / OPC UA Part 9 state of one alarm."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


class Revision(StrEnum):
    """What has changed since the alert's last revision."""

    RAISED = "raised"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """What an operator found."""

    REMOVED = "removed"
    FALSE_ALARM = "false_alarm"
    NOT_FOUND = "not_found"


class VisionState(StrEnum):
    """What the detector's sight is worth; the first two of them are no clear belt."""

    STARTING = "starting"
    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    READY = "ready"


class CoverageState(StrEnum):
    """What the overload monitor says; `unknown` is not clear."""

    UNKNOWN = "unknown"
    CLEAR = "clear"
    OVERLOAD = "overload"


MmBasis = Literal["none", "nominal", "points"]
"""How millimetres are known. `none`: not at all, every mm field is null. `nominal`: from a scale
that somebody typed in, no survey. `points`: from belt points measured on site."""

SpeedBasis = Literal["none", "profile", "picture", "encoder"]
"""How the belt's speed is known. `none`: not yet. `profile`: a fixed setting. `picture`: measured
from how the belt's picture moves. `encoder`: the line's PLC says so."""

BeltState = Literal[
    "unknown",
    "runs",
    "stands",
    "stands_ordered_to_run",
    "runs_ordered_to_stand",
    "reverses",
    "slips",
    "disagrees",
    "encoder_lost",
    "encoder_stuck",
    "encoder_backwards",
]
"""What the belt does, by encoder, picture, setting and run signal held against each other. From
`runs_ordered_to_stand` on, arrival times can't be relied on and vision is degraded."""

StampSource = Literal["grab", "recording"]
"""Where a frame's time comes from.

`grab`: this host's clocks, read when the image came out of the driver or decoder; of a recording
that is played as a camera, when the image was due.
`recording`: the place in a recording (frame index / frame rate), so that a replay is the same
every time; the UTC stamp then counts from 1970-01-01 and names no real moment.
"""

ClockSync = Literal["unknown", "synchronised", "unsynchronised"]
"""Whether the host's UTC is disciplined (NTP or PTP)."""

JournalState = Literal["off", "written", "late", "failed"]
"""`written`: every alert is on the disk before it is sent. `late`: the disk hangs. `failed`: it
takes nothing. In all but `written` a restart may lose alerts."""

EngineName = Literal["onnxruntime", "openvino", "auto"]
"""What runs the model. `auto`: OpenVINO where it is installed and the CPU multiplies bfloat16."""

STOPPED_BELOW_MM_S = 5.0
"""A belt slower than this is stopped: at 5 mm/s an object needs minutes to its action point."""
