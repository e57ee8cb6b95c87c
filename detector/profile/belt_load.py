"""What the belt may carry, in a line's profile: overload and jam."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import field_validator, model_validator

from detector.profile.section import Section, setting


class Overload(Section):
    """When the belt counts as carrying too much. Starting values: DOMAIN, to be fitted on site."""

    empty_belt: Path | None = setting(
        None,
        "a picture of the empty belt from this camera; without it coverage is unknown",
        mend="make one with `vigitri calibrate empty LINE.toml`",
    )
    raise_at: float = setting(
        0.85, "coverage that raises the alarm", mend="write raise_at = 0.85", gt=0, le=1
    )
    release_at: float = setting(
        0.70, "coverage that clears it", mend="write release_at = 0.70", ge=0, lt=1
    )
    # Path-traced belts that are three quarters covered for 1.2 to 2.4 m: over 1 m three of five
    # read 0.88 where 0.82 to 0.84 was true, 15 false alarms in 5 minutes; over 1.5 m none read more
    # than 0.81, and the demo's heap of 2.7 m reads 0.95.
    window_mm: float = setting(
        1500.0, "belt travel that must be covered", mend="write window_mm = 1500", gt=0, le=20_000
    )
    marks_px: tuple[tuple[tuple[float, float], ...], ...] = setting(
        (),
        "areas of the picture, px, in which a skirt carries painted marks that a high layer hides; "
        "none: height is no cue",
        mend="give each area's corners, e.g. marks_px = [[[0, 20], [1280, 20], [1280, 36], "
        "[0, 36]]], or leave it out",
    )
    marks_at: float = setting(
        0.50,
        "share of the marks hidden that raises the alarm where coverage is above release_at",
        mend="write marks_at = 0.50",
        gt=0,
        le=1,
    )

    @field_validator("marks_px")
    @classmethod
    def _areas(
        cls, areas: tuple[tuple[tuple[float, float], ...], ...]
    ) -> tuple[tuple[tuple[float, float], ...], ...]:
        if any(len(area) < 3 for area in areas):
            raise ValueError("an area has three or more corners")
        return areas

    @model_validator(mode="after")
    def _marks_as_they_are(self) -> Self:
        if self.marks_px and self.empty_belt is None:
            raise ValueError(
                "marks_px needs empty_belt, which shows the marks with nothing on them"
            )
        return self

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        _released_below(self.release_at, self.raise_at)
        return self


class Jam(Section):
    """When material counts as hanging on a belt that runs. Starting values: DOMAIN."""

    raise_at: float = setting(
        0.30,
        "share of the belt in view that standing material covers, which raises the alarm",
        mend="write raise_at = 0.30",
        gt=0,
        le=1,
    )
    release_at: float = setting(
        0.15, "share that clears it", mend="write release_at = 0.15", ge=0, lt=1
    )
    watch_s: float = setting(
        1.5,
        "running time over which that share is taken",
        mend="write watch_s = 1.5",
        gt=0,
        le=60,
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        _released_below(self.release_at, self.raise_at)
        return self


def _released_below(release_at: float, raise_at: float) -> None:
    if release_at >= raise_at:
        raise ValueError(f"release_at = {release_at:g} must lie below raise_at = {raise_at:g}")
