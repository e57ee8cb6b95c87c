"""What is asked of a line's detector at its ROUTER, and what it says to that.

Each request is one JSON object with a field `request`; each gets one reply, an object with a field
`reply` that repeats it and, where the request had one, its `request_id`. Consumers of alerts are
sent objects of their own with `"reply": "delivery"`.
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

from detector.wire.messages import Alert, Hazard, Header, LineState, Outcome

SHELVED_MINUTES = 60
"""The longest shelving [our proposal]: a repair's length, and not over the change of a shift."""
REPLAYED_AT_ONCE = 50
"""Alerts in one reply, some 2 kB each; whoever wants more asks again."""

Word = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
]
ConsumerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
DAY_MS = 86_400_000


class Position(BaseModel):
    """A place in the alerts of a line: which start of the detector, and how many of its alerts.

    Two fields because each start counts anew. A consumer keeps the last one that it has dealt
    with; what comes after it, of that start and of all later ones, is still owed to it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    boot_id: Annotated[Word, Field(description="As in the header of the alert.")]
    alert_seq: Annotated[
        int, Field(ge=0, lt=2**63, description="As in the header; 0: before the first.")
    ]


class Request(BaseModel):
    """Base of what is asked of the detector; here unknown fields are refused.

    Every number is finite and of a size that can be reckoned with: one that is not would end the
    watch of the belt, in the thread of the frames.
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
            description="Repeated in the reply. The same answer with the same request_id is, "
            "within ten minutes, not carried out again: it gets the same reply."
        ),
    ] = None


class Answer(Request):
    """Base of what an operator answers."""

    request: Literal["answer"] = "answer"
    operator: Annotated[Word, Field(description="Who answers, for the log; no password.")]


class Acknowledge(Answer):
    """Seen: I take care of it."""

    answer: Literal["acknowledge"] = "acknowledge"
    boot_id: Annotated[Word, Field(description="The alert's: event ids begin anew with a start.")]
    event_id: Word


class ReportOutcome(Answer):
    """What was found; closes a latched alarm."""

    answer: Literal["outcome"] = "outcome"
    boot_id: Annotated[Word, Field(description="The alert's: event ids begin anew with a start.")]
    event_id: Word
    outcome: Outcome


class Shelve(Answer):
    """Put all of a hazard's alarms on this line to sleep for a while."""

    answer: Literal["shelve"] = "shelve"
    hazard: Annotated[Hazard, Field(description="Any but vision_unavailable.")]
    minutes: Annotated[int, Field(ge=1, le=SHELVED_MINUTES)]

    @field_validator("hazard")
    @classmethod
    def _sight_is_never_shelved(cls, hazard: Hazard) -> Hazard:
        if hazard is Hazard.VISION_UNAVAILABLE:
            raise ValueError("that vision is unavailable can't be shelved")
        return hazard


class Snapshot(Request):
    """What is open now, and the line's state: for whoever comes late."""

    request: Literal["snapshot"] = "snapshot"


class Replay(Request):
    """The alerts after a position, oldest first, as many as fit one reply."""

    request: Literal["replay"] = "replay"
    after: Annotated[Position | None, Field(description="Null: from the oldest that is held.")] = (
        None
    )


class Consume(Request):
    """I take alerts as `consumer`, and have dealt with all up to `after`.

    Sent to register, to confirm what was dealt with, and at least every two seconds, so that a
    detector that has restarted, or a new connection, knows its consumer again.
    """

    request: Literal["consume"] = "consume"
    consumer: Annotated[ConsumerName, Field(description="Who takes them; one at a time per name.")]
    after: Annotated[
        Position | None,
        Field(
            description="Null: whatever this name confirmed last; if it is new, from now on (what "
            "is open now is in a snapshot)."
        ),
    ] = None


class BeltFromPlc(Request):
    """The belt as it is reported, ten times a second: by the line's PLC through a bridge, or by a
    program that reads an encoder."""

    model_config = ConfigDict(title="Belt")

    request: Literal["belt"] = "belt"
    source: Annotated[
        Word,
        Field(
            description="Which PLC or encoder. While one has counted within a second, counts of "
            "another are passed over."
        ),
    ]
    run: Annotated[
        Literal["unknown", "stands", "runs"],
        Field(description="What the belt is ordered to do; unknown: this sender doesn't know."),
    ]
    encoder_counts: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**32,
            description="Position of the belt, modulo the profile's belt.encoder_wraps_at (2^32); "
            "null: no encoder.",
        ),
    ]
    t_mono_ns: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**63,
            description="The host's CLOCK_MONOTONIC when it was read; null from another host.",
        ),
    ]
    age_ms: Annotated[
        float, Field(ge=0, le=DAY_MS, description="Since it was read, when this was sent.")
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
    """Whether a request was carried out; fields that a reader doesn't know are to be ignored."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    reply: Annotated[str, Field(description="The request that it belongs to, or `error`.")] = (
        "answer"
    )
    request_id: str | None = None
    ok: bool
    reason: Annotated[str | None, Field(description="Why not, in one line; null if ok.")] = None


class AlertMessage(BaseModel):
    """An alert as it was published: the three frames of the XPUB, decoded."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    topic: str
    header: Header
    payload: Alert


class SnapshotReply(Reply):
    """The last revision of each open alarm, and how far the alerts had been counted."""

    reply: str = "snapshot"
    at: Annotated[
        Position, Field(description="All alerts up to here are in it; discard older news.")
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
            description="False: between the position asked for and these, alerts are missing "
            "that are no longer held, or the position is not known here."
        ),
    ]
    upto: Annotated[Position, Field(description="Nothing is missing up to here that is held.")]
    more: Annotated[bool, Field(description="There are more: ask again after `upto`.")]


class ConsumeReply(Reply):
    """What the detector knows of its consumer."""

    reply: str = "consume"
    after: Annotated[Position, Field(description="What comes after it will be delivered.")]
    expired: Annotated[
        int, Field(description="Alerts that this consumer never confirmed before their deadline.")
    ]


class Delivery(BaseModel):
    """One alert for a registered consumer, sent again until confirmed or past its deadline."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )

    reply: Literal["delivery"] = "delivery"
    consumer: str
    attempt: Annotated[int, Field(ge=1)]
    message: AlertMessage


REPLIES: dict[str, type[Reply]] = {
    "answer": Reply,
    "snapshot": SnapshotReply,
    "replay": ReplayReply,
    "consume": ConsumeReply,
}


def read_reply(said: dict[str, Any], body: bytes) -> Reply | Delivery:
    """The reply or delivery in a message from the ROUTER; ValueError if it is none.

    `said`: the same as `body`, parsed. Fields that this version does not know are ignored.
    """
    kind = said.get("reply")
    if kind == "delivery":
        return Delivery.model_validate_json(body, extra="ignore")
    if not said.get("ok") or not isinstance(kind, str):
        return Reply.model_validate_json(body, extra="ignore")
    return REPLIES.get(kind, Reply).model_validate_json(body, extra="ignore")


def one_line(error: ValidationError) -> str:
    """What is wrong with a message, field by field, in one line of bounded length."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [
        f"{'.'.join(str(step) for step in part['loc']) or 'message'}: "
        f"{part['msg'].removeprefix('Value error, ')}"
        for part in wrong[:4]
    ]
    if len(wrong) > 4:
        parts.append(f"and {len(wrong) - 4} more")
    return "; ".join(parts).replace("\n", " ")[:400]
