"""What all messages of the wire have in common, and the header that goes before each."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from detector.vocabulary import ClockSync, StampSource


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
        ClockSync,
        Field(description="Whether the host's UTC is disciplined (NTP or PTP)."),
    ]
    stamp_source: Annotated[
        StampSource,
        Field(
            description="grab: all times are this host's clocks. recording: all times, UTC too, "
            "count from the recording's start and name no real moment."
        ),
    ]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
