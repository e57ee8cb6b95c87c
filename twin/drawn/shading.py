"""Shading: from a surface (height, colour, material) to a lit image.

An object is a height field seen from straight above. Its normals are lit by one key lamp, a soft
sky and, for metal and gloss, a reflected hall: dark, with two rows of lamps along the ceiling.
"""

from dataclasses import dataclass, field
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import Field

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """The fine grid on which one object is drawn, `fine` times finer than the output image.

    `x_mm` is `(1, w)`, `y_mm` `(h, 1)`, float32, origin at the object's centre, x along its length.
    A margin of one output pixel surrounds `length_mm` x `width_mm`.
    """

    length_mm: float
    width_mm: float
    px_per_mm: float
    fine: int = field(init=False)
    x_mm: Field = field(init=False)
    y_mm: Field = field(init=False)

    def __post_init__(self) -> None:
        wide = ceil(self.length_mm * self.px_per_mm) + 2
        high = ceil(self.width_mm * self.px_per_mm) + 2
        # Small objects need the finest edges and are cheap to draw.
        fine = 4 if wide * high < 3_000 else 3 if wide * high < 20_000 else 2
        step_mm = 1.0 / (self.px_per_mm * fine)
        x = (np.arange(wide * fine, dtype=np.float32) - (wide * fine - 1) / 2) * step_mm
        y = (np.arange(high * fine, dtype=np.float32) - (high * fine - 1) / 2) * step_mm
        object.__setattr__(self, "fine", fine)
        object.__setattr__(self, "x_mm", x[None, :].astype(np.float32))
        object.__setattr__(self, "y_mm", y[:, None].astype(np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        return self.y_mm.shape[0], self.x_mm.shape[1]

    @property
    def scale(self) -> float:
        """Fine pixels per mm."""
        return self.px_per_mm * self.fine

    def at(self, x_mm: float, y_mm: float) -> tuple[int, int]:
        """The fine pixel (column, row) of a point in mm."""
        height, width = self.shape
        return (
            round((width - 1) / 2 + x_mm * self.scale),
            round((height - 1) / 2 + y_mm * self.scale),
        )


@dataclass
class Surface:
    """The visible surface on a `Grid` of shape `(h, w)`; every field float32.

    `height_mm` above the belt; `inside` 0..1 the outline; `colour` `(h, w, 3)` BGR 0..1, sRGB;
    `metal`, `gloss` 0..1; `opacity` 0..1, below 1 for film and clear PET.
    """

    grid: Grid
    height_mm: Field
    inside: Field
    colour: NDArray[np.float32]
    metal: Field
    gloss: Field
    opacity: Field


def surface(
    grid: Grid,
    height_mm: Field,
    inside: Field,
    colour: Colour | NDArray[np.float32],
    *,
    metal: float | Field = 0.0,
    gloss: float | Field = 0.2,
    opacity: float | Field = 1.0,
) -> Surface:
    """A surface whose uniform properties are given as scalars."""

    def as_field(value: float | Field) -> Field:
        return np.array(np.broadcast_to(np.asarray(value, np.float32), grid.shape))

    painted = np.array(
        np.broadcast_to(np.asarray(colour, np.float32), (*grid.shape, 3)), dtype=np.float32
    )
    return Surface(
        grid,
        as_field(height_mm),
        as_field(inside),
        painted,
        as_field(metal),
        as_field(gloss),
        as_field(opacity),
    )


def stack(base: Surface, part: Surface) -> Surface:
    """Places `part` on top of `base` (same grid), in place; returns `base`."""
    over = part.inside
    base.height_mm += over * (part.height_mm - base.height_mm)
    base.colour += over[..., None] * (part.colour - base.colour)
    for name in ("metal", "gloss", "opacity"):
        below: Field = getattr(base, name)
        below += over * (getattr(part, name) - below)
    np.maximum(base.inside, over, out=base.inside)
    return base


def normals(height_mm: Field, scale: float) -> tuple[Field, Field, Field]:
    """Unit normals (x, y, z) of a height field with `scale` pixels per mm."""
    slope = np.float32(scale / 2)
    along = np.empty_like(height_mm)
    across = np.empty_like(height_mm)
    along[:, 1:-1] = (height_mm[:, :-2] - height_mm[:, 2:]) * slope
    along[:, 0], along[:, -1] = along[:, 1], along[:, -2]
    across[1:-1] = (height_mm[:-2] - height_mm[2:]) * slope
    across[0], across[-1] = across[1], across[-2]
    long = np.sqrt(along * along + across * across + np.float32(1.0))
    up = np.asarray(np.float32(1.0) / long, np.float32)
    return np.asarray(along * up), np.asarray(across * up), up


def hall(x: Field, y: Field, z: Field, lamps: tuple[float, float], blur: float) -> Field:
    """Light from direction (x, y, z): a dark hall with two rows of lamps."""
    cos_a, sin_a = lamps
    side = x * np.float32(cos_a) + y * np.float32(sin_a)
    light = np.float32(0.16) + np.float32(0.34) * np.clip(z, 0, 1)
    for place, strength, width in ((0.34, 1.5, 0.10), (-0.46, 0.9, 0.14)):
        spread = np.float32(-1.0 / (width + blur) ** 2)
        light += (
            np.float32(strength * width / (width + blur))
            * np.exp(spread * (side - np.float32(place)) ** 2)
            * (z > -0.2)
        )
    return np.asarray(light, dtype=np.float32)


def shade(obj: Surface, light_deg: float, rng: np.random.Generator) -> Image:
    """The lit object at the scale of the output image: uint8 BGRA `(h, w, 4)`.

    `light_deg` is the direction of the key lamp, 0 = +x, clockwise as y points down. Light is
    computed in linear light (screen value squared) and converted back by the square root.
    """
    grid = obj.grid
    x, y, z = normals(obj.height_mm, grid.scale)
    lean = rng.uniform(0.42, 0.6)
    lamp = (cos(radians(light_deg)) * lean, sin(radians(light_deg)) * lean, (1 - lean**2) ** 0.5)
    facing = np.clip(
        x * np.float32(lamp[0]) + y * np.float32(lamp[1]) + z * np.float32(lamp[2]), 0, 1
    )
    diffuse = np.float32(0.16) + np.float32(0.24) * z + np.float32(0.72) * facing
    reach_px = max(3, int(2 * grid.scale) | 1)
    hollow = cv2.blur(obj.height_mm, (reach_px, reach_px)) - obj.height_mm
    diffuse *= np.clip(np.float32(1.0) - np.float32(0.22) * hollow, 0.45, 1.15)

    half = np.array((lamp[0], lamp[1], lamp[2] + 1.0))
    half /= np.linalg.norm(half)
    aligned = np.clip(
        x * np.float32(half[0]) + y * np.float32(half[1]) + z * np.float32(half[2]), 0, 1
    )
    # Two fixed powers by squaring: np.power costs ten times as much.
    soft = aligned**2
    soft = soft * soft * soft
    soft = soft * soft
    sharp = soft * soft
    sharp = sharp * sharp
    shine = obj.gloss * (np.float32(0.10) * soft + np.float32(0.75) * obj.gloss * sharp)

    twice = np.float32(2.0) * z
    mirror = hall(
        x * twice,
        y * twice,
        z * twice - np.float32(1.0),
        (lamp[0] / lean, lamp[1] / lean),
        rng.uniform(0.0, 0.12),
    )
    rim = np.float32(1.0) - z
    fresnel = obj.gloss * (np.float32(0.06) + np.float32(0.35) * rim * rim * rim)

    linear = obj.colour * obj.colour
    light = diffuse * (np.float32(1.0) - np.float32(0.8) * obj.metal) + obj.metal * mirror
    white = shine + fresnel * mirror
    lit = linear * light[..., None] + white[..., None]

    opacity = obj.opacity + (np.float32(1.0) - obj.opacity) * np.clip(
        np.float32(0.55) * rim + white * np.float32(1.6), 0, 1
    )
    alpha = obj.inside * opacity
    rim_px = grid.fine  # the image's outermost pixel is margin, whatever was drawn
    alpha[:rim_px] = alpha[-rim_px:] = 0
    alpha[:, :rim_px] = alpha[:, -rim_px:] = 0
    return _to_image(lit, alpha, grid)


def _to_image(lit: NDArray[np.float32], alpha: Field, grid: Grid) -> Image:
    """Converts fine linear light and alpha to an image; colour is averaged by alpha."""
    height, width = (n // grid.fine for n in grid.shape)
    size = (width, height)
    premultiplied = np.dstack((lit * alpha[..., None], alpha))
    small = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA)
    cover = small[..., 3:]
    mean = small[..., :3].sum(axis=(0, 1)) / max(float(cover.sum()), 1e-6)
    # Outside the outline the mean colour is used, so that a later rotation draws no dark rim.
    colour = np.where(cover > 0.004, small[..., :3] / np.maximum(cover, 0.004), mean)
    # A soft shoulder instead of clipping preserves the colour of bright labels.
    colour = np.sqrt(np.where(colour > 0.7, 0.7 + 0.3 * np.tanh((colour - 0.7) / 0.3), colour))
    out = np.dstack((colour, np.clip(cover, 0, 1)))
    return np.asarray(np.clip(out * 255 + 0.5, 0, 255), dtype=np.uint8)
