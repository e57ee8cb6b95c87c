"""Limits of the image's condition: the defaults, or those learned on good footage of the line."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.belt.plane import CalibrationError


class ConditionLimits(BaseModel):
    """From which values on an image is at fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    overexposed_share: float = Field(0.4, gt=0, le=1)
    """Share of the belt without detail because it is white."""
    flicker: float = Field(0.03, gt=0)
    """Change of the belt's brightness from frame to frame and back, as a share of it."""
    sharpness: float = Field(2.2, gt=0)
    """Sharpness of the objects' edges, see `Sharpness`; less is blurred."""
    dirt_share: float = Field(0.04, gt=0, le=1)
    """Share of the belt's view in which less than half of the usual detail shows."""


def load_limits(path: Path | None) -> ConditionLimits:
    """The limits in a file of `vigitri calibrate health`; the defaults without one.

    Raises `CalibrationError`, one line.
    """
    if path is None:
        return ConditionLimits()
    fix = "Make it with `vigitri calibrate health LINE.toml`"
    try:
        return ConditionLimits.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CalibrationError(f"camera.health: {path}: {error.strerror}. {fix}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        first = str(error).splitlines()
        raise CalibrationError(f"camera.health: {path}: {' '.join(first[:3])}. {fix}") from None
