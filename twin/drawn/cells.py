"""Batteries: round cells, 9 V block, button cell; packs come from `twin.drawn.packs`.

Sizes: IEC 60086-2 (AA, AAA, C, D, 9 V, button), the name itself for 18650 (18 x 65 mm).
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import packs, wear
from twin.drawn.labels import COPPER, GOLD, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.noise import noise
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import lathe, lathe_upright, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "aa_cell": (50.5, 14.5, 14.5),
    "aaa_cell": (44.5, 10.5, 10.5),
    "c_cell": (50.0, 26.2, 26.2),
    "d_cell": (61.5, 34.2, 34.2),
    "nine_volt": (48.5, 26.5, 17.5),
    "li_ion_18650": (65.0, 18.4, 18.4),
    "button_cell": (20.0, 20.0, 3.2),
    **packs.SIZE_MM,
}
CAPACITY = ("1.5V", "LR6", "2000mAh", "1.2V", "Ni-MH", "ALKALINE", "3.7V", "Li-ion", "MAX", "PLUS")

ROUND = ("aa_cell", "aaa_cell", "c_cell", "d_cell", "li_ion_18650")


def cell_label(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    """The label of a round cell, in one of the common layouts."""
    round_mm = 2 * np.pi * radius
    base = any_colour(rng)
    layout = rng.choice(("two_tone", "plain", "band", "silver", "diagonal"))
    shiny = 0.75 if rng.random() < 0.4 else 0.0
    if layout == "silver":
        base, shiny = tint(rng.random(), 0.06, rng.uniform(0.6, 0.85)), 0.8
    art = Print(length, round_mm, scale, base, shiny)
    ink = ink_on(base, rng)
    start, end = 0.06 * length, 0.95 * length
    if layout == "two_tone":
        part = rng.uniform(0.22, 0.42) * length
        tip = [COPPER, GOLD, STEEL, any_colour(rng)][rng.integers(0, 4)]
        art.rect(length - part, 0, length, round_mm, tip, 0.7 if rng.random() < 0.8 else 0.0)
        end = length - part - 1
    elif layout == "band":
        at, wide = rng.uniform(0.1, 0.8) * length, rng.uniform(0.06, 0.2) * length
        art.rect(at, 0, at + wide, round_mm, any_colour(rng))
    elif layout == "diagonal":
        accent = any_colour(rng)
        for k in range(2):
            y = (k + rng.random()) * round_mm / 2
            corners = np.array(
                [
                    [0, y],
                    [length * 0.6, y + radius],
                    [length * 0.6, y + radius * 1.8],
                    [0, y + radius * 0.6],
                ]
            )
            art.area(corners, accent)
    for k in range(2):  # printed twice around the cell, so that one print is on top or nearly so
        y = (k + 0.15) * round_mm / 2
        name_high = round_mm * rng.uniform(0.16, 0.26)
        art.text(brand(rng), (start, y, end, y + name_high), ink, rng)
        line = str(rng.choice(CAPACITY))
        art.text(
            line,
            (start + (end - start) * 0.5, y + name_high, end, y + name_high * 1.6),
            ink,
            rng,
            bold=False,
        )
        if scale > 3:
            art.small_print(
                (start + 1, y + name_high * 1.1, start + (end - start) * 0.45, y + name_high * 1.8),
                ink,
                rng,
            )
    art.text("+", (0.9 * length, 0.2 * round_mm, 0.99 * length, 0.4 * round_mm), WHITE, rng)
    art.bin_sign(0.2 * length, 0.92 * round_mm, 0.09 * round_mm, ink)
    return art


def _round_cell(length: float, diameter: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius, half = diameter / 2, length / 2
    nub = 0.19 * diameter if rng.random() < 0.85 else radius * 0.5
    nub_long = 0.018 * length + 0.6
    can = (
        (-half, radius * 0.72),
        (-half + 0.5, radius * 0.93),
        (half - nub_long - 0.7, radius * 0.95),
        (half - nub_long, radius * 0.6),
        (half - nub_long + 0.05, nub),
        (half, nub * 0.9),
    )
    cell = lathe(grid, can, STEEL, metal=0.95, gloss=0.6, smooth_mm=0.35)
    label_from, label_to = -half + rng.uniform(0.4, 2.0), half - nub_long - rng.uniform(0.3, 1.6)
    wrap = (
        (label_from, radius * 0.98),
        (label_from + 0.2, radius),
        (label_to, radius),
        (label_to + 0.2, radius * 0.97),
    )
    sleeve = cell_label(label_to - label_from, radius, grid.scale, rng)
    gloss = rng.uniform(0.35, 0.9)
    stack(cell, lathe(grid, wrap, sleeve, gloss=gloss, roll=rng.random(), smooth_mm=0.0))
    if rng.random() < 0.25:  # groove under the label of a crimped can
        at = half - nub_long - rng.uniform(2, 4)
        cell.height_mm -= np.float32(0.5) * np.exp(-(((grid.x_mm - at) / np.float32(0.8)) ** 2))
    wear.dents(cell, int(rng.integers(0, 3)), 0.8, rng)
    if rng.random() < 0.18:
        wear.rust(cell, rng.uniform(0.2, 0.7), rng)
    return wear.apply_wear(cell, rng)


def _nine_volt(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    snaps = 2.6
    body = length - snaps
    base = any_colour(rng)
    metal = 0.7 if rng.random() < 0.4 else 0.0
    art = Print(body, width, grid.scale, base, metal)
    art.rect(0, 0, 1.4, width, STEEL, 0.9)
    art.rect(body - 1.6, 0, body, width, STEEL, 0.9)
    part = rng.uniform(0.2, 0.45) * body
    art.rect(1.4, 0, part, width, any_colour(rng), metal)
    ink = ink_on(base, rng)
    art.text(brand(rng), (part + 1, width * 0.15, body - 3, width * 0.6), ink, rng)
    art.text(
        str(rng.choice(("9V", "6F22", "6LR61"))),
        (part + 1, width * 0.6, body - 3, width * 0.9),
        ink,
        rng,
    )
    block = slab(
        grid, (body, width, 17.5), art, corner=1.8, bevel=2.0, gloss=0.55, centre_mm=(-snaps / 2, 0)
    )
    for y, radius in ((-6.4, 3.0), (6.4, 4.2)):
        studs = (
            (body / 2 - snaps / 2 - 0.2, radius * 0.8),
            (length / 2 - 0.4, radius),
            (length / 2, radius * 0.8),
        )
        part_of = lathe(grid, studs, STEEL, metal=0.95, gloss=0.7, centre_y_mm=y, smooth_mm=0.3)
        part_of.inside *= 1 - block.inside
        stack(block, part_of)
    wear.dents(block, int(rng.integers(0, 3)), 0.8, rng)
    if rng.random() < 0.2:
        wear.rust(block, rng.uniform(0.1, 0.5), rng)
    return wear.apply_wear(block, rng)


def _button_cell(length: float, _width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    radius = length / 2
    art = Print(length, length, grid.scale, STEEL, 0.95)
    dark: Colour = (0.42, 0.43, 0.45)
    art.text("+", (length * 0.38, length * 0.16, length * 0.62, length * 0.38), dark, rng)
    art.text(
        str(rng.choice(("CR2032", "CR2025", "LR44", "SR621"))),
        (length * 0.2, length * 0.42, length * 0.8, length * 0.62),
        dark,
        rng,
    )
    art.text("3V", (length * 0.36, length * 0.64, length * 0.64, length * 0.84), dark, rng)
    lip = rng.uniform(0.8, 0.9)
    profile = (
        (0, 3.0),
        (radius * lip, 3.0),
        (radius * (lip + 0.03), 2.6),
        (radius * 0.96, 2.5),
        (radius, 1.2),
    )
    cell = lathe_upright(grid, profile, art, metal=0.9, gloss=0.7)
    brushed = noise(grid.shape, 1.2 * grid.scale, rng)
    cell.height_mm += np.float32(0.05) * brushed
    if rng.random() < 0.3:
        wear.rust(cell, rng.uniform(0.1, 0.5), rng)
    return wear.apply_wear(cell, rng)


OTHERS: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "nine_volt": _nine_volt,
    "button_cell": _button_cell,
    **packs.DRAWN,
}


def cell(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one battery, its size varied as by make and wear."""
    length, width, _ = SIZE_MM[kind]
    if kind in ROUND:
        length *= rng.uniform(0.985, 1.01)
        width *= rng.uniform(0.97, 1.01)
        grid = Grid(length, width, px_per_mm)
        return _round_cell(length, width, grid, rng)
    if kind == "button_cell":
        length = width = float(rng.choice((20.0, 20.0, 24.0, 16.0, 11.6)))
    elif kind != "nine_volt":
        length *= rng.uniform(0.8, 1.3)
        width *= rng.uniform(0.85, 1.2)
    grid = Grid(length, width, px_per_mm)
    return OTHERS[kind](length, width, grid, rng)
