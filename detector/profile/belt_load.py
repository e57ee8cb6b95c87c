"""Overload and jam in a line profile."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import model_validator

from detector.profile.areas import Areas
from detector.profile.section import Section, setting


class Overload(Section):
    """When the belt is overloaded. Starting values: DOMAIN, to be fitted on site."""

    empty_belt: Path | None = setting(
        None,
        "reference image of the empty belt from this camera; default: coverage is not measured",
        fix="make one with `vigitri calibrate empty LINE.toml`",
    )
    raise_at: float = setting(
        0.85,
        "coverage (0 to 1) at which the alarm is raised",
        fix="write raise_at = 0.85",
        gt=0,
        le=1,
    )
    release_at: float = setting(
        0.70, "coverage below which the alarm is cleared", fix="write release_at = 0.70", ge=0, lt=1
    )
    # Path-traced belts, three quarters covered over 1.2 to 2.4 m: with a window of 1 m three of
    # five read 0.88 (ground truth: 0.82 to 0.84), 15 false alarms in 5 minutes; with 1.5 m none
    # read more than 0.81, and the demo's overload of 2.7 m reads 0.95.
    window_mm: float = setting(
        1500.0,
        "length of belt over which coverage is averaged, mm; longer: fewer "
        "false alarms, and later ones",
        fix="write window_mm = 1500",
        gt=0,
        le=20_000,
    )
    marks_px: Areas = setting(
        (),
        "areas of the image with painted height marks on a skirtboard, px, which a high layer of "
        "material hides; default: height is not used as a cue",
        fix="give each area's corners, e.g. marks_px = [[[0, 20], [1280, 20], [1280, 36], "
        "[0, 36]]], or leave it out",
    )
    marks_at: float = setting(
        0.50,
        "share of the skirt marks that must be hidden to raise the alarm; needs coverage above "
        "release_at",
        fix="write marks_at = 0.50",
        gt=0,
        le=1,
    )

    @model_validator(mode="after")
    def _marks_need_an_empty_belt(self) -> Self:
        if self.marks_px and self.empty_belt is None:
            raise ValueError(
                "marks_px needs empty_belt: the reference image must show the unhidden marks"
            )
        return self

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        _refuse_release_above_raise(self.release_at, self.raise_at)
        return self


class Jam(Section):
    """When material is stationary on a running belt. Starting values: DOMAIN."""

    raise_at: float = setting(
        0.30,
        "share of the visible belt under stationary material at which the alarm is raised",
        fix="write raise_at = 0.30",
        gt=0,
        le=1,
    )
    release_at: float = setting(
        0.15, "share below which the alarm is cleared", fix="write release_at = 0.15", ge=0, lt=1
    )
    watch_s: float = setting(
        1.5,
        "running time over which this share is measured, s",
        fix="write watch_s = 1.5",
        gt=0,
        le=60,
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        _refuse_release_above_raise(self.release_at, self.raise_at)
        return self


def _refuse_release_above_raise(release_at: float, raise_at: float) -> None:
    if release_at >= raise_at:
        raise ValueError(f"release_at = {release_at:g} must be below raise_at = {raise_at:g}")
