"""The facts of a line that do not change while it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from detector.vocabulary import KindAction, MmBasis
from detector.wire.alert import ModelIdentity
from detector.wire.envelope import Message


class PointOfAction(Message):
    """A picker, an ejector or a process stop."""

    name: Annotated[str, Field(description="As the plant calls it.")]
    y_mm: Annotated[
        float, Field(description="Position along the travel, mm, as `place.y_mm` of an alert.")
    ]
    acting_ms: Annotated[float, Field(description="Time needed to act there, ms.")]


class ClassFacts(Message):
    """A class of the detector."""

    name: str
    hazard: Literal["gas", "battery"]
    threshold: Annotated[
        float, Field(description="Score from which an object is raised without the verifier.")
    ]
    plausible_length_mm: Annotated[
        tuple[float, float], Field(description="Minimum and maximum length, mm.")
    ]


class KindFacts(Message):
    """A kind that the verifier tells apart."""

    name: str
    hazard: Literal["gas", "battery", "none"]
    action: Annotated[
        KindAction,
        Field(description="What the site does with such objects; `ignore` for a harmless kind."),
    ]


class HazardFacts(Message):
    """How one hazard is decided on with the verifier."""

    hazard: Literal["gas", "battery"]
    threshold: Annotated[float, Field(description="Probability from which an object is raised.")]


class LineFacts(Message):
    """Action points, view and model of a line.

    Sent to new subscribers, and once a second while `facts/` is subscribed to by name.
    """

    line: Annotated[str, Field(description="Name of the line.")]
    version: Annotated[str, Field(description="Version of the detector.")]
    model: ModelIdentity
    model_version: Annotated[int, Field(description="Version in the model's card.")]
    classes: tuple[ClassFacts, ...]
    kinds: Annotated[
        tuple[KindFacts, ...], Field(description="Empty: the model has no verifier.")
    ] = ()
    hazards: Annotated[
        tuple[HazardFacts, ...], Field(description="Empty: the model has no verifier.")
    ] = ()
    action_points: tuple[PointOfAction, ...]
    mm_basis: Annotated[MmBasis, Field(description="Source of the scale in mm.")]
    belt_width_mm: Annotated[
        float | None,
        Field(description="Width of the belt in view, mm; null: no frame yet, or no scale."),
    ]
    view_length_mm: Annotated[
        float | None,
        Field(description="Length of the belt in view, mm; null as for the width."),
    ]
    view_from_mm: Annotated[
        float | None,
        Field(description="y_mm of the upstream end of the view; null as for the width."),
    ]
    image_size_px: Annotated[
        tuple[int, int] | None,
        Field(description="Width and height of the camera's image; null: no frame yet."),
    ]
    latency_budget_ms: Annotated[
        float, Field(description="The longest that `state.latency_p99_ms` is meant to be, ms.")
    ]
    evidence: Annotated[
        str | None, Field(description="Endpoint at which images are sent; null: none are.")
    ]
