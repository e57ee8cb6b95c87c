"""One hazard on the wire: what, where, when, how sure and why.

Coordinates: `image` is the camera's picture (px, x right, y down); `belt` is the belt's plane
(mm, `x_mm` across from the left edge looking downstream, `y_mm` along the direction of travel from
the upstream end of the view).
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
    t_utc_ns: Annotated[
        int | None,
        Field(
            description="When it lay at x_mm, y_mm. After a restart that is long before the "
            "revision's own capture; null: then."
        ),
    ] = None


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
        Literal["coverage", "skirt_marks", "standing_material"],
        Field(
            description="coverage: of the belt, by material; skirt_marks: of the height marks "
            "beside the belt, hidden by it; standing_material: of the belt, by material that "
            "stands while the belt runs."
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
    line (overload, jam, belt_standing, vision_unavailable) has `detail` instead, and
    of the first two `cues`.
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
