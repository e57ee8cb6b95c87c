"""The alert: one hazard with its place, deadlines, evidence and alarm state.

Image coordinates are px in the camera's image, x right, y down. Belt coordinates are mm on the
belt: `x_mm` across from the left edge looking downstream, `y_mm` along the travel from the upstream
end of the view.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from detector.vocabulary import (
    AlarmState,
    Hazard,
    MmBasis,
    Outcome,
    Priority,
    Revision,
    SpeedBasis,
)
from detector.wire.envelope import Message


class ModelIdentity(Message):
    """The model that detected the object."""

    name: str
    sha256: Annotated[str, Field(description="SHA-256 of model.onnx, hexadecimal.")]
    verifier_sha256: Annotated[
        str | None, Field(description="SHA-256 of the verifier's network; null: no verifier.")
    ] = None
    verifier_head_sha256: Annotated[
        str | None,
        Field(description="SHA-256 of the verifier's head, which a site may have learned itself."),
    ] = None


class Place(Message):
    """Position of an object in the image and on the belt."""

    box_px: Annotated[
        tuple[float, float, float, float],
        Field(description="Box x0, y0, x1, y1 in frame `frame_index`, px, image coordinates."),
    ]
    frame_index: Annotated[int, Field(description="Number of the frame that the box refers to.")]
    image_size_px: Annotated[
        tuple[int, int], Field(description="Width and height of the camera's image, px.")
    ]
    mm_basis: MmBasis
    x_mm: Annotated[
        float | None,
        Field(description="Centre across the belt from its left edge looking downstream, mm."),
    ]
    y_mm: Annotated[
        float | None,
        Field(description="Centre along the travel from the upstream end of the view, mm."),
    ]
    belt_position_mm: Annotated[
        float | None,
        Field(
            description="Belt travel since the detector's start at capture, mm; the object is at "
            "this + y_mm."
        ),
    ]
    t_utc_ns: Annotated[
        int | None,
        Field(
            description="UTC at which the object was at x_mm, y_mm, ns since 1970; after a restart "
            "long before the revision's capture. Null: at the revision's capture."
        ),
    ] = None


class Arrival(Message):
    """Arrival of an object at an action point (picker, ejector or stop)."""

    action_point: Annotated[str, Field(description="Name of the action point in the profile.")]
    distance_mm: Annotated[
        float, Field(description="Travel of the object's leading edge to the action point, mm.")
    ]
    eta_ms: Annotated[
        float,
        Field(
            description="Time from capture to arrival of the object's leading edge, ms; negative "
            "once it has passed."
        ),
    ]
    act_by_ms: Annotated[
        float,
        Field(
            description="Time from capture to the deadline for acting, ms: eta_ms minus the action "
            "point's acting time."
        ),
    ]
    t_deadline_utc_ns: Annotated[int, Field(description="The deadline in UTC, ns since 1970.")]
    speed_mm_s: Annotated[float, Field(description="Belt speed used for the times, mm/s.")]
    speed_basis: Annotated[SpeedBasis, Field(description="Source of this speed.")]


class SupportingDetection(Message):
    """One detection that supports an object's alert."""

    frame_index: Annotated[int, Field(description="Number of the frame.")]
    t_capture_utc_ns: Annotated[int, Field(description="Capture of the frame, UTC, ns since 1970.")]
    score: Annotated[float, Field(description="The model's score, 0 to 1.")]


class KindProbability(Message):
    """One kind of object that the verifier tells apart, and how probable it is."""

    name: Annotated[str, Field(description="Name of the kind in the model's card.")]
    hazard: Annotated[
        Literal["gas", "battery", "none"], Field(description="none: a harmless kind.")
    ]
    probability: Annotated[
        float, Field(ge=0, le=1, description="Mean over the verifier's passes; all kinds sum to 1.")
    ]


class Why(Message):
    """Evidence for an object's alert."""

    score: Annotated[float, Field(description="The model's best score for this object, 0 to 1.")]
    hits: Annotated[int, Field(description="Inference passes that detected it.")]
    passes: Annotated[int, Field(description="Inference passes that should have detected it.")]
    votes: Annotated[dict[str, int], Field(description="Detections per class.")]
    length_mm: Annotated[
        float | None, Field(description="Measured length of the longest side, mm.")
    ]
    width_mm: Annotated[float | None, Field(description="Measured length of the other side, mm.")]
    plausible_length_mm: Annotated[
        tuple[float, float] | None, Field(description="Minimum and maximum for the class, mm.")
    ]
    size_plausible: Annotated[
        bool | None, Field(description="Null: unknown, the line has no scale in mm.")
    ]
    kinds: Annotated[
        tuple[KindProbability, ...],
        Field(
            description="What the verifier takes it for: the alert's kind, then the most probable "
            "others. Empty: no verifier, or it was decided before the verifier could see it."
        ),
    ] = ()
    verifier_passes: Annotated[
        int, Field(ge=0, description="Passes of the verifier over this object.")
    ] = 0


class Cue(Message):
    """One measurement on which an overload or jam alarm rests."""

    name: Annotated[
        Literal["coverage", "skirt_marks", "stationary_material"],
        Field(
            description="coverage: share of the belt covered by material. skirt_marks: share of "
            "the height marks beside the belt that material hides. stationary_material: share of "
            "the belt covered by material that is stationary while the belt runs."
        ),
    ]
    share: Annotated[float, Field(ge=0, le=1)]
    raised_at: Annotated[float, Field(description="Share from which the alarm is raised.")]
    cleared_below: Annotated[float, Field(description="Share below which the alarm clears.")]
    over_mm: Annotated[float | None, Field(description="Belt travel that it was measured over.")]
    over_s: Annotated[float | None, Field(description="Running time that it was measured over.")]


class Alert(Message):
    """One revision of a hazard's alarm; idempotent on `(boot_id, event_id, revision)`.

    The alert of an object has `place`, `why`, `support` and `class_name`. The alert of a line state
    (overload, jam, belt_stopped, vision_unavailable) has `detail` instead; overload and jam also
    have `cues`.
    """

    line: Annotated[str, Field(description="Name of the line.")]
    boot_id: Annotated[str, Field(description="Start of the detector in which it was raised.")]
    event_id: Annotated[str, Field(description="The same in all revisions of an alert.")]
    revision: Annotated[int, Field(ge=1, description="Number of this revision, from 1.")]
    kind: Annotated[Revision, Field(description="Change since the previous revision.")]
    hazard: Hazard
    class_name: Annotated[
        str | None,
        Field(
            description="The verifier's kind, or without a verifier the model's class; null for a "
            "line state."
        ),
    ]
    priority: Priority
    state: AlarmState
    probability: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Probability that the hazard is real: fused from the verifier's passes "
            "and the model's best score, or without a verifier the best score, calibrated if the "
            "model card has a calibration.",
        ),
    ]
    t_capture_utc_ns: Annotated[int, Field(description="Capture time of this revision's frame.")]
    t_capture_mono_ns: Annotated[
        int, Field(description="The same on the host's CLOCK_MONOTONIC, ns.")
    ]
    frame_index: Annotated[
        int | None,
        Field(description="Number of that frame; null without a frame (vision_unavailable)."),
    ]
    t_raised_utc_ns: Annotated[int, Field(description="Capture time of the frame that raised it.")]
    place: Place | None
    arrivals: tuple[Arrival, ...]
    support: Annotated[
        tuple[SupportingDetection, ...], Field(description="The last detections, newest last.")
    ]
    why: Why | None
    detail: Annotated[str | None, Field(description="For a line state: the cause, one line.")]
    track: Annotated[int | None, Field(description="Number of the object's track.")]
    model: ModelIdentity
    outcome: Outcome | None
    evidence_id: Annotated[
        str | None,
        Field(
            description="Name of the images on `evidence/<line>` that show the object as it was "
            "raised; the same in all later revisions. Null: no images."
        ),
    ]
    members: Annotated[
        int,
        Field(ge=1, description="Objects in this alarm; in a pile, its first object counts all."),
    ] = 1
    pile: Annotated[
        str | None,
        Field(
            description="event_id of the pile's alarm if this object is a further member of that "
            "pile; an answer to that alarm applies to all members."
        ),
    ] = None
    cues: Annotated[
        tuple[Cue, ...],
        Field(description="For overload and jam: the measurements, the decisive one first."),
    ] = ()
