"""The contract of the wire, version 1: what a subscriber may rely on.

Every message is three ZeroMQ frames `[topic, header, payload]`, header and payload JSON in UTF-8.
`vigitri schema` prints the JSON Schemas made from these models. The promise: within version 1
fields are only added, never removed, renamed or given another meaning, so a subscriber ignores
fields that it does not know.

Coordinates: `image` is the camera's picture (px, x right, y down); `belt` is the belt's plane
(mm, `x_mm` across from the left edge looking downstream, `y_mm` along the direction of travel from
the upstream end of the view).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

WIRE_VERSION = 1


class Hazard(StrEnum):
    """What the line is warned of."""

    GAS = "gas"
    BATTERY = "battery"
    OVERLOAD = "overload"
    JAM = "jam"
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


class Message(BaseModel):
    """Base of everything on the wire: unknown fields are refused by us, allowed to subscribers.

    Every number is finite: JSON has no NaN, and one that became null would be unreadable there.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,  # what has a default is sent all the same
    )


class Header(Message):
    """The second frame of every message."""

    schema_: Annotated[
        str, Field(alias="schema", description="Name of the payload's schema, e.g. alert/1.")
    ]
    boot_id: Annotated[str, Field(description="Differs after each start of the detector.")]
    seq: Annotated[
        int, Field(ge=1, description="Counts the messages of this topic, without a gap.")
    ]
    gseq: Annotated[
        int, Field(ge=1, description="Counts the messages of all topics, without a gap.")
    ]
    alert_seq: Annotated[
        int | None,
        Field(
            ge=0,
            description="Counts the revisions of all alerts of this start, without a gap; in an "
            "alert its own number, in any other message that of the last alert so far.",
        ),
    ] = None
    t_capture_utc_ns: Annotated[
        int,
        Field(description="UTC when the frame was grabbed, ns since 1970 (64 bits, not a double)."),
    ]
    t_capture_mono_ns: Annotated[
        int, Field(description="The detector host's CLOCK_MONOTONIC when the frame was grabbed.")
    ]
    age_ms: Annotated[
        float | None, Field(description="Time from grab to send, ms; null for a recording.")
    ]
    clock_sync: Annotated[
        Literal["unknown", "synchronised", "unsynchronised"],
        Field(description="Whether the host's UTC is disciplined (NTP or PTP)."),
    ]
    stamp_source: Annotated[
        Literal["grab", "recording"],
        Field(
            description="grab: all times are this host's clocks. recording: all times, UTC too, "
            "count from the recording's start and name no real moment."
        ),
    ]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ModelIdentity(Message):
    """Which model saw it."""

    name: str
    sha256: Annotated[str, Field(description="Of model.onnx.")]


class Place(Message):
    """Where an object is."""

    box_px: Annotated[
        tuple[float, float, float, float],
        Field(description="x0, y0, x1, y1 in the picture `frame_index`, image coordinates."),
    ]
    frame_index: Annotated[int, Field(description="The frame that the box belongs to.")]
    image_size_px: Annotated[tuple[int, int], Field(description="Width and height.")]
    mm_basis: MmBasis
    x_mm: Annotated[float | None, Field(description="Centre, across the belt.")]
    y_mm: Annotated[float | None, Field(description="Centre, along the travel, from the view.")]
    belt_position_mm: Annotated[
        float | None,
        Field(description="Belt travel since start at capture; the object lies at this + y_mm."),
    ]


class Arrival(Message):
    """When an object reaches an action point (a picker, an ejector, a stop line)."""

    action_point: str
    distance_mm: float
    eta_ms: Annotated[float, Field(description="From capture; negative once it has passed.")]
    act_by_ms: Annotated[
        float, Field(description="From capture: eta less the time that acting takes there.")
    ]
    t_deadline_utc_ns: Annotated[int, Field(description="UTC by when to act.")]
    speed_mm_s: float
    speed_basis: SpeedBasis


class Look(Message):
    """One frame that supports an object's alert."""

    frame_index: int
    t_capture_utc_ns: int
    score: float


class Why(Message):
    """How sure, and why."""

    score: Annotated[float, Field(description="Best score of the model for this object, 0 to 1.")]
    hits: Annotated[int, Field(description="Looks in which the model saw it.")]
    looks: Annotated[int, Field(description="Looks in which it should have been seen.")]
    votes: Annotated[dict[str, int], Field(description="Looks per class.")]
    length_mm: Annotated[float | None, Field(description="Longest side as measured.")]
    width_mm: float | None
    plausible_length_mm: Annotated[
        tuple[float, float] | None, Field(description="What the class can measure.")
    ]
    size_plausible: Annotated[bool | None, Field(description="Null: not known, no millimetres.")]


class Cue(Message):
    """One sign by which the line's state is judged, and how far it has gone."""

    name: Annotated[
        Literal["coverage", "standing_material"],
        Field(
            description="coverage: of the belt, by material; standing_material: of the belt, by "
            "material that stands while the belt runs."
        ),
    ]
    share: Annotated[float, Field(ge=0, le=1)]
    raised_at: Annotated[float, Field(description="The share from which the alarm is raised.")]
    cleared_below: float
    over_mm: Annotated[float | None, Field(description="Belt travel that it was taken over.")]
    over_s: Annotated[float | None, Field(description="Running time that it was taken over.")]


class Alert(Message):
    """One hazard, told in revisions; idempotent on `(boot_id, event_id, revision)`.

    An object's alert has `place`, `why`, `support` and `class_name`. An alert on a state of the
    line (overload, jam, vision_unavailable) has `detail` instead, and of the first two `cues`.
    """

    line: str
    boot_id: str
    event_id: Annotated[str, Field(description="The same in all revisions of one alert.")]
    revision: Annotated[int, Field(ge=1)]
    kind: Revision
    hazard: Hazard
    class_name: Annotated[str | None, Field(description="The model's class.")]
    priority: Priority
    state: AlarmState
    probability: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="That the hazard is there: the model's best score, calibrated where its "
            "card has a calibration.",
        ),
    ]
    t_capture_utc_ns: Annotated[int, Field(description="Of the frame that this revision is from.")]
    t_capture_mono_ns: int
    frame_index: Annotated[
        int | None, Field(description="That frame; null where nobody sees (vision_unavailable).")
    ]
    t_raised_utc_ns: Annotated[int, Field(description="Capture time of the frame that raised it.")]
    place: Place | None
    arrivals: tuple[Arrival, ...]
    support: Annotated[tuple[Look, ...], Field(description="The last looks, newest last.")]
    why: Why | None
    detail: Annotated[str | None, Field(description="For a state of the line: which cue, by what.")]
    track: Annotated[int | None, Field(description="The object's track.")]
    model: ModelIdentity
    outcome: Outcome | None
    evidence_id: Annotated[
        str | None, Field(description="Names the picture in the event store, where one is kept.")
    ]
    members: Annotated[
        int, Field(ge=1, description="Objects in this alarm: of a pile, the first one counts all.")
    ] = 1
    pile: Annotated[
        str | None,
        Field(
            description="The event_id of the pile's alarm, where this object is one of its further "
            "members; an answer to that alarm holds for them too."
        ),
    ] = None
    cues: Annotated[
        tuple[Cue, ...],
        Field(description="For overload and jam: what each cue says, the one that spoke first."),
    ] = ()


class Shelving(Message):
    """A hazard whose alarms are put to sleep."""

    hazard: Hazard
    operator: str
    t_until_utc_ns: int


class LineState(Message):
    """What the line's watch is worth now; sent on change and once a second."""

    line: str
    vision: VisionState
    reason: Annotated[str | None, Field(description="Why vision is not ready, in one line.")]
    coverage_state: CoverageState
    coverage: Annotated[
        float | None, Field(description="Share of the belt covered, 0 to 1; null: unknown.")
    ]
    belt_speed_mm_s: float | None
    speed_basis: SpeedBasis
    belt_position_mm: float | None
    mm_basis: MmBasis
    active_alerts: int
    frames_seen: int
    frames_overwritten: Annotated[
        int, Field(description="Grabbed but replaced by a newer one before they were looked at.")
    ]
    camera_restarts: int
    journal: Annotated[
        Literal["off", "written", "late", "failed"],
        Field(
            description="written: every alert is on the disk before it is sent. late: the disk "
            "hangs. failed: it takes nothing. In all but `written` a restart may lose alerts."
        ),
    ] = "off"
    journal_reason: Annotated[str | None, Field(description="Why not, in one line.")] = None
    shelved: Annotated[
        tuple[Shelving, ...], Field(description="What calls nobody now, who said so, until when.")
    ] = ()


class Heartbeat(Message):
    """Beaten by a completed inference and by nothing else, at most five times a second."""

    line: str
    inferences: Annotated[int, Field(description="Completed since start.")]
    frame_index: int


class Inference(Message):
    """One completed look at the belt: sent for each, where somebody has subscribed to it.

    For who must know within frames that nobody looks any more: the next one is due
    `next_within_ms` after this one was sent (capture time plus the header's `age_ms`).
    """

    line: str
    inferences: Annotated[int, Field(description="Completed since start.")]
    frame_index: int
    next_within_ms: Annotated[
        float,
        Field(
            gt=0,
            description="Three frame periods; on a machine that looks more seldom than that, one "
            "and a half times the usual time between two looks.",
        ),
    ]


class DetectedObject(Message):
    """One raw detection of one frame."""

    class_name: str
    score: float
    box_px: tuple[float, float, float, float]


class FrameDetections(Message):
    """All detections of one frame (opt-in)."""

    line: str
    frame_index: int
    detections: tuple[DetectedObject, ...]


class StageTimes(Message):
    """How long one stage took over the last period, ms."""

    stage: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Metrics(Message):
    """How long the stages of a frame take; sent every few seconds."""

    line: str
    period_s: float
    frames_seen: int
    frames_overwritten: int
    stages: tuple[StageTimes, ...]


class ConsumerState(Message):
    """How far one registered consumer of alerts has come."""

    consumer: str
    present: Annotated[bool, Field(description="It has given a sign of life lately.")]
    waiting: Annotated[int, Field(description="Alerts that it has not confirmed yet.")]
    expired: Annotated[
        int, Field(description="Alerts that it never confirmed before their deadline.")
    ]


class DeliveryState(Message):
    """What the ROUTER is about; sent every few seconds and whenever an alert expires."""

    line: str
    consumers: tuple[ConsumerState, ...]
    expired: Annotated[int, Field(description="Undelivered alerts of all consumers, since start.")]
    refused: Annotated[int, Field(description="Requests that could not be read.")]
    throttled: Annotated[int, Field(description="Requests dropped: too many from one sender.")]
    repeated: Annotated[int, Field(description="Answers that came again, carried out once.")]


PAYLOADS: dict[str, type[Message]] = {
    "alert": Alert,
    "state": LineState,
    "heartbeat": Heartbeat,
    "inference": Inference,
    "detections": FrameDetections,
    "metrics": Metrics,
    "consumers": DeliveryState,
}
"""The payload of each topic, by the topic's first part."""


def schema_name(payload: Message) -> str:
    """The name that a header gives a payload's schema, e.g. `alert/1`."""
    for topic, model in PAYLOADS.items():
        if isinstance(payload, model):
            return f"{topic}/{WIRE_VERSION}"
    raise TypeError(f"{type(payload).__name__} is no payload of the wire")
