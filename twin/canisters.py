"""Gas canisters: cartridges, aerosol, bottles, nitrous-oxide cylinder, fire extinguisher.

Sizes: cartridges EN 417 (pierceable 90 x 94 mm, screw valve 110 x 90 to 110 x 150 mm), aerosol as
sold (65 x 185 mm), 5 kg and 6 kg bottles as sold in Europe (230 to 300 mm across, 400 to 490 mm
high), nitrous-oxide cylinders of 0.6 to 2 kg (80 mm across, 330 to 500 mm long), 2 to 6 kg
extinguishers.
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin import wear
from twin.labels import BLACK, BRASS, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.noise import noise
from twin.shading import Colour, Grid, Surface, stack
from twin.solids import Profile, lathe, round_box, slab, standing

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "pierceable_cartridge": (94.0, 90.0, 90.0),
    "pierceable_cartridge_upright": (90.0, 90.0, 94.0),
    "screw_cartridge": (122.0, 108.0, 108.0),
    "screw_cartridge_upright": (108.0, 108.0, 110.0),
    "butane_aerosol": (190.0, 65.0, 65.0),
    "gas_bottle": (455.0, 250.0, 250.0),
    "gas_bottle_upright": (250.0, 250.0, 455.0),
    "nitrous_cylinder": (480.0, 82.0, 82.0),
    "fire_extinguisher": (470.0, 170.0, 125.0),
}
GAS_WORDS = ("BUTANE", "PROPANE", "GAZ", "GAS", "BUTANE/PROPANE", "CAMPING GAS", "MIX 70/30")


def _paint(rng: np.random.Generator) -> Colour:
    """Colours gas is sold in: blue, red, orange, green, yellow, grey, white, black."""
    hue = float(rng.choice((0.59, 0.62, 0.0, 0.98, 0.05, 0.08, 0.14, 0.36, 0.45)))
    pick = rng.random()
    if pick < 0.16:
        grey = rng.uniform(0.35, 0.75)
        return grey, grey, grey
    if pick < 0.24:
        return WHITE
    if pick < 0.3:
        return BLACK
    return tint(hue + rng.uniform(-0.02, 0.02), rng.uniform(0.55, 0.88), rng.uniform(0.45, 0.85))


def _litho(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    """The printed tin of a cartridge or aerosol: band, name, signs and small print, twice round."""
    round_mm = 2 * np.pi * radius
    base = _paint(rng)
    shiny = 0.6 if rng.random() < 0.4 else 0.0
    art = Print(length, round_mm, scale, base, shiny)
    accent = any_colour(rng)
    if rng.random() < 0.75:
        at = rng.uniform(0.0, 0.7) * length
        art.rect(at, 0, at + rng.uniform(0.1, 0.35) * length, round_mm, accent)
    turned = bool(rng.random() < 0.5)
    for k in range(2):
        y = k * round_mm / 2
        ink = ink_on(base, rng)
        if rng.random() < 0.35:  # a round badge behind the name
            art.disc(length * 0.5, y + round_mm * 0.16, round_mm * 0.14, accent)
            ink = ink_on(accent, rng)
        if turned:
            art.text(
                brand(rng),
                (length * 0.5, y + 2, length * 0.8, y + round_mm * 0.32),
                ink,
                rng,
                turned=True,
            )
            art.text(
                str(rng.choice(GAS_WORDS)),
                (length * 0.3, y + 2, length * 0.45, y + round_mm * 0.3),
                ink,
                rng,
                turned=True,
            )
        else:
            art.text(
                brand(rng),
                (length * 0.1, y + round_mm * 0.06, length * 0.9, y + round_mm * 0.2),
                ink,
                rng,
            )
            art.text(
                str(rng.choice(GAS_WORDS)),
                (length * 0.2, y + round_mm * 0.21, length * 0.8, y + round_mm * 0.3),
                ink,
                rng,
            )
        size = min(0.24 * length, 0.12 * round_mm, 22.0)
        art.flame_sign(length * 0.2, y + round_mm * 0.4, size)
        art.small_print(
            (length * 0.35, y + round_mm * 0.35, length * 0.9, y + round_mm * 0.47),
            ink_on(base, rng),
            rng,
        )
    return art


def _tin(thing: Surface, rng: np.random.Generator, depth_mm: float) -> Surface:
    """Dents, rust and wear of a thin steel can that went through a compactor lorry."""
    wear.dents(thing, int(rng.integers(0, 5)), depth_mm, rng)
    if rng.random() < 0.35:
        wear.rust(thing, rng.uniform(0.1, 0.75), rng)
    return wear.use(thing, rng)


def _cartridge(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    dome = 0.17 * length
    body_to = half - dome
    shape: Profile = (
        (-half, radius * 0.9), (-half + 2, radius * 0.99), (body_to, radius), (body_to + 1.5, radius * 0.985),
        (body_to + dome * 0.5, radius * 0.82), (body_to + dome * 0.8, radius * 0.5), (half - 2, radius * 0.24), (half, radius * 0.2),
    )  # fmt: skip
    can = lathe(
        grid,
        shape,
        STEEL if rng.random() < 0.6 else _paint(rng),
        metal=0.8,
        gloss=0.6,
        smooth_mm=1.5,
    )
    wrap: Profile = (
        (-half + 3, radius * 0.985),
        (-half + 3.5, radius),
        (body_to - 0.5, radius),
        (body_to, radius * 0.99),
    )
    stack(
        can,
        lathe(
            grid,
            wrap,
            _litho(length - dome, radius, grid.scale, rng),
            gloss=0.6,
            roll=rng.random(),
            smooth_mm=0,
        ),
    )
    can.height_mm += np.float32(0.9) * np.exp(
        -(((grid.x_mm - np.float32(-half + 2)) / np.float32(1.2)) ** 2)
    )
    return _tin(can, rng, 5)


def _screw_cartridge(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    valve, dome = 10.0, 0.26 * width
    body_to = half - valve - dome
    shape: Profile = (
        (-half, radius * 0.8), (-half + 3, radius * 0.95), (-half + 8, radius), (body_to, radius),
        (body_to + dome * 0.35, radius * 0.93), (body_to + dome * 0.7, radius * 0.72), (body_to + dome, radius * 0.36),
        (half - valve + 0.2, 9.0), (half, 8.0),
    )  # fmt: skip
    art = _litho(length - valve, radius, grid.scale, rng)
    can = lathe(grid, shape, art, gloss=0.65, roll=rng.random(), smooth_mm=2)
    neck: Profile = (
        (half - valve - 3, 13),
        (half - valve, 12),
        (half - valve + 0.5, 7.5),
        (half, 7),
    )
    stack(
        can,
        lathe(
            grid, neck, BRASS if rng.random() < 0.4 else STEEL, metal=0.9, gloss=0.7, smooth_mm=0.4
        ),
    )
    if rng.random() < 0.2:  # its cap still on
        cap: Profile = ((half - valve - 4, 17), (half - 1, 16), (half, 14))
        stack(can, lathe(grid, cap, any_colour(rng), gloss=0.4))
    return _tin(can, rng, 4)


def _upright_can(length: float, _width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    """A cartridge standing on its foot: dome, seam, valve or plain middle."""
    radius = length / 2
    base = _paint(rng)
    art = Print(length, length, grid.scale, base, 0.5 if rng.random() < 0.4 else 0.0)
    if rng.random() < 0.6:
        art.disc(radius, radius, radius * rng.uniform(0.5, 0.75), any_colour(rng))
    art.text(
        brand(rng),
        (length * 0.2, length * 0.18, length * 0.8, length * 0.36),
        ink_on(base, rng),
        rng,
    )
    art.flame_sign(length * 0.3, length * 0.68, length * 0.16)
    art.small_print(
        (length * 0.5, length * 0.64, length * 0.8, length * 0.8), ink_on(base, rng), rng
    )
    rise = radius * rng.uniform(0.25, 0.5)
    turns = np.linspace(0, 0.93, 30)
    dome = tuple((radius * t, 90 + rise * (1 - t * t) ** 0.5) for t in turns)
    can = standing(
        grid,
        (*dome, (radius * 0.95, 91 + rise * 0.3), (radius * 0.985, 91), (radius, 84)),
        art,
        gloss=0.65,
    )
    if rng.random() < 0.6:
        ring = (
            (0, 100 + rise),
            (3, 100 + rise),
            (3.5, 94 + rise),
            (7.5, 94 + rise),
            (8, 90 + rise),
            (14, 89 + rise),
            (15, 86 + rise),
        )
        stack(
            can, standing(grid, ring, BRASS if rng.random() < 0.4 else STEEL, metal=0.9, gloss=0.7)
        )
    return _tin(can, rng, 4)


def _aerosol(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    capped = rng.random() < 0.5
    top = 34.0 if capped else 16.0
    body_to = half - top - 12
    shape: Profile = (
        (-half, radius * 0.9), (-half + 2, radius), (body_to, radius), (body_to + 4, radius * 0.9),
        (body_to + 10, radius * 0.6), (half - top, radius * 0.5), (half - top + 2, 6), (half, 2.2),
    )  # fmt: skip
    can = lathe(grid, shape, STEEL, metal=0.9, gloss=0.7, smooth_mm=1)
    wrap: Profile = (
        (-half + 3, radius * 0.99),
        (-half + 3.5, radius),
        (body_to - 0.5, radius),
        (body_to, radius * 0.99),
    )
    stack(
        can,
        lathe(
            grid,
            wrap,
            _litho(body_to + half, radius, grid.scale, rng),
            gloss=0.7,
            roll=rng.random(),
            smooth_mm=0,
        ),
    )
    if capped:
        cap: Profile = (
            (half - top - 10, radius * 0.93),
            (half - 8, radius * 0.82),
            (half - 2, radius * 0.7),
            (half, radius * 0.5),
        )
        stack(can, lathe(grid, cap, any_colour(rng), gloss=0.4, smooth_mm=2))
    else:
        nozzle: Profile = ((half - 15, 5.5), (half - 8, 5), (half - 7.6, 2.2), (half, 2))
        stack(can, lathe(grid, nozzle, WHITE if rng.random() < 0.6 else any_colour(rng), gloss=0.3))
    return _tin(can, rng, 4)


def _bottle_art(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    paint = _paint(rng)
    round_mm = 2 * np.pi * radius
    art = Print(length, round_mm, scale, paint)
    if rng.random() < 0.4:
        art.rect(length * 0.45, 0, length, round_mm, _paint(rng))
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


def _bottle_wear(thing: Surface, rng: np.random.Generator) -> Surface:
    """Steel bottles live for decades: chipped paint, rust at the welds, grime."""
    thing.height_mm += np.float32(0.7) * noise(thing.grid.shape, 26 * thing.grid.scale, rng)
    wear.dents(thing, int(rng.integers(0, 4)), 5, rng)
    wear.scratches(thing, int(rng.integers(10, 60)), rng, (0.45, 0.47, 0.5))
    wear.rust(thing, max(0.0, rng.normal(0.4, 0.25)), rng)
    wear.dirt(thing, max(0.1, rng.normal(0.45, 0.25)), rng)
    return thing


def _gas_bottle(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    collar_long, foot_long = 0.17 * length, 0.07 * length
    start, end = -half + foot_long, half - collar_long * 0.85
    dome = 0.42 * radius
    shape: Profile = (
        (start, radius * 0.55), (start + dome * 0.3, radius * 0.83), (start + dome, radius), (end - dome, radius),
        (end - dome * 0.55, radius * 0.93), (end - dome * 0.2, radius * 0.72), (end, radius * 0.4),
    )  # fmt: skip
    art = _bottle_art(end - start, radius, grid.scale, rng)
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
    paint = _paint(rng)
    dome = tuple(
        (radius * t, 330 + radius * 0.6 * (1 - t * t) ** 0.5) for t in np.linspace(0, 0.97, 40)
    )
    bottle = standing(grid, (*dome, (radius, 320)), paint, gloss=0.45)
    top = 330 + radius * 0.6
    wall = radius * rng.uniform(0.55, 0.68)
    rim = standing(
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
        standing(
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
        knob = standing(
            grid, ((0, top + 60), (14, top + 60), (17, top + 50)), any_colour(rng), gloss=0.3
        )
        stack(bottle, knob)
    return _bottle_wear(bottle, rng)


def _nitrous(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    neck = 0.07 * length
    shoulder = radius * 1.25
    shape: Profile = (
        (-half, radius * 0.7), (-half + 3, radius * 0.88), (-half + 10, radius), (half - neck - shoulder, radius),
        (half - neck - shoulder * 0.6, radius * 0.92), (half - neck - shoulder * 0.3, radius * 0.68),
        (half - neck, radius * 0.38), (half - neck + 0.5, 11), (half, 10),
    )  # fmt: skip
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
    return wear.use(bottle, rng)


def _extinguisher(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half = length / 2
    radius = width * 0.365
    y0 = width / 2 - radius - 1
    head = 0.2 * length
    end = half - head
    shape: Profile = (
        (-half, radius * 0.86), (-half + 5, radius * 0.95), (-half + 12, radius), (end - radius * 0.7, radius),
        (end - radius * 0.3, radius * 0.85), (end, radius * 0.42), (end + 6, radius * 0.3),
    )  # fmt: skip
    red = tint(rng.uniform(-0.01, 0.02), rng.uniform(0.8, 0.95), rng.uniform(0.55, 0.85))
    round_mm = 2 * np.pi * radius
    art = Print(end + half, round_mm, grid.scale, red)
    for k in range(2):
        y = k * round_mm / 2
        art.rect(length * 0.14, y + 4, length * 0.56, y + round_mm * 0.3, WHITE)
        art.text(
            str(rng.choice(("EXTINCTEUR", "FIRE", "POUDRE ABC", "CO2", "EAU + ADDITIF"))),
            (length * 0.15, y + 8, length * 0.55, y + round_mm * 0.1),
            red,
            rng,
        )
        art.small_print(
            (length * 0.17, y + round_mm * 0.13, length * 0.5, y + round_mm * 0.28), BLACK, rng
        )
    body = lathe(grid, shape, art, gloss=0.65, roll=rng.random(), smooth_mm=6, centre_y_mm=y0)
    hose = np.zeros(grid.shape, np.uint8)
    bend = np.array(
        [
            [end + head * 0.3, y0 - 10],
            [end + head * 0.2, -width * 0.42],
            [end - length * 0.15, -width * 0.46],
            [end - length * 0.45, -width * 0.4 + rng.uniform(0, 12)],
        ]
    )
    points = np.array([grid.at(float(p[0]), float(p[1])) for p in bend], np.int32)
    cv2.polylines(hose, [points], False, 255, max(2, round(13 * grid.scale)), cv2.LINE_AA)
    window = max(3, int(9 * grid.scale) | 1)
    tube = slab(grid, (length, width, 40), BLACK, gloss=0.3)
    tube.inside = (hose > 127).astype(np.float32)
    tube.height_mm = np.asarray(cv2.blur(hose, (window, window)), np.float32) * np.float32(
        9 / 255
    ) + np.float32(90)
    if rng.random() < 0.75:
        stack(body, tube)
    grip: Colour = BLACK if rng.random() < 0.6 else (0.1, 0.08, 0.6)
    stack(
        body,
        slab(
            grid,
            (head * 0.55, 34, 95),
            STEEL,
            corner=4,
            bevel=5,
            metal=0.7,
            gloss=0.5,
            centre_mm=(end + head * 0.3, y0),
        ),
    )
    stack(
        body,
        slab(
            grid,
            (head * 0.9, 15, 110),
            grip,
            corner=5,
            bevel=5,
            gloss=0.4,
            centre_mm=(end + head * 0.53, y0 - 14),
        ),
    )
    stack(
        body,
        slab(
            grid,
            (head * 0.7, 13, 106),
            grip,
            corner=5,
            bevel=5,
            gloss=0.4,
            centre_mm=(end + head * 0.45, y0 + 13),
        ),
    )
    gauge = ((0, 112.0), (9, 112.0), (10, 115.0), (12, 114.0), (13, 108.0))
    stack(body, standing(grid, gauge, WHITE, gloss=0.7, centre_mm=(end + head * 0.2, y0 + 2)))
    wear.dents(body, int(rng.integers(0, 3)), 3, rng)
    wear.scratches(body, int(rng.integers(5, 40)), rng)
    return wear.use(body, rng, metal_body=True)


def canister(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one gas canister, its size varied as the sizes on sale vary."""
    length, width, _ = SIZE_MM[kind]
    if kind in ("screw_cartridge", "nitrous_cylinder"):
        length *= rng.uniform(0.75, 1.12)
        width *= rng.uniform(0.9, 1.05)
    elif kind.startswith("gas_bottle") or kind == "fire_extinguisher":
        grow = rng.uniform(0.82, 1.1)
        length, width = length * grow, width * grow * rng.uniform(0.95, 1.05)
    else:
        length *= rng.uniform(0.97, 1.03)
        width *= rng.uniform(0.97, 1.03)
    if kind.endswith("upright"):
        width = length
    grid = Grid(length, width, px_per_mm)
    return DRAWN[kind](length, width, grid, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "pierceable_cartridge": _cartridge,
    "pierceable_cartridge_upright": _upright_can,
    "screw_cartridge": _screw_cartridge,
    "screw_cartridge_upright": _upright_can,
    "butane_aerosol": _aerosol,
    "gas_bottle": _gas_bottle,
    "gas_bottle_upright": _gas_bottle_upright,
    "nitrous_cylinder": _nitrous,
    "fire_extinguisher": _extinguisher,
}
