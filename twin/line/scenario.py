"""Scenario files: model, validation and loading.

A place on the belt is `at_mm`: the belt position (mm travelled since the clip's start) at which it
crosses the upstream end of the view. `x_mm` is across, from the left edge looking downstream.
"""

import tomllib
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from twin.drawn.objects import HAZARDS, SIZE_MM, WASTE
from twin.line.conditions import (
    ActionPoint,
    Arm,
    EncoderWheel,
    Film,
    Gate,
    Lens,
    Light,
    Roller,
    Skirt,
    SpeedChange,
    Wet,
)
from twin.line.drive import Drive
from twin.line.parts import Part, Positive, Share

MAX_STRIP_PX = 200_000_000
"""A belt placed by hand is drawn as one image: 800 MB with its objects, about five minutes."""
SCENARIOS = Path(__file__).parents[1] / "scenarios"


class ScenarioError(ValueError):
    """A scenario that cannot be used; one line per error."""


class Belt(Part):
    """The belt; a picking belt is 0.6 to 1.2 m wide and runs at 0.3 to 0.5 m/s (DOMAIN)."""

    width_mm: float = Field(600, ge=100, le=3000)
    speed_mm_s: float = Field(400, ge=0, le=4000)
    speeds: tuple[SpeedChange, ...] = ()
    loop_mm: float = Field(
        7200, ge=1000, description="length of the belt, after which its splice returns"
    )
    texture: Literal["worn", "clean", "fabric"] = "worn"

    @model_validator(mode="after")
    def _changes_in_order(self) -> Self:
        ready_s = 0.0
        for change in self.speeds:
            if change.at_s < ready_s:
                raise ValueError(
                    f"speeds: the change at {change.at_s:g} s starts before the previous one has "
                    f"ended ({ready_s:g} s)"
                )
            ready_s = change.at_s + change.over_s
        return self

    @property
    def drive(self) -> Drive:
        return Drive(self.speed_mm_s, self.speeds)


class Camera(Part):
    """The camera above the belt, which runs left to right through its image."""

    width_px: int = Field(1280, ge=64, le=4096)
    height_px: int = Field(720, ge=64, le=4096)
    fps: float = Field(30, gt=0, le=240)
    px_per_mm: float = Field(1.06875, gt=0.05, le=8)
    shutter_ms: float = Field(4.0, ge=0, le=50)
    tilt: float = Field(0.012, ge=-0.2, le=0.2, description="share by which the far side shrinks")
    turn_deg: float = Field(0.25, ge=-5, le=5, description="rotation of the camera about its axis")
    grain: float = Field(1.6, ge=0, le=20, description="sigma of the sensor's noise, grey levels")
    flicker: float = Field(
        0.006, ge=0, le=0.2, description="amplitude of the lamps' flicker, share"
    )


class Video(Part):
    """H.264 settings; a higher `crf` gives a smaller, coarser file."""

    crf: float = Field(24, ge=0, le=51)
    preset: Literal["ultrafast", "veryfast", "medium", "slow", "slower", "veryslow"] = "veryfast"


class Stretch(Part):
    """A stretch of belt with waste of this coverage."""

    from_mm: float
    to_mm: float
    coverage: float = Field(ge=0, le=0.99)

    @model_validator(mode="after")
    def _to_after_from(self) -> Self:
        if self.to_mm <= self.from_mm:
            raise ValueError(f"to_mm ({self.to_mm:g}) must be above from_mm ({self.from_mm:g})")
        return self


class Item(Part):
    """One object placed by hand; `lies`: whether waste may cover it."""

    kind: str
    at_mm: float
    x_mm: float
    angle_deg: float | None = None
    lies: Literal["on top", "under"] = "on top"

    @field_validator("kind")
    @classmethod
    def _kind_exists(cls, kind: str) -> str:
        return _check_kind(kind)


class Mix(Part):
    """Waste for the whole run: strips are drawn once, then repeated in random order.

    Each strip is as long as the belt; memory does not depend on the run's duration.
    """

    coverage: float = Field(0.3, ge=0, le=0.99)
    hazards_per_m: float = Field(0, ge=0, le=20)
    hazards: dict[str, Positive] = Field({}, description="kind to weight; default: equal weights")
    waste: dict[str, Positive] = Field({}, description="kind to weight; default: a stress mixture")
    buried: Share = Field(0, description="share of the hazards that waste is scattered on")
    strips: int = Field(4, ge=1, le=64)
    mirror: bool = True

    @field_validator("hazards")
    @classmethod
    def _hazards_exist(cls, hazards: dict[str, float]) -> dict[str, float]:
        for kind in hazards:
            if kind not in HAZARDS:
                raise ValueError(f"{kind!r} is not a hazard; hazards are {', '.join(HAZARDS)}")
        return hazards

    @field_validator("waste")
    @classmethod
    def _waste_exists(cls, waste: dict[str, float]) -> dict[str, float]:
        for kind in waste:
            if kind not in WASTE:
                raise ValueError(f"{kind!r} is not waste; waste is {', '.join(WASTE)}")
        return waste


class Traced(Part):
    """Path-traced strips: bundle folders or glob patterns of them, joined in sequence."""

    strips: tuple[str, ...] = Field(min_length=1)
    order: Literal["given", "shuffled"] = "given"
    mirror: bool = True


class Scenario(Part):
    """A complete run; all randomness derives from `seed`."""

    seed: int = Field(0, ge=0)
    duration_s: Positive
    renderer: Literal["drawn", "traced"] = "drawn"
    belt: Belt = Belt()
    camera: Camera = Camera()
    light: Light = Light()
    wet: Wet | None = None
    lens: Lens = Lens()
    skirt: Skirt = Skirt()
    encoder: EncoderWheel = EncoderWheel()
    video: Video = Video()
    stretches: tuple[Stretch, ...] = ()
    objects: tuple[Item, ...] = ()
    mix: Mix | None = None
    traced: Traced | None = None
    gate: Gate | None = None
    films: tuple[Film, ...] = ()
    rollers: tuple[Roller, ...] = ()
    arms: tuple[Arm, ...] = ()
    action_points: tuple[ActionPoint, ...] = (
        ActionPoint(name="picker 1", y_mm=2500, acting_ms=1500),
        ActionPoint(name="ejector", y_mm=4000, acting_ms=300),
    )

    @property
    def frames(self) -> int:
        return max(1, round(self.duration_s * self.camera.fps))

    @property
    def run_mm(self) -> float:
        """Belt travel from the first frame to the last, mm."""
        return self.belt.drive.position_at((self.frames - 1) / self.camera.fps)

    @property
    def placed_by_hand(self) -> bool:
        """Whether the belt is drawn as one image, from `stretches` and `objects`."""
        return self.renderer == "drawn" and self.mix is None and self.gate is None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        belt_px = self.belt.width_mm * self.camera.px_per_mm
        if belt_px > self.camera.height_px:
            raise ValueError(
                f"belt.width_mm x camera.px_per_mm is {belt_px:.0f} px, "
                f"more than camera.height_px ({self.camera.height_px})"
            )
        if self.mix is not None and (self.stretches or self.objects):
            raise ValueError("mix conflicts with stretches and objects; keep one of them")
        if self.renderer == "traced" and self.traced is None:
            raise ValueError('renderer "traced" needs a [traced] section with strips = [...]')
        strip_px = belt_px * self.run_mm * self.camera.px_per_mm
        if self.placed_by_hand and strip_px > MAX_STRIP_PX:
            raise ValueError(
                f"duration_s {self.duration_s:g} is {self.run_mm / 1000:.0f} m of belt, more than "
                "can be drawn as one image; use [mix] instead of stretches and objects, or at most "
                f"{self.duration_s * MAX_STRIP_PX / strip_px:.0f} s"
            )
        ends = -inf
        for stretch in sorted(self.stretches, key=lambda each: each.from_mm):
            if stretch.from_mm < ends:
                raise ValueError(f"stretches overlap at {stretch.from_mm:g} mm")
            ends = stretch.to_mm
        for section, items in self._placed().items():
            for item in items:
                if not 0 <= item.x_mm <= self.belt.width_mm:
                    where = f" at {item.at_mm:g} mm" if isinstance(item, Item) else ""
                    name = item.kind if isinstance(item, Item) else section.removesuffix("s")
                    raise ValueError(
                        f"{section}: {name}{where} has x_mm {item.x_mm:g}, "
                        f"off a belt of {self.belt.width_mm:g} mm"
                    )
        return self

    def _placed(self) -> dict[str, tuple[Item | Film | Roller | Arm, ...]]:
        return {
            "objects": self.objects,
            "films": self.films,
            "rollers": self.rollers,
            "arms": self.arms,
        }


def bundled() -> dict[str, Path]:
    """The bundled scenarios, by name."""
    return {path.stem: path for path in sorted(SCENARIOS.glob("*.toml"))}


def descriptions() -> dict[str, str]:
    """Each bundled scenario by name, with the first line of its file as description."""
    return {
        name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for name, path in bundled().items()
    }


def find(scenario: str | Path) -> Path:
    """The file of a scenario given as a path or by its bundled name; raises `ScenarioError`."""
    path = Path(scenario)
    if path.suffix == ".toml" or path.exists():
        return path
    known = bundled()
    if str(scenario) not in known:
        raise ScenarioError(
            f"{scenario}: no such scenario. Give a file *.toml or one of {', '.join(known)}"
        )
    return known[str(scenario)]


def load(path: Path, changes: Mapping[tuple[str, ...], object] | None = None) -> Scenario:
    """Reads a scenario file; `changes`: key path to an overriding value, None to keep the file's.

    Raises `ScenarioError` with one line per error.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not a TOML file ({error})") from error
    for (*sections, key), value in (changes or {}).items():
        place = raw
        for section in sections:
            place = place.setdefault(section, {})
        if value is not None and isinstance(place, dict):
            place[key] = value
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(
            "\n".join(_error_line(path, dict(each)) for each in error.errors())
        ) from error


def _check_kind(kind: str) -> str:
    if kind not in SIZE_MM:
        raise ValueError(f"kind {kind!r} is unknown; hazards are {', '.join(HAZARDS)}")
    return kind


def _error_line(path: Path, detail: dict[str, object]) -> str:
    place = detail["loc"]
    assert isinstance(place, tuple)
    key = ".".join(str(part) for part in place)
    if detail["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key"
    if detail["type"] == "missing":
        return f"{path}: {key}: missing"
    message = str(detail["msg"]).removeprefix("Value error, ")
    given = detail["input"]
    # Messages of our own validators already contain the value.
    value = (
        f", not {given!r}"
        if isinstance(given, str | int | float) and detail["type"] != "value_error"
        else ""
    )
    return f"{path}: {f'{key}: ' if key else ''}{message}{value}"
