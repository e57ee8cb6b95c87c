"""Thick-walled gas containers: bottles of 5 to 6 kg, nitrous-oxide cylinders, fire extinguishers.

Sizes: bottles as sold in Europe (230 to 300 mm across, 400 to 490 mm high), nitrous oxide of 0.6 to
2 kg (80 mm across, 330 to 500 mm long), extinguishers of 2 to 6 kg.
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import wear
from twin.drawn.cartridges import gas_paint
from twin.drawn.extinguishers import extinguisher
from twin.drawn.labels import BLACK, BRASS, STEEL, WHITE, Print, any_colour, brand, ink_on
from twin.drawn.noise import noise
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import Profile, lathe, lathe_upright, round_box, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "gas_bottle": (455.0, 250.0, 250.0),
    "gas_bottle_upright": (250.0, 250.0, 455.0),
    "nitrous_cylinder": (480.0, 82.0, 82.0),
    "fire_extinguisher": (470.0, 170.0, 125.0),
}


def bottle_art(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    paint = gas_paint(rng)
    round_mm = 2 * np.pi * radius
    art = Print(length, round_mm, scale, paint)
    if rng.random() < 0.4:
        art.rect(length * 0.45, 0, length, round_mm, gas_paint(rng))
    ink = ink_on(paint, rng)
    for k in range(3):
        y = k * round_mm / 3
        art.text(brand(rng), (length * 0.15, y + 20, length * 0.7, y + round_mm * 0.16), ink, rng)
        if rng.random() < 0.7:
            art.rect(length * 0.2, y + round_mm * 0.2, length * 0.42, y + round_mm * 0.29, WHITE)
            art.flame_sign(length * 0.25, y + round_mm * 0.245, round_mm * 0.06)
            art.small_print(
                (length * 0.3, y + round_mm * 0.21, length * 0.41, y + round_mm * 0.28), BLACK, rng
            )
    return art


def _bottle_wear(obj: Surface, rng: np.random.Generator) -> Surface:
    """Wear of steel bottles after decades of use: chipped paint, rust at the welds, grime."""
    obj.height_mm += np.float32(0.7) * noise(obj.grid.shape, 26 * obj.grid.scale, rng)
    wear.dents(obj, int(rng.integers(0, 4)), 5, rng)
    wear.scratches(obj, int(rng.integers(10, 60)), rng, (0.45, 0.47, 0.5))
    wear.rust(obj, max(0.0, rng.normal(0.4, 0.25)), rng)
    wear.dirt(obj, max(0.1, rng.normal(0.45, 0.25)), rng)
    return obj


def _gas_bottle(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    collar_long, foot_long = 0.17 * length, 0.07 * length
    start, end = -half + foot_long, half - collar_long * 0.85
    dome = 0.42 * radius
    shape: Profile = (
        (start, radius * 0.55),
        (start + dome * 0.3, radius * 0.83),
        (start + dome, radius),
        (end - dome, radius),
        (end - dome * 0.55, radius * 0.93),
        (end - dome * 0.2, radius * 0.72),
        (end, radius * 0.4),
    )
    art = bottle_art(end - start, radius, grid.scale, rng)
    paint = tuple(float(v) / 255 for v in art.art[2, 2, :3])
    steel: Colour = (paint[0], paint[1], paint[2])
    collar: Profile = (
        (end - dome * 0.4, radius * 0.60),
        (half - 3, radius * 0.63),
        (half, radius * 0.6),
    )
    bottle = lathe(grid, collar, steel, gloss=0.35, smooth_mm=2)
    bottle.height_mm -= np.float32(radius * 0.25)
    for y in (-0.3, 0.3):  # hand holes in the collar
        hole = (
            round_box(
                grid, collar_long * 0.34, radius * 0.3, 8, (half - collar_long * 0.42, y * radius)
            )
            < 0
        )
        bottle.colour[hole] = 0.05
        bottle.height_mm[hole] -= 6
        bottle.gloss[hole] = 0
    foot: Profile = (
        (-half, radius * 0.74),
        (-half + 3, radius * 0.77),
        (start + dome * 0.5, radius * 0.77),
    )
    stack(bottle, lathe(grid, foot, steel, gloss=0.3, smooth_mm=2))
    stack(bottle, lathe(grid, shape, art, gloss=0.4, roll=rng.random(), smooth_mm=8))
    weld = np.exp(-(((grid.x_mm - np.float32((start + end) / 2)) / np.float32(3.5)) ** 2))
    bottle.height_mm += np.float32(2.0) * weld * (bottle.inside > 0)
    valve: Profile = (
        (end - 4, 16),
        (end + collar_long * 0.4, 13),
        (end + collar_long * 0.45, 9),
        (half - 8, 8),
    )
    brass = lathe(grid, valve, BRASS, metal=0.85, gloss=0.6)
    brass.inside *= np.float32(rng.random() < 0.5)  # half the time the collar's wall hides it
    stack(bottle, brass)
    return _bottle_wear(bottle, rng)


def _gas_bottle_upright(length: float, _w: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius = length / 2
    paint = gas_paint(rng)
    dome = tuple(
        (radius * t, 330 + radius * 0.6 * (1 - t * t) ** 0.5) for t in np.linspace(0, 0.97, 40)
    )
    bottle = lathe_upright(grid, (*dome, (radius, 320)), paint, gloss=0.45)
    top = 330 + radius * 0.6
    wall = radius * rng.uniform(0.55, 0.68)
    rim = lathe_upright(
        grid,
        ((0, top - 30), (wall - 5, top - 12), (wall - 4, top + 60), (wall, top + 60)),
        paint,
        gloss=0.35,
    )
    x, y = grid.x_mm, grid.y_mm
    distance = np.sqrt(x * x + y * y)
    ring = ((distance > wall - 5) & (distance < wall)).astype(np.float32)
    gap = np.abs(np.arctan2(y, x) - np.float32(rng.uniform(-2.5, 2.5))) > rng.uniform(0.2, 0.6)
    rim.inside = ring * gap.astype(np.float32)
    shadow = np.clip((distance - wall * 0.3) / (wall * 0.7), 0, 1) * (distance < wall)
    bottle.colour *= (1 - 0.55 * shadow)[..., None]
    stack(bottle, rim)
    stack(
        bottle,
        lathe_upright(
            grid,
            ((0, top + 45), (15, top + 44), (16, top + 20), (23, top + 18), (25, top)),
            BRASS,
            metal=0.85,
            gloss=0.6,
        ),
    )
    stack(
        bottle,
        slab(
            grid,
            (46, 17, top + 40),
            BRASS,
            corner=5,
            bevel=4,
            metal=0.85,
            gloss=0.6,
            centre_mm=(18, 0),
        ),
    )
    if rng.random() < 0.6:
        knob = lathe_upright(
            grid, ((0, top + 60), (14, top + 60), (17, top + 50)), any_colour(rng), gloss=0.3
        )
        stack(bottle, knob)
    return _bottle_wear(bottle, rng)


def _nitrous(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    neck = 0.07 * length
    shoulder = radius * 1.25
    shape: Profile = (
        (-half, radius * 0.7),
        (-half + 3, radius * 0.88),
        (-half + 10, radius),
        (half - neck - shoulder, radius),
        (half - neck - shoulder * 0.6, radius * 0.92),
        (half - neck - shoulder * 0.3, radius * 0.68),
        (half - neck, radius * 0.38),
        (half - neck + 0.5, 11),
        (half, 10),
    )
    pick = rng.random()
    paint: Colour = STEEL if pick < 0.2 else any_colour(rng)
    art = Print(length, 2 * np.pi * radius, grid.scale, paint, 0.75 if rng.random() < 0.5 else 0.1)
    round_mm = 2 * np.pi * radius
    accent = any_colour(rng)
    if rng.random() < 0.6:
        art.rect(length * 0.1, 0, length * rng.uniform(0.2, 0.6), round_mm, accent)
    for k in range(2):
        y = k * round_mm / 2
        art.text(
            brand(rng),
            (length * 0.16, y + round_mm * 0.05, length * 0.72, y + round_mm * 0.24),
            ink_on(paint, rng),
            rng,
        )
        art.text(
            str(rng.choice(("CREAM CHARGER", "N2O 640g", "XXL 2KG", "MAX", "TURBO"))),
            (length * 0.3, y + round_mm * 0.27, length * 0.65, y + round_mm * 0.36),
            ink_on(paint, rng),
            rng,
        )
        art.small_print(
            (length * 0.12, y + round_mm * 0.38, length * 0.5, y + round_mm * 0.47),
            ink_on(paint, rng),
            rng,
        )
    bottle = lathe(grid, shape, art, gloss=0.75, roll=rng.random(), smooth_mm=3)
    tip: Profile = ((half - neck, 13), (half - neck + 6, 12.5), (half - neck + 6.5, 9), (half, 8.5))
    stack(
        bottle,
        lathe(
            grid, tip, BRASS if rng.random() < 0.7 else BLACK, metal=0.8, gloss=0.6, smooth_mm=0.5
        ),
    )
    wear.dents(bottle, int(rng.integers(0, 3)), 3, rng)
    wear.scratches(bottle, int(rng.integers(0, 25)), rng)
    return wear.apply_wear(bottle, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "gas_bottle": _gas_bottle,
    "gas_bottle_upright": _gas_bottle_upright,
    "nitrous_cylinder": _nitrous,
    "fire_extinguisher": extinguisher,
}
