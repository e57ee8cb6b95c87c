"""What the camera has to see through: light, wet belt, dirty lens; and what else is measured."""

from typing import Literal, Self

from pydantic import Field, model_validator

from twin.line.parts import Part, Positive, Share


class LightChange(Part):
    """From `at_s` on, within `over_s`, the lamps go to `level`."""

    at_s: float = Field(ge=0)
    level: float = Field(gt=0, le=2)
    over_s: float = Field(1.0, ge=0)


class Light(Part):
    """The lamps. 1 is the hall's usual light; a night shift has 0.3 and a noisier camera."""

    level: float = Field(1.0, gt=0, le=2)
    gradient_along: float = Field(0, ge=-0.8, le=0.8, description="brighter downstream, share")
    gradient_across: float = Field(0, ge=-0.8, le=0.8, description="brighter at the right, share")
    drift: float = Field(0, ge=0, le=0.5, description="share by which the light comes and goes")
    drift_s: Positive = 300
    changes: tuple[LightChange, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for before, after in zip(self.changes, self.changes[1:], strict=False):
            if after.at_s < before.at_s + before.over_s:
                raise ValueError(
                    f"changes: the one at {after.at_s:g} s begins before the one at "
                    f"{before.at_s:g} s is over"
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
    """Water on the belt: darker rubber, and the lamps' mirror images, which stay with the lamps."""

    amount: Share = 0.7
    lamps: int = Field(3, ge=1, le=12)
    swing_px: float = Field(6, ge=0, le=100, description="how far the lamps sway in the picture")


class Lens(Part):
    """The lens; `distortion` is k1 of OpenCV's model for a focal length of the image's width."""

    distortion: float = Field(0, ge=-0.2, le=0.2)
    smudges: int = Field(0, ge=0, le=40)
    drops: int = Field(0, ge=0, le=60)
    haze: Share = Field(0.75, description="how opaque a smudge is at its middle")


class Skirt(Part):
    """The plates beside the belt; they lean outwards, so material hides their marks from below."""

    height_mm: Positive = 220
    plate_mm: float = Field(17, ge=5, le=80, description="width of the plate as seen from above")


class EncoderWheel(Part):
    """The wheel that counts the belt's travel."""

    counts_per_mm: float = Field(4.0, gt=0, le=1000)
    rate_hz: float = Field(100, gt=0, le=2000, description="samples per second")
    jitter_us: float = Field(200, ge=0, le=10_000, description="sigma of the stamps")
    slip: float = Field(0.002, ge=0, le=0.5, description="mean share of the travel not counted")
    start: int = Field(0, ge=0)
    wraps_at: int = Field(2**32, ge=16, le=2**64)

    @model_validator(mode="after")
    def _starts_below_its_wrap(self) -> Self:
        if self.start >= self.wraps_at:
            raise ValueError(f"start ({self.start}) must lie below wraps_at ({self.wraps_at})")
        return self


class SpeedChange(Part):
    """From `at_s` on, within `over_s`, the belt goes to `speed_mm_s`; it never runs backwards.

    `ordered`: whether the plant's controls want the belt to run then; left out, it is as they want.
    """

    at_s: float = Field(ge=0)
    speed_mm_s: float = Field(ge=0, le=4000)
    over_s: float = Field(0.8, ge=0)
    ordered: bool | None = None


class ActionPoint(Part):
    """Where somebody can act, as the line's profile names it."""

    name: str = Field(min_length=1)
    y_mm: float
    acting_ms: float = Field(1000, ge=0)


class Gate(Part):
    """A bar across the belt that holds the material back while the belt runs on below it."""

    y_mm: float = Field(description="where it stands, from the view's upstream end")
    from_s: float = Field(ge=0)
    until_s: Positive
    coverage: float = Field(0.4, gt=0, le=0.9, description="of the belt that brings the material")

    @model_validator(mode="after")
    def _opens_after_it_closes(self) -> Self:
        if self.until_s <= self.from_s:
            raise ValueError(f"until_s ({self.until_s:g}) must be above from_s ({self.from_s:g})")
        return self


class HeldObject(Part):
    """Something that comes with the belt, is held at `y_mm` for a while and goes on."""

    y_mm: float
    x_mm: float
    from_s: float = Field(ge=0)
    until_s: Positive
    every_s: Positive | None = Field(None, description="comes again after so long")
    size_mm: tuple[Positive, Positive] | None = Field(None, description="length and width")

    @model_validator(mode="after")
    def _goes_after_it_came(self) -> Self:
        if self.until_s <= self.from_s:
            raise ValueError(f"until_s ({self.until_s:g}) must be above from_s ({self.from_s:g})")
        if self.every_s is not None and self.every_s <= self.until_s:
            raise ValueError(f"every_s ({self.every_s:g}) must be above until_s ({self.until_s:g})")
        return self


class Film(HeldObject):
    """A film caught on something: it stands in the image and flutters."""

    flutter_mm: float = Field(14, ge=0, le=100)


class Roller(HeldObject):
    """A can that rolls on the spot, as cans do before a step."""

    wander_mm: float = Field(70, ge=0, le=500)


class Arm(Part):
    """A picker reaches in, from the belt's near (right) or far (left) side."""

    at_s: float = Field(ge=0)
    for_s: Positive = 1.4
    every_s: Positive | None = Field(None, description="reaches in again after so long")
    y_mm: float
    x_mm: float
    side: Literal["near", "far"] = "near"
