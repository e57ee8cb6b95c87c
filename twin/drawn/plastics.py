"""Plastic packages: PET bottles, trays, milk jugs.

Sizes: as sold in Europe (0.5 to 1.5 l PET).
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, STEEL, WHITE, any_colour, tint
from twin.drawn.noise import clouds, noise
from twin.drawn.shading import Colour, Grid, Surface, stack, surface
from twin.drawn.sleeves import crumple, sleeve
from twin.drawn.solids import Profile, lathe, round_box, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "pet_bottle": (270.0, 78.0, 78.0),
    "pet_bottle_crushed": (230.0, 105.0, 35.0),
    "tray": (190.0, 135.0, 35.0),
    "milk_jug": (250.0, 150.0, 95.0),
}


def _clear(rng: np.random.Generator) -> tuple[Colour, float]:
    """Colour and opacity of PET: clear, bluish, green, brown, white."""
    pick = rng.random()
    if pick < 0.6:
        return tint(rng.uniform(0.5, 0.6), rng.uniform(0.0, 0.15), 0.75), rng.uniform(0.18, 0.35)
    if pick < 0.8:
        return tint(rng.uniform(0.28, 0.6), rng.uniform(0.4, 0.8), 0.6), rng.uniform(0.4, 0.6)
    if pick < 0.9:
        return tint(0.08, 0.7, 0.35), 0.6
    return WHITE, 0.92


def _pet(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    colour, opacity = _clear(rng)
    neck = half - 22
    shape: Profile = (
        (-half, radius * 0.8),
        (-half + 6, radius * 0.97),
        (-half + 20, radius),
        (length * 0.1, radius),
        (length * 0.22, radius * 0.95),
        (length * 0.32, radius * 0.7),
        (neck, 13.5),
        (half, 13.5),
    )
    bottle = lathe(grid, shape, colour, gloss=0.9, smooth_mm=6, opacity=opacity)
    ribs = np.cos(grid.x_mm * np.float32(2 * np.pi / rng.uniform(9, 22))) * np.float32(
        rng.uniform(0.2, 1.0)
    )
    bottle.height_mm += ribs * (grid.x_mm < length * 0.2)
    if rng.random() < 0.75:
        start = rng.uniform(-0.3, -0.1) * length
        end = start + rng.uniform(0.2, 0.36) * length
        wrap: Profile = ((start, radius * 1.0), (end, radius * 1.0))
        art = sleeve(end - start, 2 * np.pi * radius, grid.scale, rng)
        stack(bottle, lathe(grid, wrap, art, gloss=0.5, roll=rng.random(), smooth_mm=0))
    if rng.random() < 0.8:
        cap: Profile = ((half - 17, 14.5), (half - 1, 14.5), (half, 13))
        stack(bottle, lathe(grid, cap, any_colour(rng), gloss=0.3, smooth_mm=0.5))
    crumple(bottle, 8, rng.uniform(1, 5), rng)
    return wear.apply_wear(bottle, rng)


def _crushed_pet(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half = length / 2
    colour, opacity = _clear(rng)
    waist = rng.uniform(0.75, 1.0)
    shape: Profile = (
        (-half, width * 0.4),
        (-half + 12, width * 0.48),
        (-length * 0.1, width * 0.5 * waist),
        (length * 0.12, width * 0.48),
        (length * 0.3, width * 0.33),
        (half - 24, 15),
        (half, 14),
    )
    bottle = lathe(grid, shape, colour, gloss=1.0, smooth_mm=10, opacity=opacity)
    bottle.height_mm *= np.float32(0.4)
    start, end = -0.25 * length, rng.uniform(-0.02, 0.12) * length
    if rng.random() < 0.7:
        wrap: Profile = ((start, width * 0.48 * waist), (end, width * 0.49 * waist))
        art = sleeve(end - start, np.pi * width * 0.9, grid.scale, rng)
        part = lathe(grid, wrap, art, gloss=0.5, roll=rng.random(), smooth_mm=0)
        part.height_mm *= np.float32(0.4)
        stack(bottle, part)
    crumple(bottle, int(rng.integers(14, 26)), rng.uniform(16, 30), rng)
    bottle.height_mm += np.float32(3) * clouds(grid.shape, 16 * grid.scale, rng, 2)
    if rng.random() < 0.7:
        cap: Profile = ((half - 16, 14.5), (half, 14.5))
        stack(bottle, lathe(grid, cap, any_colour(rng), gloss=0.3))
    wander = noise(grid.shape, 26 * grid.scale, rng)
    bottle.inside *= (np.abs(grid.y_mm) < np.float32(width / 2) * (0.82 + 0.3 * wander)).astype(
        np.float32
    )
    return wear.apply_wear(bottle, rng)


def _tray(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    pick = rng.random()
    colour, opacity, metal = (
        (BLACK, 1.0, 0.0)
        if pick < 0.3
        else (WHITE, 0.95, 0.0)
        if pick < 0.55
        else (STEEL, 1.0, 0.9)
        if pick < 0.7
        else (tint(rng.uniform(0.4, 0.6), 0.15, 0.75), rng.uniform(0.25, 0.45), 0.0)
    )
    distance = round_box(grid, length, width, width * 0.14)
    depth = rng.uniform(14, 30)
    height = np.interp(
        -distance, (0, 1.0, 7, 8, 17, 19), (depth, depth + 1.5, depth + 1, depth - 1, 3, 1)
    ).astype(np.float32)
    height += np.float32(1.2) * np.cos(grid.y_mm * np.float32(2 * np.pi / 12)) * (distance < -20)
    tray = surface(
        grid,
        height,
        (distance < 0).astype(np.float32),
        colour,
        metal=metal,
        gloss=0.7,
        opacity=opacity,
    )
    crumple(tray, 7, rng.uniform(2, 12), rng)
    return wear.apply_wear(tray, rng)


def _milk_jug(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    body_long = length * 0.8
    hdpe: Colour = (0.8, 0.84, 0.84) if rng.random() < 0.8 else any_colour(rng)
    x0 = -(length - body_long) / 2
    jug = slab(
        grid,
        (body_long, width, 60),
        hdpe,
        corner=width * 0.3,
        bevel=width * 0.25,
        gloss=0.4,
        opacity=0.95,
        centre_mm=(x0, 0),
    )
    neck: Profile = (
        (body_long / 2 + x0 - 30, width * 0.3),
        (length / 2 - 18, 18),
        (length / 2, 17),
    )
    stack(jug, lathe(grid, neck, hdpe, gloss=0.4, smooth_mm=4))
    if rng.random() < 0.7:
        cap: Profile = ((length / 2 - 14, 19), (length / 2, 18))
        stack(jug, lathe(grid, cap, any_colour(rng), gloss=0.3))
    if rng.random() < 0.7:
        art = sleeve(width * 0.55, width * 1.2, grid.scale, rng)
        sticker = slab(
            grid,
            (width * 0.55, width * 0.6, 60),
            art,
            corner=4,
            bevel=1,
            gloss=0.4,
            centre_mm=(x0 - 10, 0),
        )
        sticker.height_mm = jug.height_mm.copy()
        stack(jug, sticker)
    crumple(jug, int(rng.integers(6, 16)), rng.uniform(10, 34), rng)
    return wear.apply_wear(jug, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "pet_bottle": _pet,
    "pet_bottle_crushed": _crushed_pet,
    "tray": _tray,
    "milk_jug": _milk_jug,
}
