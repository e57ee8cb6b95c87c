"""The belt in a line profile: its outline in the image, its scale and its motion."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from detector.profile.section import Section, setting

Travel = Literal["right", "left", "down", "up"]
"""Direction in which the belt moves in the image."""

SLOWEST_MM_S = 10.0
"""A speed written in m/s would read as a stopped belt, on which all alarms are suppressed."""


class BeltPoint(Section):
    """One surveyed point: its image and its belt coordinates."""

    px: tuple[float, float] = setting(
        ..., "image coordinates x, y; px", fix="write px = [x, y] in pixels of the image"
    )
    mm: tuple[float, float] = setting(
        ...,
        "belt coordinates: x across from the left edge looking downstream, y along the travel; mm",
        fix="write mm = [across, along] in millimetres on the belt",
    )


class Belt(Section):
    """The belt in the image. To start, `px_per_mm` will do; a survey (`points`) is optional."""

    polygon_px: tuple[tuple[float, float], ...] = setting(
        ...,
        "corners of the belt in the image, px, in order around it; everything outside is masked",
        fix="give three or more corners, e.g. polygon_px = [[0, 40], [1280, 40], [1280, 680], "
        "[0, 680]]",
        min_length=3,
    )
    travel: Travel = setting(
        ...,
        'direction in which the belt moves in the image: "right", "left", "down" or "up"',
        fix='write travel = "right", "left", "down" or "up"',
    )
    px_per_mm: float | None = setting(
        None,
        "image scale on the belt, px per mm; used instead of surveyed points",
        fix="measure an object on the belt: its px divided by its mm, e.g. 1.1",
        gt=0,
        le=100,
    )
    points: tuple[BeltPoint, ...] = setting(
        (),
        "four or more surveyed points on the belt",
        fix="give four or more [[belt.points]], or none and px_per_mm",
    )
    speed_mm_s: float | None = setting(
        None,
        "speed of a belt that runs at one fixed speed, mm/s; default: measured from the image",
        fix="give the speed in mm/s, e.g. speed_mm_s = 400, or leave it out to have it measured",
        ge=0,
        le=5000,
    )
    length_mm: float | None = setting(
        None,
        "length of the whole belt, mm. Its splice, cleats and patches return after this travel and "
        "are not counted as material; default: found from the image, which takes two belt lengths "
        "or more and a belt that is not always full",
        fix="give the belt's length in mm, e.g. length_mm = 14400, or leave it out to have it "
        "measured",
        ge=1000,
        le=60_000,
    )
    encoder_counts_per_mm: float | None = setting(
        None,
        "encoder counts per mm of belt travel; negative if the encoder counts down as the belt "
        "runs. Belt motion is then taken from the encoder, and vision is degraded while it is "
        "lost. Counts come from the PLC (bridge registers 105 and 106) or in belt requests over "
        "ZeroMQ; default: no encoder",
        fix="give counts per mm, e.g. encoder_counts_per_mm = 10, negative if it counts down as "
        "the belt runs, or leave it out",
        ge=-100_000,
        le=100_000,
    )
    encoder_wraps_at: int = setting(
        2**32,
        "the encoder counts up to one below this value, then starts at 0; 65536 for a 16-bit "
        "counter, the default for a 32-bit one",
        fix="write encoder_wraps_at = 65536, or leave it out for a 32-bit counter",
        ge=256,
        le=2**32,
    )

    encoder_recording: Path | None = setting(
        None,
        "file with the encoder as recorded alongside the footage in camera.source, one record "
        '{"t_mono_ns": 0, "counts": 0, "run": true} per line, times counted from the first '
        "frame; overrides reports of a PLC",
        fix='name the file, e.g. encoder_recording = "encoder.jsonl", or leave it out',
    )

    @field_validator("speed_mm_s")
    @classmethod
    def _in_mm_per_second(cls, speed_mm_s: float | None) -> float | None:
        if speed_mm_s is not None and 0 < speed_mm_s < SLOWEST_MM_S:
            raise ValueError("too slow for a belt; the unit is mm/s, and 0.4 m/s is 400 mm/s")
        return speed_mm_s

    @field_validator("encoder_counts_per_mm")
    @classmethod
    def _counts_enough(cls, counts_per_mm: float | None) -> float | None:
        if counts_per_mm is not None and abs(counts_per_mm) < 0.001:
            raise ValueError("too few counts per mm to measure travel")
        return counts_per_mm

    @field_validator("polygon_px")
    @classmethod
    def _edges_do_not_cross(
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
            raise ValueError(f"a plane needs four points or more, not {len(points)}")
        return points

    @model_validator(mode="after")
    def _exactly_one_scale(self) -> Self:
        if self.points and self.px_per_mm is not None:
            raise ValueError("points and px_per_mm both give the scale; keep one of them")
        if not self.points and self.px_per_mm is None:
            raise ValueError("no scale: give px_per_mm, or four or more [[belt.points]]")
        return self


def _crossing_edges(corners: tuple[tuple[float, float], ...]) -> tuple[int, int] | None:
    """The first two edges of a polygon that cross, each as the index of its first corner."""

    def side(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    edges = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    for i, (a, b) in enumerate(edges):
        for j, (c, d) in enumerate(edges[i + 1 :], start=i + 1):
            if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                return i, j
    return None
