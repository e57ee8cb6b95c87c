"""Plan files of traced strips: model, validation and loading."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twin.traced.objects import HAZARDS, LOOKALIKES, WASTE

MAX_STRIP_MM = 60_000
"""A strip is one image in memory; longer belts join several strips."""

BeltKind = Literal["worn", "clean", "fabric", "green", "blue", "white", "cleats"]


class PlanError(ValueError):
    """A plan that cannot be used; one line per error."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Stretch(_Model):
    """A stretch of the strip, mm along the belt from its start, with waste and hazards.

    buried: share of the hazards below the waste, where there is enough waste.
    """

    from_mm: float = Field(ge=0)
    to_mm: float
    coverage: float = Field(ge=0, le=0.99)
    hazards_per_m: float = Field(0, ge=0, le=30)
    buried: float = Field(0, ge=0, le=1)

    @model_validator(mode="after")
    def _to_after_from(self) -> Self:
        if self.to_mm <= self.from_mm:
            raise ValueError(f"to_mm ({self.to_mm:g}) must be above from_mm ({self.from_mm:g})")
        return self


class StripPlan(_Model):
    """A strip of `length_mm`.

    hazards: weights of the kinds, equal if empty. waste: weights of the kinds, look-alikes
    included; if empty, a stress mixture with the share `lookalikes`.
    """

    seed: int = Field(0, ge=0)
    length_mm: float = Field(gt=100, le=MAX_STRIP_MM)
    width_mm: float = Field(600, ge=100, le=3000)
    px_per_mm: float = Field(1.06875, ge=0.2, le=4)
    belt: BeltKind = "worn"
    wet: float = Field(0, ge=0, le=1, description="share of the belt that is wet")
    dirt: float = Field(1, ge=0, le=2, description="amount of dirt, relative to the usual")
    samples: int = Field(8, ge=1, le=4096, description="light paths per pixel")
    lookalikes: float = Field(0.125, ge=0, le=1, description="share of look-alikes in the waste")
    hazards: dict[str, Annotated[float, Field(gt=0)]] = {}
    waste: dict[str, Annotated[float, Field(gt=0)]] = {}
    stretches: tuple[Stretch, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unknown = [kind for kind in self.hazards if kind not in HAZARDS]
        if unknown:
            raise ValueError(f"hazards: {unknown[0]!r} is unknown; known are {', '.join(HAZARDS)}")
        known = (*WASTE, *LOOKALIKES)
        unknown = [kind for kind in self.waste if kind not in known]
        if unknown:
            raise ValueError(f"waste: {unknown[0]!r} is unknown; known are {', '.join(known)}")
        if self.waste and "lookalikes" in self.model_fields_set:
            raise ValueError("waste already gives the look-alikes their weights; drop lookalikes")
        end = 0.0
        for stretch in sorted(self.stretches, key=lambda each: each.from_mm):
            if stretch.from_mm < end:
                raise ValueError(f"stretches overlap at {stretch.from_mm:g} mm")
            end = stretch.to_mm
        if end > self.length_mm:
            raise ValueError(f"stretches: one ends at {end:g} mm, beyond length_mm")
        return self


def load_plan(path: Path, **overrides: Any) -> StripPlan:
    """Reads a plan file; raises `PlanError` with one line per error.

    overrides: values that replace the file's; None keeps the file's value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        changes = {key: value for key, value in overrides.items() if value is not None}
        return StripPlan.model_validate({**raw, **changes})
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: not a TOML file ({error})") from error
    except ValidationError as error:
        lines = []
        for each in error.errors():
            key = ".".join(str(part) for part in each["loc"])
            message = each["msg"].removeprefix("Value error, ")
            given = f", not {each['input']!r}" if isinstance(each["input"], int | float) else ""
            lines.append(f"{path}: {key + ': ' if key else ''}{message}{given}")
        raise PlanError("\n".join(lines)) from error
