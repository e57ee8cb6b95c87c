"""The reference page of the line profile, generated from its definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from detector.profile.line import LineProfile
from detector.profile.loading import section_of


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """One key as the reference page shows it."""

    key: str
    default: str
    """In TOML notation; "required", or "-" if the meaning states the default."""
    bounds: str
    meaning: str


def profile_keys() -> Iterator[ProfileKey]:
    """All keys in order, sections flattened: `belt.speed_mm_s`, `action_points[].name`."""
    yield from _keys("", LineProfile)


def profile_reference() -> str:
    """The reference page, in Markdown."""
    rows = [
        f"| `{each.key}` | {each.default} | {each.bounds} | {each.meaning} |"
        for each in profile_keys()
    ]
    return "\n".join(
        [
            "# The line profile",
            "",
            "A TOML file, one per line. `vigitri calibrate keys` generates this page from the code",
            "that reads the file. Lengths are in mm, image coordinates in px; relative paths start",
            "at the profile's folder. `-`: the key is optional; its meaning states the default.",
            "Keys of `calibration` are written by `vigitri calibrate`; do not edit them.",
            "",
            "| key | default | bounds | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _keys(prefix: str, section: type[BaseModel]) -> Iterator[ProfileKey]:
    for name, field in section.model_fields.items():
        nested = section_of(field.annotation)
        listed = str(field.annotation).startswith("tuple[") and nested is not None
        key = f"{prefix}{name}{'[]' if listed else ''}"
        if nested is not None:
            yield from _keys(f"{key}.", nested)
        else:
            yield ProfileKey(key, _default(field), _bounds(field), field.description or "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    symbols = {
        annotated_types.Gt: ("gt", "> "),
        annotated_types.Ge: ("ge", "≥ "),
        annotated_types.Lt: ("lt", "< "),
        annotated_types.Le: ("le", "≤ "),
    }
    found = [
        f"{symbol}{getattr(bound, attribute):g}"
        for bound in field.metadata
        for kind, (attribute, symbol) in symbols.items()
        if isinstance(bound, kind)
    ]
    return ", ".join(found)
