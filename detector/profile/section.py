"""Base class and field helper of the sections of a line profile."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, description: str, *, fix: str, **bounds: Any) -> Any:
    """A key of the profile: its default, meaning and bounds, and the fix if it is wrong."""
    return Field(default, description=description, json_schema_extra={"fix": fix}, **bounds)


class Section(BaseModel):
    # TOML allows nan and inf; no key has a meaning for them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
