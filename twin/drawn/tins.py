"""Metal packages: drink cans and food tins, whole, crushed and upright.

Sizes: as sold in Europe (330 to 500 ml cans, 400 to 800 g tins).
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin.drawn import wear
from twin.drawn.labels import STEEL, any_colour
from twin.drawn.noise import Field, noise
from twin.drawn.shading import Grid, Surface, stack
from twin.drawn.sleeves import crumple, sleeve
from twin.drawn.solids import Profile, blob, lathe, lathe_upright, round_box, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "drink_can": (130.0, 60.0, 60.0),
    "drink_can_crushed": (105.0, 75.0, 30.0),
    "drink_can_end": (66.0, 66.0, 40.0),
    "tin_can": (110.0, 76.0, 76.0),
    "tin_can_end": (76.0, 76.0, 80.0),
}


def _mound(grid: Grid, mask: Field, high_mm: float) -> Field:
    """A flat mound over `mask`: high in the middle, falling towards its edge."""
    far = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 3) / grid.scale
    rise = np.clip(far / max(0.22 * grid.width_mm, 1.0), 0, 1)
    return np.asarray(np.float32(high_mm) * np.sqrt(1 - (1 - rise) ** 2), np.float32)


def _can(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    shape: Profile = (
        (-half, radius * 0.72),
        (-half + 6, radius * 0.95),
        (-half + 9, radius),
        (half - 12, radius),
        (half - 3, radius * 0.84),
        (half - 2.5, radius * 0.88),
        (half, radius * 0.88),
    )
    can = lathe(grid, shape, STEEL, metal=0.9, gloss=0.8, smooth_mm=1)
    art = sleeve(length - 12, 2 * np.pi * radius, grid.scale, rng)
    art.art[..., 3] = 190 if rng.random() < 0.7 else 60  # ink over aluminium
    wrap: Profile = (
        (-half + 7, radius * 0.97),
        (-half + 9, radius),
        (half - 12, radius),
        (half - 5, radius * 0.88),
    )
    stack(can, lathe(grid, wrap, art, gloss=0.7, roll=rng.random(), smooth_mm=0))
    crumple(can, 6, rng.uniform(0, 6), rng)
    wear.dents(can, int(rng.integers(0, 5)), 6, rng)
    return wear.apply_wear(can, rng)


def _crushed_can(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    mask = blob(grid, rng, 16, 0.2)
    art = sleeve(length, width, grid.scale, rng)
    art.art[..., 3] = 190
    if rng.random() < 0.6:
        art.rect(length * 0.86, 0, length, width, STEEL, 0.95)
    body = slab(grid, (length, width, 20), art, gloss=0.8)
    body.height_mm = _mound(grid, mask, rng.uniform(8, 16))
    body.inside = mask
    crumple(body, int(rng.integers(12, 22)), rng.uniform(10, 18), rng)
    body.height_mm += np.float32(2) * noise(grid.shape, 7 * grid.scale, rng)
    return wear.apply_wear(body, rng)


def _can_end(length: float, _width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius = length / 2
    profile = (
        (0, 30),
        (radius * 0.72, 30),
        (radius * 0.78, 28),
        (radius * 0.83, 28),
        (radius * 0.87, 33),
        (radius * 0.92, 33),
        (radius * 0.94, 28),
        (radius, 18),
    )
    end = lathe_upright(grid, profile, STEEL, metal=0.92, gloss=0.8)
    outer = lathe_upright(grid, ((0, 0), (radius, 20)), any_colour(rng), metal=0.5, gloss=0.7)
    distance = np.sqrt(grid.x_mm**2 + grid.y_mm**2)
    end.colour = np.where((distance > radius * 0.94)[..., None], outer.colour, end.colour)
    if rng.random() < 0.7:
        mouth = round_box(grid, 20, 15, 7.4, (radius * 0.42, 0)) < 0
        end.colour[mouth], end.metal[mouth], end.gloss[mouth] = 0.03, 0, 0
    tab = slab(
        grid,
        (24, 15, 32),
        STEEL,
        corner=7,
        bevel=2,
        metal=0.95,
        gloss=0.8,
        centre_mm=(-radius * 0.2, 0),
    )
    stack(end, tab)
    crumple(end, 5, rng.uniform(0, 5), rng)
    return wear.apply_wear(end, rng)


def _tin(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    shape: Profile = (
        (-half, radius),
        (-half + 2, radius),
        (-half + 2.5, radius * 0.96),
        (half - 2.5, radius * 0.96),
        (half - 2, radius),
        (half, radius),
    )
    can = lathe(grid, shape, STEEL, metal=0.9, gloss=0.7, smooth_mm=0.5)
    can.height_mm += (
        np.float32(0.5)
        * np.cos(grid.x_mm * np.float32(2 * np.pi / 6))
        * (np.abs(grid.x_mm) < length * 0.3)
    )
    if rng.random() < 0.65:
        wrap: Profile = ((-half + 4, radius * 0.965), (half - 4, radius * 0.965))
        art = sleeve(length - 8, 2 * np.pi * radius, grid.scale, rng)
        stack(can, lathe(grid, wrap, art, gloss=0.25, roll=rng.random(), smooth_mm=0))
    wear.dents(can, int(rng.integers(0, 4)), 7, rng)
    if rng.random() < 0.35:
        wear.rust(can, rng.uniform(0.1, 0.7), rng)
    return wear.apply_wear(can, rng)


def _tin_end(length: float, _width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius = length / 2
    if rng.random() < 0.5:  # open: its inside is visible
        profile: Profile = (
            (0, 0),
            (radius * 0.8, 0),
            (radius * 0.9, 70),
            (radius * 0.93, 78),
            (radius, 78),
        )
    else:
        profile = (
            (0, 70),
            (radius * 0.5, 70),
            (radius * 0.54, 71),
            (radius * 0.6, 70),
            (radius * 0.84, 70),
            (radius * 0.9, 77),
            (radius, 77),
        )
    can = lathe_upright(grid, profile, STEEL, metal=0.9, gloss=0.7)
    if profile[0][1] == 0:
        distance = np.sqrt(grid.x_mm**2 + grid.y_mm**2) / np.float32(radius)
        can.colour *= (
            np.clip(0.25 + 0.5 * distance**3, 0, 1)[..., None] * (distance < 0.9)[..., None]
            + (distance >= 0.9)[..., None]
        )
    if rng.random() < 0.4:
        wear.rust(can, rng.uniform(0.1, 0.6), rng)
    return wear.apply_wear(can, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "drink_can": _can,
    "drink_can_crushed": _crushed_can,
    "drink_can_end": _can_end,
    "tin_can": _tin,
    "tin_can_end": _tin_end,
}
