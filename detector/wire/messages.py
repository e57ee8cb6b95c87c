"""The published messages of the wire, version 1.

Every message is three ZeroMQ frames `[topic, header, payload]`; header and payload are JSON in
UTF-8. `vigitri schema` prints the JSON Schemas of these models. Within version 1 fields are only
added, never removed, renamed or given another meaning; subscribers ignore unknown fields.

Enumerations are in `vocabulary`, the header in `envelope`, the alert in `alert`; this module
exports all of them.
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
    StampSource,
    VisionState,
)
from detector.wire.alert import (
    Alert,
    Arrival,
    Cue,
    KindProbability,
    ModelIdentity,
    Place,
    SupportingDetection,
    Why,
)
from detector.wire.envelope import Header, Message
from detector.wire.evidence import EVIDENCE_PAYLOADS
from detector.wire.facts import LineFacts

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
    "KindProbability",
    "LineFacts",
    "LineState",
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
    "SupportingDetection",
    "VisionState",
    "Why",
    "schema_name",
]

WIRE_VERSION = 1


class Shelving(Message):
    """A hazard whose alarms an operator has shelved."""

    hazard: Hazard
    operator: Annotated[str, Field(description="Who shelved it.")]
    t_until_utc_ns: Annotated[int, Field(description="End of the shelving, UTC, ns since 1970.")]


class LineState(Message):
    """State of vision, belt and journal of the line; sent on change and once a second."""

    line: Annotated[str, Field(description="Name of the line.")]
    vision: Annotated[VisionState, Field(description="Never `unknown`: only subscribers use it.")]
    reason: Annotated[str | None, Field(description="Why vision is not ready, in one line.")]
    coverage_state: CoverageState
    coverage: Annotated[
        float | None, Field(description="Share of the belt covered, 0 to 1; null: unknown.")
    ]
    belt_speed_mm_s: Annotated[
        float | None, Field(description="Belt speed in use, mm/s; null: unknown.")
    ]
    speed_basis: Annotated[SpeedBasis, Field(description="Source of the belt speed in use.")]
    belt_position_mm: Annotated[
        float | None,
        Field(description="Belt travel since the detector's start, mm; null: unknown."),
    ]
    mm_basis: Annotated[MmBasis, Field(description="Source of the scale in mm.")]
    active_alerts: Annotated[int, Field(description="Number of open alerts.")]
    inferences: Annotated[
        int, Field(description="Frames with a completed inference pass, since start.")
    ]
    frames_overwritten: Annotated[
        int, Field(description="Grabbed, but replaced by a newer frame before processing.")
    ]
    camera_restarts: Annotated[
        int, Field(description="Restarts of the camera process since start.")
    ]
    journal: Annotated[
        JournalState,
        Field(
            description="written: every alert is on disk before it is sent. late: the disk does "
            "not respond in time. failed: writing fails. off: no journal. In all states but "
            "`written` a restart may lose alerts."
        ),
    ] = "off"
    journal_reason: Annotated[
        str | None, Field(description="Why the journal is not written, in one line.")
    ] = None
    shelved: Annotated[
        tuple[Shelving, ...],
        Field(description="Hazards shelved now, with operator and end of shelving."),
    ] = ()
    late: Annotated[
        bool, Field(description="Inference finishes too long after its frame's capture.")
    ] = False
    belt_state: BeltState = "unknown"
    belt_reason: Annotated[
        str | None, Field(description="Fault of the belt, with figures; null: none.")
    ] = None
    encoder_mm_s: Annotated[
        float | None, Field(description="Belt speed measured by the encoder.")
    ] = None
    image_mm_s: Annotated[
        float | None, Field(description="Belt speed measured from the image.")
    ] = None
    setting_mm_s: Annotated[float | None, Field(description="Belt speed in the profile.")] = None
    encoder_wraps_at: Annotated[
        int,
        Field(
            ge=1,
            description="The profile's belt.encoder_wraps_at: number of counts after which the "
            "encoder's counter returns to 0.",
        ),
    ] = 2**32
    camera_age_ms: Annotated[
        float | None,
        Field(description="Time since the last frame was captured, ms; null: no frame yet."),
    ] = None
    stamp_source: Annotated[
        StampSource | None,
        Field(
            description="What the frames' times are taken from. arrival: when a frame came. "
            "media_clock: the intervals of a network camera's stream. sender_clock: a network "
            "camera's time of day, which agrees with this machine's. null: not known."
        ),
    ] = None
    frames_per_s: Annotated[
        float | None,
        Field(description="Frames processed per second, over the last seconds; null: unknown."),
    ] = None
    latency_p99_ms: Annotated[
        float | None,
        Field(
            description="Time from a frame's capture until its alerts were published, 99th "
            "percentile of the last inference passes, ms; null: none yet."
        ),
    ] = None
    latency_budget_ms: Annotated[
        float | None, Field(description="The longest that this percentile is meant to be, ms.")
    ] = None


class Heartbeat(Message):
    """Sent only after a completed inference pass, at most five times a second."""

    line: str
    inferences: Annotated[int, Field(description="Inference passes completed since start.")]
    frame_index: Annotated[int, Field(description="Number of the frame of the last pass.")]


class Inference(Message):
    """One processed frame, with or without an inference pass; sent while it is subscribed to.

    Lets a subscriber detect within a few frames that the detector hangs. The next message is due
    `next_within_ms` after this one was sent (capture time plus the header's `age_ms`). The next
    inference pass is due `pass_within_ms` after the last one, which was completed `pass_age_ms`
    before this frame. A frame needs no pass when all belt in it has had its passes.
    """

    line: str
    inferences: Annotated[int, Field(description="Inference passes completed since start.")]
    frame_index: Annotated[int, Field(description="Number of this frame.")]
    next_within_ms: Annotated[
        float,
        Field(
            gt=0,
            description="Three frame periods, or 1.5 times the median time from capture to the end "
            "of its inference pass if that is longer.",
        ),
    ]
    inferred: Annotated[
        bool,
        Field(description="False: no inference pass was due in this frame, and none was run."),
    ] = True
    pass_age_ms: Annotated[
        float,
        Field(
            ge=0,
            description="Time from the end of the last inference pass to this frame's end, ms.",
        ),
    ] = 0.0
    pass_within_ms: Annotated[
        float | None,
        Field(
            gt=0,
            description="Longest wait of new belt for its inference pass (the profile's "
            "view.max_wait_ms) plus three frame periods, or 1.5 times the median time between two "
            "passes if that is longer. Null: `next_within_ms`.",
        ),
    ] = None


class DetectedObject(Message):
    """One raw detection."""

    class_name: Annotated[str, Field(description="The model's class.")]
    score: Annotated[float, Field(description="The model's score, 0 to 1.")]
    box_px: Annotated[
        tuple[float, float, float, float],
        Field(description="Box x0, y0, x1, y1, px, image coordinates."),
    ]


class FrameDetections(Message):
    """All detections of one frame (opt-in)."""

    line: str
    frame_index: int
    detections: tuple[DetectedObject, ...]


LATENCY_BOUNDS_MS = (
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0,
    100.0, 150.0, 200.0, 300.0, 500.0, 1000.0,
)  # fmt: skip
"""Upper bounds of the buckets of a latency's histogram; the last bucket has none."""


class StageTimes(Message):
    """Durations of one processing stage over the last period, ms; its histogram since the start.

    `buckets`, `total` and `sum_ms` are a histogram as Prometheus keeps it.
    """

    stage: Annotated[str, Field(description="Name of the processing stage.")]
    count: Annotated[int, Field(description="Number of measurements.")]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    buckets: Annotated[
        tuple[int, ...],
        Field(
            description="Per bound of `bucket_bounds_ms`, and last without a bound: durations up "
            "to it since the detector's start. Frames in which the stage did not run do not count."
        ),
    ] = ()
    total: Annotated[
        int, Field(ge=0, description="Durations in the histogram: the last of `buckets`.")
    ] = 0
    sum_ms: Annotated[float, Field(ge=0, description="Sum of those durations, ms.")] = 0.0


class Metrics(Message):
    """Durations of the processing stages; sent every few seconds."""

    line: str
    period_s: Annotated[float, Field(description="Length of the period, s.")]
    inferences: Annotated[
        int, Field(description="Frames with a completed inference pass, since start.")
    ]
    frames_overwritten: Annotated[
        int,
        Field(description="Frames replaced by a newer one before processing, since start."),
    ]
    stages: tuple[StageTimes, ...]
    capture_to_published: Annotated[
        StageTimes | None,
        Field(
            description="Time from the capture of a frame with an inference pass until its alerts "
            "were published; null: no pass in this period."
        ),
    ] = None
    bucket_bounds_ms: Annotated[
        tuple[float, ...], Field(description="Upper bounds of the histograms' buckets, ms.")
    ] = LATENCY_BOUNDS_MS
    frames_unreadable: Annotated[
        int, Field(ge=0, description="Images that could not be decoded, since start.")
    ] = 0
    evidence_sent: Annotated[
        int, Field(ge=0, description="Alerts whose images were sent, since start.")
    ] = 0
    evidence_dropped: Annotated[
        int,
        Field(ge=0, description="Alerts whose images were dropped for newer ones, since start."),
    ] = 0


class ConsumerState(Message):
    """Delivery to one registered consumer."""

    consumer: Annotated[str, Field(description="Name of the consumer.")]
    present: Annotated[bool, Field(description="A message from it was received recently.")]
    waiting: Annotated[int, Field(description="Alerts not confirmed yet.")]
    expired: Annotated[int, Field(description="Alerts not confirmed before their deadline.")]


class DeliveryState(Message):
    """Deliveries and requests at the ROUTER; sent every few seconds and when an alert expires."""

    line: str
    consumers: tuple[ConsumerState, ...]
    expired: Annotated[int, Field(description="Expired deliveries to all consumers since start.")]
    refused: Annotated[int, Field(description="Requests that could not be read.")]
    throttled: Annotated[int, Field(description="Requests dropped by the rate limit per sender.")]
    repeated: Annotated[int, Field(description="Repeated answers, carried out once.")]
    consumers_refused: Annotated[
        int, Field(description="Registrations refused because the consumer table is full.")
    ] = 0
    keys_refused: Annotated[
        int, Field(description="Connections refused because of their key; 0 without CURVE.")
    ] = 0


PAYLOADS: dict[str, type[Message]] = {
    "alert": Alert,
    "state": LineState,
    "heartbeat": Heartbeat,
    "inference": Inference,
    "detections": FrameDetections,
    "metrics": Metrics,
    "consumers": DeliveryState,
    "facts": LineFacts,
}
"""Payload model by the first part of the topic."""


def schema_name(payload: Message) -> str:
    """Name of a payload's schema in the header, e.g. `alert/1`."""
    for topic, model in (PAYLOADS | EVIDENCE_PAYLOADS).items():
        if isinstance(payload, model):
            return f"{topic}/{WIRE_VERSION}"
    raise TypeError(f"{type(payload).__name__} is not a payload of the wire")
