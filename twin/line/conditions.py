"""Conditions of a run: lighting, wet belt, lens dirt, encoder, speed changes, moving objects."""

from typing import Literal, Self

from pydantic import Field, model_validator

from twin.line.parts import Part, Positive, Share


class LightChange(Part):
    """From `at_s`, the lamps change to `level` within `over_s`."""

    at_s: float = Field(ge=0)
    level: float = Field(gt=0, le=2)
    over_s: float = Field(1.0, ge=0)


class Light(Part):
    """The lamps. Level 1 is the hall's usual light; a night shift has 0.3 and a noisier camera."""

    level: float = Field(1.0, gt=0, le=2)
    gradient_along: float = Field(0, ge=-0.8, le=0.8, description="brighter downstream, share")
    gradient_across: float = Field(0, ge=-0.8, le=0.8, description="brighter at the right, share")
    drift: float = Field(0, ge=0, le=0.5, description="share by which the light drifts")
    drift_s: Positive = 300
    changes: tuple[LightChange, ...] = ()

    @model_validator(mode="after")
    def _changes_in_order(self) -> Self:
        for before, after in zip(self.changes, self.changes[1:], strict=False):
            if after.at_s < before.at_s + before.over_s:
                raise ValueError(
                    f"changes: the one at {after.at_s:g} s starts before the one at "
                    f"{before.at_s:g} s has ended"
                )
        return self

    def level_at(self, t_s: float) -> float:
        level = self.level
        for change in self.changes:
            if t_s < change.at_s:
                break
            done = 1.0 if change.over_s == 0 else min(1.0, (t_s - change.at_s) / change.over_s)
            level += done * (change.level - level)
        return level


class Wet(Part):
    """Water on the belt: darker rubber, and mirror images of the lamps, which do not travel."""

    amount: Share = 0.7
    lamps: int = Field(3, ge=1, le=12)
    swing_px: float = Field(6, ge=0, le=100, description="sway of the lamps in the image")


class Lens(Part):
    """The lens; `distortion` is k1 of OpenCV's model, focal length equal to the image width."""

    distortion: float = Field(0, ge=-0.2, le=0.2)
    smudges: int = Field(0, ge=0, le=40)
    drops: int = Field(0, ge=0, le=60)
    haze: Share = Field(0.75, description="opacity of a smudge at its centre")


class Skirt(Part):
    """The plates beside the belt; they lean outwards, so material hides their marks from below."""

    height_mm: Positive = 220
    plate_mm: float = Field(17, ge=5, le=80, description="width of the plate seen from above")


class EncoderWheel(Part):
    """The measuring wheel that counts the belt's travel."""

    counts_per_mm: float = Field(4.0, gt=0, le=1000)
    rate_hz: float = Field(100, gt=0, le=2000, description="samples per second")
    jitter_us: float = Field(200, ge=0, le=10_000, description="sigma of the timestamps")
    slip: float = Field(
        0.002, ge=0, le=0.5, description="mean share of the travel that is not counted"
    )
    start: int = Field(0, ge=0)
    wraps_at: int = Field(2**32, ge=16, le=2**64)

    @model_validator(mode="after")
    def _start_below_wrap(self) -> Self:
        if self.start >= self.wraps_at:
            raise ValueError(f"start ({self.start}) must be below wraps_at ({self.wraps_at})")
        return self


class SpeedChange(Part):
    """From `at_s`, the belt changes to `speed_mm_s` within `over_s`; it never runs backwards.

    `ordered`: the run signal from then on; default: true if the speed is above 0.
    """

    at_s: float = Field(ge=0)
    speed_mm_s: float = Field(ge=0, le=4000)
    over_s: float = Field(0.8, ge=0)
    ordered: bool | None = None


class ActionPoint(Part):
    """An action point of the line, as its profile names it."""

    name: str = Field(min_length=1)
    y_mm: float
    acting_ms: float = Field(1000, ge=0)


class Gate(Part):
    """A bar across the belt that holds material back while the belt runs below it."""

    y_mm: float = Field(description="its position, from the view's upstream end")
    from_s: float = Field(ge=0)
    until_s: Positive
    coverage: float = Field(
        0.4, gt=0, le=0.9, description="coverage of the belt that brings the material"
    )

    @model_validator(mode="after")
    def _until_after_from(self) -> Self:
        if self.until_s <= self.from_s:
            raise ValueError(f"until_s ({self.until_s:g}) must be above from_s ({self.from_s:g})")
        return self


class HeldObject(Part):
    """An object that arrives with the belt, stops at `y_mm` for a while and continues."""

    y_mm: float
    x_mm: float
    from_s: float = Field(ge=0)
    until_s: Positive
    every_s: Positive | None = Field(None, description="arrives again after this time")
    size_mm: tuple[Positive, Positive] | None = Field(None, description="length and width")

    @model_validator(mode="after")
    def _until_after_from(self) -> Self:
        if self.until_s <= self.from_s:
            raise ValueError(f"until_s ({self.until_s:g}) must be above from_s ({self.from_s:g})")
        if self.every_s is not None and self.every_s <= self.until_s:
            raise ValueError(f"every_s ({self.every_s:g}) must be above until_s ({self.until_s:g})")
        return self


class Film(HeldObject):
    """A film caught on an obstacle: stationary in the image, and fluttering."""

    flutter_mm: float = Field(14, ge=0, le=100)


class Roller(HeldObject):
    """A can that rolls in place, as cans do before a step."""

    wander_mm: float = Field(70, ge=0, le=500)


class Arm(Part):
    """A picker reaches in, from the belt's near (right) or far (left) side."""

    at_s: float = Field(ge=0)
    for_s: Positive = 1.4
    every_s: Positive | None = Field(None, description="reaches in again after this time")
    y_mm: float
    x_mm: float
    side: Literal["near", "far"] = "near"
