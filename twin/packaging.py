"""Waste that holds its shape or lost it: bottles, cans, cartons, trays, jugs.

Sizes: as sold in Europe (0.5 to 1.5 l PET, 330 to 500 ml drink cans, 400 to 800 g tins, 1 l to
parcel cartons).
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin import wear
from twin.labels import BLACK, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.noise import Field, clouds, creases, noise
from twin.shading import Colour, Grid, Surface, stack, surface
from twin.solids import Profile, blob, lathe, round_box, slab, standing

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "pet_bottle": (270.0, 78.0, 78.0),
    "pet_bottle_crushed": (230.0, 105.0, 35.0),
    "drink_can": (130.0, 60.0, 60.0),
    "drink_can_crushed": (105.0, 75.0, 30.0),
    "drink_can_end": (66.0, 66.0, 40.0),
    "carton_box": (250.0, 170.0, 90.0),
    "drink_carton": (195.0, 85.0, 60.0),
    "tray": (190.0, 135.0, 35.0),
    "milk_jug": (250.0, 150.0, 95.0),
    "tin_can": (110.0, 76.0, 76.0),
    "tin_can_end": (76.0, 76.0, 80.0),
}


def crumple(thing: Surface, folds: int, depth_mm: float, rng: np.random.Generator) -> Surface:
    """Breaks the surface into facets and lowers its rim, so that it lies as a flattened shell."""
    thing.height_mm += np.float32(depth_mm) * creases(thing.grid.shape, folds, 0.1, rng)
    return thing


def _mound(grid: Grid, mask: Field, high_mm: float) -> Field:
    """A flat heap over `mask`: high in the middle, falling to its edge over a sixth of its width."""
    far = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 3) / grid.scale
    rise = np.clip(far / max(0.22 * grid.width_mm, 1.0), 0, 1)
    return np.asarray(np.float32(high_mm) * np.sqrt(1 - (1 - rise) ** 2), np.float32)


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


def _label(length: float, around: float, scale: float, rng: np.random.Generator) -> Print:
    """The sleeve of a drink: name, picture, stripes, barcode, twice round."""
    base = any_colour(rng)
    art = Print(length, around, scale, base)
    accent = any_colour(rng)
    for k in range(2):
        y = k * around / 2
        if rng.random() < 0.6:
            art.disc(
                rng.uniform(0.2, 0.8) * length,
                y + around * 0.25,
                around * rng.uniform(0.08, 0.2),
                accent,
            )
        ink = ink_on(base, rng)
        if rng.random() < 0.5:
            art.text(
                brand(rng),
                (length * 0.06, y + around * 0.1, length * 0.94, y + around * 0.3),
                ink,
                rng,
            )
        else:
            art.text(
                brand(rng),
                (length * 0.25, y + 2, length * 0.7, y + around * 0.4),
                ink,
                rng,
                turned=True,
            )
        art.small_print(
            (length * 0.1, y + around * 0.36, length * 0.5, y + around * 0.47), ink, rng
        )
        art.barcode(length * 0.6, y + around * 0.37, length * 0.85, y + around * 0.46, rng)
    if rng.random() < 0.5:
        art.rect(0, 0, length * 0.08, around, accent)
        art.rect(length * 0.92, 0, length, around, accent)
    return art


def _pet(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    colour, opacity = _clear(rng)
    neck = half - 22
    shape: Profile = (
        (-half, radius * 0.8), (-half + 6, radius * 0.97), (-half + 20, radius), (length * 0.1, radius),
        (length * 0.22, radius * 0.95), (length * 0.32, radius * 0.7), (neck, 13.5), (half, 13.5),
    )  # fmt: skip
    bottle = lathe(grid, shape, colour, gloss=0.9, smooth_mm=6, opacity=opacity)
    ribs = np.cos(grid.x_mm * np.float32(2 * np.pi / rng.uniform(9, 22))) * np.float32(
        rng.uniform(0.2, 1.0)
    )
    bottle.height_mm += ribs * (grid.x_mm < length * 0.2)
    if rng.random() < 0.75:
        start = rng.uniform(-0.3, -0.1) * length
        end = start + rng.uniform(0.2, 0.36) * length
        wrap: Profile = ((start, radius * 1.0), (end, radius * 1.0))
        art = _label(end - start, 2 * np.pi * radius, grid.scale, rng)
        stack(bottle, lathe(grid, wrap, art, gloss=0.5, roll=rng.random(), smooth_mm=0))
    if rng.random() < 0.8:
        cap: Profile = ((half - 17, 14.5), (half - 1, 14.5), (half, 13))
        stack(bottle, lathe(grid, cap, any_colour(rng), gloss=0.3, smooth_mm=0.5))
    crumple(bottle, 8, rng.uniform(1, 5), rng)
    return wear.use(bottle, rng)


def _crushed_pet(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half = length / 2
    colour, opacity = _clear(rng)
    waist = rng.uniform(0.75, 1.0)
    shape: Profile = (
        (-half, width * 0.4), (-half + 12, width * 0.48), (-length * 0.1, width * 0.5 * waist), (length * 0.12, width * 0.48),
        (length * 0.3, width * 0.33), (half - 24, 15), (half, 14),
    )  # fmt: skip
    bottle = lathe(grid, shape, colour, gloss=1.0, smooth_mm=10, opacity=opacity)
    bottle.height_mm *= np.float32(0.4)
    start, end = -0.25 * length, rng.uniform(-0.02, 0.12) * length
    if rng.random() < 0.7:
        wrap: Profile = ((start, width * 0.48 * waist), (end, width * 0.49 * waist))
        art = _label(end - start, np.pi * width * 0.9, grid.scale, rng)
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
    return wear.use(bottle, rng)


def _can(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    shape: Profile = (
        (-half, radius * 0.72), (-half + 6, radius * 0.95), (-half + 9, radius), (half - 12, radius),
        (half - 3, radius * 0.84), (half - 2.5, radius * 0.88), (half, radius * 0.88),
    )  # fmt: skip
    can = lathe(grid, shape, STEEL, metal=0.9, gloss=0.8, smooth_mm=1)
    art = _label(length - 12, 2 * np.pi * radius, grid.scale, rng)
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
    return wear.use(can, rng)


def _crushed_can(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    mask = blob(grid, rng, 16, 0.2)
    art = _label(length, width, grid.scale, rng)
    art.art[..., 3] = 190
    if rng.random() < 0.6:
        art.rect(length * 0.86, 0, length, width, STEEL, 0.95)
    body = slab(grid, (length, width, 20), art, gloss=0.8)
    body.height_mm = _mound(grid, mask, rng.uniform(8, 16))
    body.inside = mask
    crumple(body, int(rng.integers(12, 22)), rng.uniform(10, 18), rng)
    body.height_mm += np.float32(2) * noise(grid.shape, 7 * grid.scale, rng)
    return wear.use(body, rng)


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
    end = standing(grid, profile, STEEL, metal=0.92, gloss=0.8)
    outer = standing(grid, ((0, 0), (radius, 20)), any_colour(rng), metal=0.5, gloss=0.7)
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
    return wear.use(end, rng)


def _box(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    kraft = tint(rng.uniform(0.08, 0.1), rng.uniform(0.28, 0.42), rng.uniform(0.5, 0.72))
    plain = rng.random() < 0.55
    paper = kraft if plain else any_colour(rng)
    art = Print(length, width, grid.scale, paper)
    ink = tint(0.08, 0.5, 0.25) if plain else ink_on(paper, rng)
    if plain:
        if rng.random() < 0.7:  # tape over the flaps' joint
            tape = tint(0.09, rng.uniform(0.2, 0.55), rng.uniform(0.55, 0.8))
            art.rect(0, width / 2 - 24, length, width / 2 + 24, tape)
        art.rect(0, width / 2 - 0.5, length, width / 2 + 0.7, tint(0.08, 0.5, 0.22))
        if rng.random() < 0.6:
            art.rect(length * 0.1, width * 0.08, length * 0.45, width * 0.4, WHITE)
            art.barcode(length * 0.13, width * 0.12, length * 0.4, width * 0.24, rng)
            art.small_print((length * 0.13, width * 0.27, length * 0.42, width * 0.38), BLACK, rng)
        art.text(brand(rng), (length * 0.55, width * 0.65, length * 0.92, width * 0.9), ink, rng)
    else:
        for _ in range(int(rng.integers(1, 4))):
            art.disc(
                rng.uniform(0, length),
                rng.uniform(0, width),
                rng.uniform(0.1, 0.4) * width,
                any_colour(rng),
            )
        art.text(brand(rng), (length * 0.08, width * 0.2, length * 0.92, width * 0.55), ink, rng)
        art.small_print((length * 0.1, width * 0.65, length * 0.5, width * 0.9), ink, rng)
        art.barcode(length * 0.7, width * 0.7, length * 0.94, width * 0.92, rng)
    box = slab(grid, (length, width, 60), art, corner=2.5, bevel=3.5, gloss=0.08 if plain else 0.35)
    crumple(box, int(rng.integers(3, 9)), rng.uniform(2, 14), rng)
    if plain:
        box.height_mm += np.float32(0.12) * np.sin(grid.x_mm * np.float32(2 * np.pi / 6.5))
    return wear.use(box, rng)


def _drink_carton(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    art = _label(length, width * 2, grid.scale, rng)
    carton = slab(grid, (length, width, 55), art, corner=2, bevel=3, gloss=0.45)
    gable = np.clip((grid.x_mm - np.float32(length * 0.28)) / np.float32(length * 0.22), 0, 1)
    carton.height_mm -= np.float32(26) * gable
    if rng.random() < 0.6:
        x = length * 0.36
        stack(
            carton,
            standing(
                grid,
                ((0, 48), (11, 48), (13, 44), (14, 38)),
                any_colour(rng),
                gloss=0.4,
                centre_mm=(x, 0),
            ),
        )
    crumple(carton, 7, rng.uniform(3, 16), rng)
    return wear.use(carton, rng)


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
    return wear.use(tray, rng)


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
        art = _label(width * 0.55, width * 1.2, grid.scale, rng)
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
    return wear.use(jug, rng)


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
        art = _label(length - 8, 2 * np.pi * radius, grid.scale, rng)
        stack(can, lathe(grid, wrap, art, gloss=0.25, roll=rng.random(), smooth_mm=0))
    wear.dents(can, int(rng.integers(0, 4)), 7, rng)
    if rng.random() < 0.35:
        wear.rust(can, rng.uniform(0.1, 0.7), rng)
    return wear.use(can, rng)


def _tin_end(length: float, _width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius = length / 2
    if rng.random() < 0.5:  # open: one looks into it
        profile = ((0, 0), (radius * 0.8, 0), (radius * 0.9, 70), (radius * 0.93, 78), (radius, 78))
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
    can = standing(grid, profile, STEEL, metal=0.9, gloss=0.7)
    if profile[0][1] == 0:
        distance = np.sqrt(grid.x_mm**2 + grid.y_mm**2) / np.float32(radius)
        can.colour *= (
            np.clip(0.25 + 0.5 * distance**3, 0, 1)[..., None] * (distance < 0.9)[..., None]
            + (distance >= 0.9)[..., None]
        )
    if rng.random() < 0.4:
        wear.rust(can, rng.uniform(0.1, 0.6), rng)
    return wear.use(can, rng)


def package(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one package, its size varied as sizes on sale vary."""
    length, width, _ = SIZE_MM[kind]
    grow = (
        rng.uniform(0.75, 1.2)
        if kind not in ("drink_can", "drink_can_end")
        else rng.uniform(0.95, 1.1)
    )
    length *= grow * rng.uniform(0.9, 1.1)
    width *= grow
    if kind == "carton_box":
        length, width = length * rng.uniform(0.5, 1.5), width * rng.uniform(0.5, 1.4)
    if kind.endswith("_end"):
        width = length
    length, width = max(length, width), min(length, width)
    grid = Grid(length, width, px_per_mm)
    return DRAWN[kind](length, width, grid, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "pet_bottle": _pet,
    "pet_bottle_crushed": _crushed_pet,
    "drink_can": _can,
    "drink_can_crushed": _crushed_can,
    "drink_can_end": _can_end,
    "carton_box": _box,
    "drink_carton": _drink_carton,
    "tray": _tray,
    "milk_jug": _milk_jug,
    "tin_can": _tin,
    "tin_can_end": _tin_end,
}
