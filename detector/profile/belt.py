"""The belt in a line's profile: where it is in the picture, how it is measured, how it moves."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from detector.profile.section import Section, setting

Travel = Literal["right", "left", "down", "up"]
"""Where the belt runs to, as seen in the picture."""

SLOWEST_MM_S = 10.0
"""A speed in m/s would be a belt that stands, on which all alarms are suppressed."""


class BeltPoint(Section):
    """One point of the belt, known in the picture and on the belt."""

    px: tuple[float, float] = setting(
        ..., "x, y in the picture, px", mend="write px = [x, y] in pixels of the picture"
    )
    mm: tuple[float, float] = setting(
        ...,
        "x across the belt from its left edge looking downstream, y along the travel; mm",
        mend="write mm = [across, along] in millimetres on the belt",
    )


class Belt(Section):
    """The belt in the picture. A survey (`points`) is not needed to start: `px_per_mm` will do."""

    polygon_px: tuple[tuple[float, float], ...] = setting(
        ...,
        "corners of the belt in the picture, px; what lies outside is masked",
        mend="give three or more corners, e.g. polygon_px = [[0, 40], [1280, 40], [1280, 680], "
        "[0, 680]]",
        min_length=3,
    )
    travel: Travel = setting(
        ...,
        "where the belt runs to in the picture",
        mend='write travel = "right", "left", "down" or "up"',
    )
    px_per_mm: float | None = setting(
        None,
        "scale of the picture on the belt, when no points are known",
        mend="measure something lying on the belt: its px divided by its mm, e.g. 1.1",
        gt=0,
        le=100,
    )
    points: tuple[BeltPoint, ...] = setting(
        (),
        "four or more points surveyed on the belt",
        mend="give four or more [[belt.points]], or none and px_per_mm",
    )
    speed_mm_s: float | None = setting(
        None,
        "speed of the belt; null: measured from the picture",
        mend="give the speed in mm/s, e.g. speed_mm_s = 400, or leave it out to have it measured",
        ge=0,
        le=5000,
    )
    length_mm: float | None = setting(
        None,
        "length of the whole belt: after so much travel its seam, cleats and patches come round, "
        "which are no material; null: found from the picture, which takes two lengths or more and "
        "a belt that is not always full",
        mend="give the belt's length in mm, e.g. length_mm = 14400, or leave it out to have it "
        "found",
        ge=1000,
        le=60_000,
    )
    encoder_counts_per_mm: float | None = setting(
        None,
        "counts of the encoder (the PLC's: bridge, registers 105 and 106; or told over ZeroMQ as a "
        "belt request) per mm of belt: then the belt moves as it says, and its loss makes sight "
        "degraded; null: there is none",
        mend="give counts per mm, e.g. encoder_counts_per_mm = 10, negative if it counts down as "
        "the belt runs, or leave it out",
        ge=-100_000,
        le=100_000,
    )
    encoder_wraps_at: int = setting(
        2**32,
        "the encoder's counter goes from one below this to 0: 65536 for one of 16 bits",
        mend="write encoder_wraps_at = 65536, or leave it out for one of 32 bits",
        ge=256,
        le=2**32,
    )

    encoder_recording: Path | None = setting(
        None,
        "the encoder recorded beside the footage that camera.source is, a line "
        '{"t_mono_ns": 0, "counts": 0, "run": true} each, times from its first frame on; it is '
        "then heard in the PLC's place",
        mend='name the file, e.g. encoder_recording = "encoder.jsonl", or leave it out',
    )

    @field_validator("speed_mm_s")
    @classmethod
    def _millimetres_a_second(cls, speed_mm_s: float | None) -> float | None:
        if speed_mm_s is not None and 0 < speed_mm_s < SLOWEST_MM_S:
            raise ValueError("no belt is so slow: 0.4 m/s are 400 mm/s")
        return speed_mm_s

    @field_validator("encoder_counts_per_mm")
    @classmethod
    def _counts(cls, counts_per_mm: float | None) -> float | None:
        if counts_per_mm is not None and abs(counts_per_mm) < 0.001:
            raise ValueError("an encoder that hardly counts tells no way")
        return counts_per_mm

    @field_validator("polygon_px")
    @classmethod
    def _around_the_belt(
        cls, corners: tuple[tuple[float, float], ...]
    ) -> tuple[tuple[float, float], ...]:
        crossing = _crossing_edges(corners)
        if crossing is not None:
            raise ValueError(
                "its edges from corners {} and {} cross; give the corners in order around the "
                "belt".format(*crossing)
            )
        return corners

    @field_validator("points")
    @classmethod
    def _none_or_four(cls, points: tuple[BeltPoint, ...]) -> tuple[BeltPoint, ...]:
        if 0 < len(points) < 4:
            raise ValueError(f"{len(points)} points do not fix a plane, four do")
        return points

    @model_validator(mode="after")
    def _some_scale(self) -> Self:
        if self.points and self.px_per_mm is not None:
            raise ValueError("points and px_per_mm both give the scale; keep one of them")
        if not self.points and self.px_per_mm is None:
            raise ValueError("no scale: give px_per_mm, or four or more [[belt.points]]")
        return self


def _crossing_edges(corners: tuple[tuple[float, float], ...]) -> tuple[int, int] | None:
    """The first two edges of a polygon that cross, each by its first corner."""

    def side(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    edges = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    for i, (a, b) in enumerate(edges):
        for j, (c, d) in enumerate(edges[i + 1 :], start=i + 1):
            if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                return i, j
    return None
