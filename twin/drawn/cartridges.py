"""Thin steel gas cans: pierceable and screw-valve cartridges, aerosols.

Sizes: EN 417 (pierceable 90 x 94 mm, screw valve 110 x 90 to 110 x 150 mm), aerosol as sold (65 x
185 mm).
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, BRASS, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import Profile, lathe, lathe_upright

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "pierceable_cartridge": (94.0, 90.0, 90.0),
    "pierceable_cartridge_upright": (90.0, 90.0, 94.0),
    "screw_cartridge": (122.0, 108.0, 108.0),
    "screw_cartridge_upright": (108.0, 108.0, 110.0),
    "butane_aerosol": (190.0, 65.0, 65.0),
}
GAS_WORDS = ("BUTANE", "PROPANE", "GAZ", "GAS", "BUTANE/PROPANE", "CAMPING GAS", "MIX 70/30")


def gas_paint(rng: np.random.Generator) -> Colour:
    """Colours in which gas is sold: blue, red, orange, green, yellow, grey, white, black."""
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


def litho(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    """The print of a cartridge or aerosol, repeated twice: band, name, symbols, small print."""
    round_mm = 2 * np.pi * radius
    base = gas_paint(rng)
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


def _tin(obj: Surface, rng: np.random.Generator, depth_mm: float) -> Surface:
    """Dents, rust and wear of a thin steel can after a compactor lorry."""
    wear.dents(obj, int(rng.integers(0, 5)), depth_mm, rng)
    if rng.random() < 0.35:
        wear.rust(obj, rng.uniform(0.1, 0.75), rng)
    return wear.apply_wear(obj, rng)


def _cartridge(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    dome = 0.17 * length
    body_to = half - dome
    shape: Profile = (
        (-half, radius * 0.9),
        (-half + 2, radius * 0.99),
        (body_to, radius),
        (body_to + 1.5, radius * 0.985),
        (body_to + dome * 0.5, radius * 0.82),
        (body_to + dome * 0.8, radius * 0.5),
        (half - 2, radius * 0.24),
        (half, radius * 0.2),
    )
    can = lathe(
        grid,
        shape,
        STEEL if rng.random() < 0.6 else gas_paint(rng),
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
            litho(length - dome, radius, grid.scale, rng),
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
        (-half, radius * 0.8),
        (-half + 3, radius * 0.95),
        (-half + 8, radius),
        (body_to, radius),
        (body_to + dome * 0.35, radius * 0.93),
        (body_to + dome * 0.7, radius * 0.72),
        (body_to + dome, radius * 0.36),
        (half - valve + 0.2, 9.0),
        (half, 8.0),
    )
    art = litho(length - valve, radius, grid.scale, rng)
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
    """An upright cartridge: dome, rolled rim, valve or plain centre."""
    radius = length / 2
    base = gas_paint(rng)
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
    can = lathe_upright(
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
            can,
            lathe_upright(grid, ring, BRASS if rng.random() < 0.4 else STEEL, metal=0.9, gloss=0.7),
        )
    return _tin(can, rng, 4)


def _aerosol(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    capped = rng.random() < 0.5
    top = 34.0 if capped else 16.0
    body_to = half - top - 12
    shape: Profile = (
        (-half, radius * 0.9),
        (-half + 2, radius),
        (body_to, radius),
        (body_to + 4, radius * 0.9),
        (body_to + 10, radius * 0.6),
        (half - top, radius * 0.5),
        (half - top + 2, 6),
        (half, 2.2),
    )
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
            litho(body_to + half, radius, grid.scale, rng),
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


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "pierceable_cartridge": _cartridge,
    "pierceable_cartridge_upright": _upright_can,
    "screw_cartridge": _screw_cartridge,
    "screw_cartridge_upright": _upright_can,
    "butane_aerosol": _aerosol,
}
