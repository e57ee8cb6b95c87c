"""Requests to a line's ROUTER socket, replies and deliveries.

A request is a JSON object with a field `request`. Its reply is a JSON object whose field `reply`
repeats that value, and which repeats `request_id` if the request has one. Consumers of alerts also
receive objects with `"reply": "delivery"`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from detector.wire.envelope import Word
from detector.wire.messages import Alert, Hazard, Header, LineState, Outcome

SHELVED_MINUTES = 60
"""Longest shelving [our proposal]: covers a repair, ends before the next shift."""
REPLAYED_AT_ONCE = 50
"""Alerts in one reply, some 2 kB each; a client requests the rest."""

ConsumerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
DAY_MS = 86_400_000


class Position(BaseModel):
    """A position in a line's sequence of alert revisions.

    Numbers restart with each start of the detector, so a position has two fields. A consumer stores
    the position of the last alert that it has processed; all later alerts of that start and of
    later starts are still to be delivered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    boot_id: Annotated[Word, Field(description="As in the header of the alert.")]
    alert_seq: Annotated[
        int, Field(ge=0, lt=2**63, description="As in the header; 0: before the first alert.")
    ]


class Request(BaseModel):
    """Base of all requests; unknown fields are refused.

    All numbers are finite and bounded, so that no request can raise in the thread that processes
    frames.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )

    request_id: Annotated[
        Word | None,
        Field(
            description="Repeated in the reply. An identical answer with the same request_id "
            "within ten minutes is not carried out again and gets the same reply."
        ),
    ] = None


class Answer(Request):
    """Base of an operator's answers."""

    request: Literal["answer"] = "answer"
    operator: Annotated[
        Word, Field(description="Name of the operator, for the log; not authenticated.")
    ]


class Acknowledge(Answer):
    """Acknowledge an alarm."""

    answer: Literal["acknowledge"] = "acknowledge"
    boot_id: Annotated[
        Word, Field(description="boot_id of the alert; event ids restart with each start.")
    ]
    event_id: Word


class ReportOutcome(Answer):
    """Report what was found; closes a latched alarm."""

    answer: Literal["outcome"] = "outcome"
    boot_id: Annotated[
        Word, Field(description="boot_id of the alert; event ids restart with each start.")
    ]
    event_id: Word
    outcome: Outcome


class Shelve(Answer):
    """Shelve all alarms of a hazard on this line for a limited time."""

    answer: Literal["shelve"] = "shelve"
    hazard: Annotated[Hazard, Field(description="Any but vision_unavailable.")]
    minutes: Annotated[int, Field(ge=1, le=SHELVED_MINUTES)]

    @field_validator("hazard")
    @classmethod
    def _not_vision_unavailable(cls, hazard: Hazard) -> Hazard:
        if hazard is Hazard.VISION_UNAVAILABLE:
            raise ValueError("vision_unavailable can't be shelved")
        return hazard


class Snapshot(Request):
    """Request the open alerts and the line's state; for late subscribers."""

    request: Literal["snapshot"] = "snapshot"


class Replay(Request):
    """Request the alerts after a position, oldest first, as many as fit one reply."""

    request: Literal["replay"] = "replay"
    after: Annotated[Position | None, Field(description="Null: from the oldest held alert.")] = None


class Consume(Request):
    """Register as `consumer` of alerts, and confirm all alerts up to `after`.

    Sent to register, to confirm processed alerts, and at least every two seconds, so that the
    detector knows the consumer after its own restart or on a new connection.
    """

    request: Literal["consume"] = "consume"
    consumer: Annotated[
        ConsumerName, Field(description="Name of the consumer; one program at a time per name.")
    ]
    after: Annotated[
        Position | None,
        Field(
            description="Null: continue from the last confirmation of this name, or from now on if "
            "the name is new (a snapshot has the alerts that are open now)."
        ),
    ] = None


class BeltFromPlc(Request):
    """Run signal and encoder reading of the belt, sent ten times a second by the PLC through a
    bridge or by a program that reads an encoder."""

    model_config = ConfigDict(title="Belt")

    request: Literal["belt"] = "belt"
    source: Annotated[
        Word,
        Field(
            description="Name of the PLC or encoder. Counts from a second source are ignored while "
            "the first has reported within the last second."
        ),
    ]
    run: Annotated[
        Literal["unknown", "stop", "run"],
        Field(
            description="Run signal, the PLC's order to the belt: run, stop, or unknown "
            "to this sender."
        ),
    ]
    encoder_counts: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**32,
            description="Belt position in encoder counts, modulo the profile's "
            "belt.encoder_wraps_at (default 2^32); null: no encoder.",
        ),
    ]
    t_mono_ns: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**63,
            description="CLOCK_MONOTONIC of the detector's host at the reading, ns; null if sent "
            "from another host.",
        ),
    ]
    age_ms: Annotated[
        float, Field(ge=0, le=DAY_MS, description="Time from the reading to sending, ms.")
    ]


AnswerRequest = Acknowledge | ReportOutcome | Shelve
AnyRequest = Acknowledge | ReportOutcome | Shelve | Snapshot | Replay | Consume | BeltFromPlc
ANSWER: TypeAdapter[AnswerRequest] = TypeAdapter(
    Annotated[AnswerRequest, Field(discriminator="answer")]
)
OTHER: dict[str, type[Snapshot | Replay | Consume | BeltFromPlc]] = {
    "snapshot": Snapshot,
    "replay": Replay,
    "consume": Consume,
    "belt": BeltFromPlc,
}


class Reply(BaseModel):
    """Result of a request; readers ignore unknown fields."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    reply: Annotated[str, Field(description="Kind of the request, or `error`.")] = "answer"
    request_id: str | None = None
    ok: bool
    reason: Annotated[
        str | None, Field(description="Reason of a refusal, one line; null if ok.")
    ] = None


class AlertMessage(BaseModel):
    """A published alert: its three frames, decoded."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    topic: str
    header: Header
    payload: Alert


class SnapshotReply(Reply):
    """The last revision of each open alert, and the position of the snapshot."""

    reply: str = "snapshot"
    at: Annotated[
        Position,
        Field(description="The snapshot includes all alerts up to here; discard older ones."),
    ]
    alerts: tuple[AlertMessage, ...]
    state: LineState | None


class ReplayReply(Reply):
    """Alerts as they were published, oldest first."""

    reply: str = "replay"
    alerts: tuple[AlertMessage, ...]
    complete: Annotated[
        bool,
        Field(
            description="False: alerts after the requested position are no longer held, or the "
            "position is unknown."
        ),
    ]
    upto: Annotated[Position, Field(description="All held alerts up to here have been sent.")]
    more: Annotated[bool, Field(description="True: request the next alerts after `upto`.")]


class ConsumeReply(Reply):
    """The consumer's position at the detector."""

    reply: str = "consume"
    after: Annotated[Position, Field(description="Alerts after this position will be delivered.")]
    expired: Annotated[
        int, Field(description="Alerts that this consumer did not confirm before their deadline.")
    ]


class Delivery(BaseModel):
    """An alert for a registered consumer, resent until it is confirmed or its deadline passes."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    reply: Literal["delivery"] = "delivery"
    consumer: str
    attempt: Annotated[int, Field(ge=1, description="Number of this transmission, from 1.")]
    message: AlertMessage


REPLIES: dict[str, type[Reply]] = {
    "answer": Reply,
    "snapshot": SnapshotReply,
    "replay": ReplayReply,
    "consume": ConsumeReply,
}


def read_reply(document: dict[str, Any], body: bytes) -> Reply | Delivery:
    """Parse a reply or delivery from the ROUTER; ValueError if it is neither.

    `document`: `body` as parsed JSON. Unknown fields are ignored.
    """
    kind = document.get("reply")
    if kind == "delivery":
        return Delivery.model_validate_json(body, extra="ignore")
    if not document.get("ok") or not isinstance(kind, str):
        return Reply.model_validate_json(body, extra="ignore")
    return REPLIES.get(kind, Reply).model_validate_json(body, extra="ignore")


def one_line(error: ValidationError) -> str:
    """The validation errors of a message, field by field, in one line of at most 400 characters."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [
        f"{'.'.join(str(step) for step in part['loc']) or 'message'}: "
        f"{part['msg'].removeprefix('Value error, ')}"
        for part in wrong[:4]
    ]
    if len(wrong) > 4:
        parts.append(f"and {len(wrong) - 4} more")
    return "; ".join(parts).replace("\n", " ")[:400]
