"""What every section of a line profile is made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, description: str, *, mend: str, **bounds: Any) -> Any:
    """A field of the profile: what it is, its bounds, and what to write when it is wrong."""
    return Field(default, description=description, json_schema_extra={"mend": mend}, **bounds)


class Section(BaseModel):
    # TOML can say nan and inf; no setting means anything with them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
