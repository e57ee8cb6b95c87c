"""The contract of the wire, version 1: what a subscriber may rely on.

Every message is three ZeroMQ frames `[topic, header, payload]`, header and payload JSON in UTF-8.
`vigitri schema` prints the JSON Schemas made from these models. The promise: within version 1
fields are only added, never removed, renamed or given another meaning, so a subscriber ignores
fields that it does not know.

The words that fields may say are in `vocabulary`, the header in `envelope`, an alert in `alert`;
all of them can be had from here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from detector.vocabulary import (
    AlarmState,
    BeltState,
    CoverageState,
    Hazard,
    JournalState,
    MmBasis,
    Outcome,
    Priority,
    Revision,
    SpeedBasis,
    VisionState,
)
from detector.wire.alert import Alert, Arrival, Cue, Look, ModelIdentity, Place, Why
from detector.wire.envelope import Header, Message

__all__ = [
    "PAYLOADS",
    "WIRE_VERSION",
    "AlarmState",
    "Alert",
    "Arrival",
    "ConsumerState",
    "CoverageState",
    "Cue",
    "DeliveryState",
    "DetectedObject",
    "FrameDetections",
    "Hazard",
    "Header",
    "Heartbeat",
    "Inference",
    "LineState",
    "Look",
    "Message",
    "Metrics",
    "MmBasis",
    "ModelIdentity",
    "Outcome",
    "Place",
    "Priority",
    "Revision",
    "Shelving",
    "SpeedBasis",
    "StageTimes",
    "VisionState",
    "Why",
    "schema_name",
]

WIRE_VERSION = 1


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
        JournalState,
        Field(
            description="written: every alert is on the disk before it is sent. late: the disk "
            "hangs. failed: it takes nothing. In all but `written` a restart may lose alerts."
        ),
    ] = "off"
    journal_reason: Annotated[str | None, Field(description="Why not, in one line.")] = None
    shelved: Annotated[
        tuple[Shelving, ...], Field(description="What calls nobody now, who said so, until when.")
    ] = ()
    late: Annotated[
        bool, Field(description="The looks are over too long after their pictures.")
    ] = False
    belt_state: BeltState = "unknown"
    belt_reason: Annotated[
        str | None, Field(description="What is amiss with the belt, with figures; null: nothing.")
    ] = None
    encoder_mm_s: Annotated[float | None, Field(description="Speed by the PLC's encoder.")] = None
    picture_mm_s: Annotated[float | None, Field(description="Speed by the picture.")] = None
    setting_mm_s: Annotated[float | None, Field(description="Speed that was typed in.")] = None
    encoder_wraps_at: Annotated[
        int,
        Field(
            ge=1,
            description="The profile's belt.encoder_wraps_at: the encoder's counter goes from one "
            "below this to 0.",
        ),
    ] = 2**32


class Heartbeat(Message):
    """Beaten by a completed inference and by nothing else, at most five times a second."""

    line: str
    inferences: Annotated[int, Field(description="Completed since start.")]
    frame_index: int


class Inference(Message):
    """One frame dealt with, by a look at the belt or because all belt in it has been looked at as
    often as it must be by now: sent for each, where somebody has subscribed to it.

    For who must know within frames that nobody looks any more: the next one is due
    `next_within_ms` after this one was sent (capture time plus the header's `age_ms`), and the next
    look `look_within_ms` after the last one, which was completed `look_age_ms` before.
    """

    line: str
    inferences: Annotated[int, Field(description="Completed since start.")]
    frame_index: int
    next_within_ms: Annotated[
        float,
        Field(
            gt=0,
            description="Three frame periods; on a machine whose looks take longer than that, one "
            "and a half times the usual time from a capture to the end of its look.",
        ),
    ]
    looked: Annotated[
        bool,
        Field(description="False: nothing in this frame was due for a look, and none was made."),
    ] = True
    look_age_ms: Annotated[
        float, Field(ge=0, description="From the end of the last look to the end of this frame.")
    ] = 0.0
    look_within_ms: Annotated[
        float | None,
        Field(
            gt=0,
            description="What new belt may wait for its look (the profile's view.max_wait_ms) and "
            "three frame periods; on a machine that looks more seldom than that, one and a half "
            "times the usual time between two looks. null: `next_within_ms`.",
        ),
    ] = None


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
    turned_away: Annotated[
        int, Field(description="Requests of further consumers, beyond the greatest number.")
    ] = 0
    strangers: Annotated[
        int, Field(description="Connections refused for their key; 0 where none is asked for.")
    ] = 0


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
