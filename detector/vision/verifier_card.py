"""The part of a model's card that describes its verifier, `[verifier]` in `card.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

VerifiedHazard = Literal["gas", "battery"]
HAZARDS: tuple[VerifiedHazard, ...] = ("gas", "battery")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class VerifierKind(_Section):
    """One kind of object that the verifier tells apart."""

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    """A noun, snake_case: `gas_cartridge`, `tin`."""
    hazard: Literal["gas", "battery", "none"]


class Fusion(_Section):
    """Probability of a hazard: `1 / (1 + exp(-(verifier * V + detector * D + offset)))`.

    V: log-odds of the hazard's kinds together, mean over the verifier's passes. D: log-odds of the
    track's best score.
    """

    verifier: Annotated[float, Field(gt=0)]
    detector: Annotated[float, Field(ge=0)]
    offset: float
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability from which an object is raised."""


class HeadChange(_Section):
    """One change of the head by `vigitri model adapt --head-only`; `--undo` takes it back."""

    date: date
    reason: str
    previous: Annotated[str, Field(pattern=r"^[\w.-]+\.npz$")]
    """File of the head before the change, in the model's folder."""
    previous_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class VerifierCard(_Section):
    """A second network that decides, on crops of each tracked object, what the object is."""

    features: str
    """File of the network. Input `crops`: `(n, px, px, 3)` uint8 BGR; output `features`: `(n, d)`
    float32. The normalisation is part of it."""
    head: str
    """File of the head, `.npz`: `weights` `(k, d)` and `bias` `(k,)`, float32. A softmax of
    `features @ weights.T + bias` gives the probability of each kind."""
    input_px: Annotated[int, Field(ge=16, le=1024)]
    """Side of a crop."""
    context: Annotated[float, Field(ge=1, le=4)]
    """Side of the square around an object / longest side of its box in the camera's image."""
    batches: Annotated[tuple[Annotated[int, Field(ge=1, le=256)], ...], Field(min_length=1)]
    """The only batch sizes with which the network is run, ascending."""
    max_crops_per_pass: Annotated[int, Field(ge=1, le=256)]
    kinds: Annotated[tuple[VerifierKind, ...], Field(min_length=2)]
    """In the head's order."""
    fusion: dict[VerifiedHazard, Fusion]
    adapted: tuple[HeadChange, ...] = ()
    """Changes of the head, the last one last."""

    @model_validator(mode="after")
    def _fits_together(self) -> VerifierCard:
        names = [kind.name for kind in self.kinds]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"kinds must differ in name; {', '.join(twice)} is there twice")
        if list(self.batches) != sorted(set(self.batches)):
            raise ValueError("batches must rise, without a repetition")
        for hazard in HAZARDS:
            if bool(self.kinds_of(hazard)) != (hazard in self.fusion):
                raise ValueError(
                    f"a [verifier.fusion.{hazard}] and kinds with hazard = {hazard!r} go together"
                )
        if not self.fusion:
            raise ValueError("at least one kind must be a hazard")
        return self

    def kinds_of(self, hazard: str) -> tuple[int, ...]:
        """Indices of this hazard's kinds."""
        return tuple(index for index, kind in enumerate(self.kinds) if kind.hazard == hazard)

    def check(self, files: Mapping[str, str], hazards: Iterable[str]) -> None:
        """Compare with the rest of the card: its `files`, and the hazards of its classes.

        Raises `ValueError`.
        """
        for file in (self.features, self.head):
            if file not in files:
                raise ValueError(f"files must give the sha256 of {file}, a part of the verifier")
        if alone := sorted(set(self.fusion) - set(hazards)):
            raise ValueError(
                f"the verifier decides on {', '.join(alone)}, but no class has that hazard"
            )
