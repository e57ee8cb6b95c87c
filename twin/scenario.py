"""What runs over the simulated belt: a scenario file, read and refused at the door.

A place on the belt is `at_mm`: the belt position (mm run since the clip's start) at which it
crosses the upstream end of the view. `x_mm` is across, from the left edge looking downstream.
"""

import tomllib
from math import inf
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twin.things import HAZARDS, SIZE_MM

Above0 = Annotated[float, Field(gt=0)]


MOST_STRIP_PX = 200_000_000
"""The belt of one run is drawn as one picture: 800 MB with what lies on it, some five minutes."""


class ScenarioError(ValueError):
    """A scenario that cannot be used; one line per mistake."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Belt(_Part):
    """The belt; a picking belt is 0.6 to 1.2 m wide and runs at 0.3 to 0.5 m/s (DOMAIN)."""

    width_mm: float = Field(600, ge=100, le=3000)
    speed_mm_s: float = Field(400, gt=0, le=4000)
    loop_mm: float = Field(7200, ge=1000, description="belt length until its seam comes round")
    texture: Literal["worn", "clean", "fabric"] = "worn"


class Camera(_Part):
    """The camera above the belt, which runs left to right through its picture."""

    width_px: int = Field(1280, ge=64, le=4096)
    height_px: int = Field(720, ge=64, le=4096)
    fps: float = Field(30, gt=0, le=240)
    px_per_mm: float = Field(1.06875, gt=0.05, le=8)
    shutter_ms: float = Field(4.0, ge=0, le=50)
    tilt: float = Field(0.012, ge=-0.2, le=0.2, description="share by which the far side shrinks")
    turn_deg: float = Field(0.25, ge=-5, le=5, description="how crooked the camera hangs")
    grain: float = Field(1.6, ge=0, le=20, description="sigma of the sensor's noise, grey levels")
    flicker: float = Field(0.006, ge=0, le=0.2, description="share by which the lamps' light beats")


class Video(_Part):
    """H.264 settings: a higher `crf` makes a smaller, coarser file."""

    crf: float = Field(27, ge=0, le=51)
    preset: Literal["ultrafast", "veryfast", "medium", "slow", "slower", "veryslow"] = "slow"


class Stretch(_Part):
    """A stretch of belt with waste over the share `coverage` of it."""

    from_mm: float
    to_mm: float
    coverage: float = Field(ge=0, le=0.99)

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.to_mm <= self.from_mm:
            raise ValueError(f"to_mm ({self.to_mm:g}) must be above from_mm ({self.from_mm:g})")
        return self


class Item(_Part):
    """One thing put on the belt by hand; `lies` says whether waste may cover it."""

    kind: str
    at_mm: float
    x_mm: float
    angle_deg: float | None = None
    lies: Literal["on top", "under"] = "on top"

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.kind not in SIZE_MM:
            raise ValueError(f"kind {self.kind!r} is unknown; hazards are {', '.join(HAZARDS)}")
        return self


class Scenario(_Part):
    """A whole run; `things` are put down by hand, `stretches` are strewn by chance from `seed`."""

    seed: int = Field(0, ge=0)
    duration_s: Above0
    belt: Belt = Belt()
    camera: Camera = Camera()
    video: Video = Video()
    stretches: tuple[Stretch, ...] = ()
    things: tuple[Item, ...] = ()

    @property
    def frames(self) -> int:
        return max(1, round(self.duration_s * self.camera.fps))

    @property
    def run_mm(self) -> float:
        """How far the belt runs from the first frame to the last."""
        return self.belt.speed_mm_s * (self.frames - 1) / self.camera.fps

    @model_validator(mode="after")
    def _fits(self) -> Self:
        belt_px = self.belt.width_mm * self.camera.px_per_mm
        if belt_px > self.camera.height_px:
            raise ValueError(
                f"belt.width_mm x camera.px_per_mm is {belt_px:.0f} px, "
                f"more than camera.height_px ({self.camera.height_px})"
            )
        strip_px = belt_px * self.run_mm * self.camera.px_per_mm
        if strip_px > MOST_STRIP_PX:
            raise ValueError(
                f"duration_s {self.duration_s:g} is {self.run_mm / 1000:.0f} m of belt, more than "
                f"can be drawn at once; at most {self.duration_s * MOST_STRIP_PX / strip_px:.0f} s"
            )
        ends = -inf
        for stretch in sorted(self.stretches, key=lambda each: each.from_mm):
            if stretch.from_mm < ends:
                raise ValueError(f"stretches overlap at {stretch.from_mm:g} mm")
            ends = stretch.to_mm
        for thing in self.things:
            if not 0 <= thing.x_mm <= self.belt.width_mm:
                raise ValueError(
                    f"things: {thing.kind} at {thing.at_mm:g} mm has x_mm {thing.x_mm:g}, "
                    f"off a belt of {self.belt.width_mm:g} mm"
                )
        return self


def load(path: Path) -> Scenario:
    """Reads a scenario file; raises `ScenarioError` with one line per mistake."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not a TOML file ({error})") from error
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(
            "\n".join(_line(path, dict(each)) for each in error.errors())
        ) from error


def _line(path: Path, mistake: dict[str, object]) -> str:
    place = mistake["loc"]
    assert isinstance(place, tuple)
    key = ".".join(str(part) for part in place)
    if mistake["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key"
    if mistake["type"] == "missing":
        return f"{path}: {key}: missing"
    said = str(mistake["msg"]).removeprefix("Value error, ")
    given = mistake["input"]
    value = f", not {given!r}" if isinstance(given, str | int | float) else ""
    return f"{path}: {f'{key}: ' if key else ''}{said}{value}"
