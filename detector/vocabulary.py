"""Enumerations of the wire: the values of its message fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Hazard(StrEnum):
    """Kind of hazard."""

    GAS = "gas"
    BATTERY = "battery"
    OVERLOAD = "overload"
    JAM = "jam"
    BELT_STOPPED = "belt_stopped"
    VISION_UNAVAILABLE = "vision_unavailable"


CLASSES = {"gas_canister": Hazard.GAS, "battery": Hazard.BATTERY}
"""What the model distinguishes, in the order of its outputs, and the hazard of each class."""

PLAUSIBLE_MM = {Hazard.GAS: (60.0, 1600.0), Hazard.BATTERY: (10.0, 400.0)}
"""Plausible longest side. Gas: a nitrous-oxide charger is 66 mm, an 11 kg composite or 13 kg steel
bottle 580 mm, a 50 l industrial cylinder 1,600 mm. Battery: LR44 and CR2032 cells are 11.6 and 20
mm, a car battery 400 mm."""


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
    """Change since the alert's previous revision."""

    RAISED = "raised"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """Outcome reported by an operator."""

    REMOVED = "removed"
    FALSE_ALARM = "false_alarm"
    NOT_FOUND = "not_found"


class VisionState(StrEnum):
    """Whether the belt of a line is being watched. Only `ready` and `degraded` allow to conclude
    that the belt is clear.

    The detector publishes it; a subscriber derives it from the published state and from the absence
    of messages. A PLC reads it as `VisionWord`. The state of the camera (`CameraState`) is one
    cause of it, and stays inside the detector.
    """

    UNKNOWN = "unknown"
    """Only at a subscriber: it has received too little to say."""
    STARTING = "starting"
    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    READY = "ready"

    @property
    def is_watching(self) -> bool:
        return self in {VisionState.READY, VisionState.DEGRADED}


class CoverageState(StrEnum):
    """State of the overload monitor; `unknown` is not clear."""

    UNKNOWN = "unknown"
    CLEAR = "clear"
    OVERLOAD = "overload"


MmBasis = Literal["none", "nominal", "unverified", "points"]
"""Source of the scale in mm. `none`: no scale, all mm fields are null. `nominal`: a typed-in scale,
not surveyed. `unverified`: a printed board of unmeasured scale. `points`: points or
lengths measured on site."""

SpeedBasis = Literal["none", "profile", "image", "encoder"]
"""Source of the belt speed. `none`: not known yet. `profile`: a fixed setting. `image`: motion
measured in the image. `encoder`: encoder counts reported by the PLC."""

BeltState = Literal[
    "unknown",
    "runs",
    "stopped",
    "stopped_ordered_to_run",
    "runs_ordered_to_stop",
    "reverses",
    "slips",
    "disagrees",
    "encoder_lost",
    "encoder_stuck",
    "encoder_backwards",
]
"""State of the belt, from a comparison of encoder, image, setting and run signal. From
`runs_ordered_to_stop` on, arrival times are unreliable and vision is degraded."""

ClockSync = Literal["unknown", "synchronised", "unsynchronised"]
"""Whether the host's UTC is disciplined (NTP or PTP)."""

JournalState = Literal["off", "written", "late", "failed"]
"""`written`: every alert is on the disk before it is sent. `late`: the disk hangs. `failed`: it
takes nothing. In all but `written` a restart may lose alerts."""

EngineName = Literal["onnxruntime", "openvino", "auto"]
"""What runs the model. `auto`: OpenVINO where it is installed and the CPU multiplies bfloat16."""

KindAction = Literal["call", "count", "ignore"]
"""What an object of a kind is to a site. `call`: an alarm that calls an operator. `count`: an alarm
that is suppressed by design. `ignore`: nothing."""

ImageFaultKind = Literal["overexposed", "blurred", "dirty_lens", "flicker", "moved", "clock_step"]
"""What degrades vision although the camera gives images in time."""

STOPPED_BELOW_MM_S = 5.0
"""A belt slower than this is stopped: at 5 mm/s an object needs minutes to its action point."""


class StampSource(StrEnum):
    """What the times of a camera's images are taken from."""

    ARRIVAL = "arrival"
    """The arrival of an image's first bytes, with the network's jitter."""
    MEDIA_CLOCK = "media_clock"
    """The intervals of the sender's media clock, set by the image that came fastest."""
    SENDER_CLOCK = "sender_clock"
    """The sender's time of day, which agrees with ours."""
    DRIVER = "driver"
    """The time at which the kernel's driver received the image."""
    DEVICE_CLOCK = "device_clock"
    """The camera's own clock, compared with ours every few seconds."""
