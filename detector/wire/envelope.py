"""Base class of all messages, and the header that precedes each payload."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from detector.vocabulary import ClockSync

Word = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Message(BaseModel):
    """Base of all messages: the detector refuses unknown fields, subscribers ignore them.

    All numbers are finite: JSON has no NaN, and a null instead of it would fail validation.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,  # fields with defaults are sent too
    )


class Header(Message):
    """Header: the second frame of every message."""

    schema_: Annotated[
        str, Field(alias="schema", description="Name of the payload's schema, e.g. alert/1.")
    ]
    boot_id: Annotated[
        Word, Field(description="Identifies one start of the detector; changes with each start.")
    ]
    seq: Annotated[
        int, Field(ge=1, description="Number of this message in its topic, without gaps.")
    ]
    gseq: Annotated[
        int, Field(ge=1, description="Number of this message over all topics, without gaps.")
    ]
    alert_seq: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**63,
            description="Number of the alert revision since the detector's start, without gaps; in "
            "other messages, the number of the last alert revision so far.",
        ),
    ] = None
    t_capture_utc_ns: Annotated[
        int,
        Field(
            description="UTC at which the frame was grabbed, ns since 1970; needs 64-bit integers, "
            "a double loses digits."
        ),
    ]
    t_capture_mono_ns: Annotated[
        int,
        Field(description="CLOCK_MONOTONIC of the detector's host when the frame was grabbed, ns."),
    ]
    age_ms: Annotated[float, Field(description="Time from grabbing to sending, ms.")]
    clock_sync: Annotated[
        ClockSync,
        Field(description="Whether NTP or PTP synchronises the host's UTC clock."),
    ]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
