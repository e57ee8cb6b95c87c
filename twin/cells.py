"""Batteries: round cells, 9 V block, packs, phone battery, button cell.

Sizes: IEC 60086-2 (AA, AAA, C, D, 9 V, button), the name itself for 18650 (18 x 65 mm);
packs as measured on common makes.
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin import wear
from twin.labels import (
    BLACK,
    BRASS,
    COPPER,
    GOLD,
    STEEL,
    WHITE,
    Print,
    any_colour,
    brand,
    ink_on,
    tint,
)
from twin.noise import noise
from twin.shading import Colour, Grid, Surface, stack
from twin.solids import lathe, slab, standing

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "aa_cell": (50.5, 14.5, 14.5),
    "aaa_cell": (44.5, 10.5, 10.5),
    "c_cell": (50.0, 26.2, 26.2),
    "d_cell": (61.5, 34.2, 34.2),
    "nine_volt": (48.5, 26.5, 17.5),
    "li_ion_18650": (65.0, 18.4, 18.4),
    "laptop_pack": (208.0, 50.0, 21.0),
    "tool_pack": (118.0, 76.0, 62.0),
    "phone_battery": (78.0, 52.0, 4.5),
    "button_cell": (20.0, 20.0, 3.2),
}
CAPACITY = ("1.5V", "LR6", "2000mAh", "1.2V", "Ni-MH", "ALKALINE", "3.7V", "Li-ion", "MAX", "PLUS")


def _foil(colour: Colour, metal: float, wanted: bool) -> tuple[Colour, float]:
    return (colour, metal) if wanted else (colour, 0.0)


def _sleeve(length: float, radius: float, scale: float, rng: np.random.Generator) -> Print:
    """The label of a round cell, in one of the layouts that are about."""
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
        colour, metal = _foil(tip, 0.7, rng.random() < 0.8)
        art.rect(length - part, 0, length, round_mm, colour, metal)
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
    for k in range(2):  # printed twice round the cell, so that one is always on top or nearly
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
        (-half, radius * 0.72), (-half + 0.5, radius * 0.93), (half - nub_long - 0.7, radius * 0.95),
        (half - nub_long, radius * 0.6), (half - nub_long + 0.05, nub), (half, nub * 0.9),
    )  # fmt: skip
    cell = lathe(grid, can, STEEL, metal=0.95, gloss=0.6, smooth_mm=0.35)
    label_from, label_to = -half + rng.uniform(0.4, 2.0), half - nub_long - rng.uniform(0.3, 1.6)
    wrap = (
        (label_from, radius * 0.98),
        (label_from + 0.2, radius),
        (label_to, radius),
        (label_to + 0.2, radius * 0.97),
    )
    sleeve = _sleeve(label_to - label_from, radius, grid.scale, rng)
    gloss = rng.uniform(0.35, 0.9)
    stack(cell, lathe(grid, wrap, sleeve, gloss=gloss, roll=rng.random(), smooth_mm=0.0))
    if rng.random() < 0.25:  # groove under the label of a crimped can
        at = half - nub_long - rng.uniform(2, 4)
        cell.height_mm -= np.float32(0.5) * np.exp(-(((grid.x_mm - at) / np.float32(0.8)) ** 2))
    wear.dents(cell, int(rng.integers(0, 3)), 0.8, rng)
    if rng.random() < 0.18:
        wear.rust(cell, rng.uniform(0.2, 0.7), rng)
    return wear.use(cell, rng)


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
    return wear.use(block, rng)


def _laptop_pack(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    grey = rng.uniform(0.08, 0.2)
    art = Print(length, width, grid.scale, (grey, grey, grey))
    if rng.random() < 0.85:
        paper = WHITE if rng.random() < 0.5 else (0.25, 0.25, 0.27)
        start = rng.uniform(0.08, 0.3) * length
        end = start + rng.uniform(0.4, 0.6) * length
        top, bottom = width * rng.uniform(0.15, 0.25), width * rng.uniform(0.75, 0.9)
        art.rect(start, top, end, bottom, paper)
        ink = ink_on(paper, rng)
        high = (bottom - top) / 3
        art.text(
            brand(rng), (start + 3, top + 1, start + (end - start) * 0.5, top + high), ink, rng
        )
        art.small_print((start + 3, top + high + 1, end - 24, bottom - 2), ink, rng)
        art.barcode(end - 22, top + 2, end - 2, top + high * 1.6, rng)
        art.bin_sign(end - 8, bottom - 5, 6, ink)
    pack = slab(grid, (length, width, 21), art, corner=4, bevel=rng.uniform(2, 8), gloss=0.25)
    if rng.random() < 0.5:  # the cells inside show through a thin shell
        pack.height_mm += np.float32(0.8) * np.sin(grid.y_mm * np.float32(2 * np.pi / 19))
    slot_x = rng.uniform(-0.3, 0.3) * length
    left, top_px = grid.at(slot_x - 16, width / 2 - 7)
    right, bottom_px = grid.at(slot_x + 16, width / 2 - 1)
    pack.colour[top_px:bottom_px, left:right] = 0.03
    pack.height_mm[top_px:bottom_px, left:right] -= 2
    for pin in range(7):
        a, b = grid.at(slot_x - 14 + 4.2 * pin, 0)[0], grid.at(slot_x - 12 + 4.2 * pin, 0)[0]
        pack.colour[top_px + 1 : bottom_px, a:b] = GOLD
        pack.metal[top_px + 1 : bottom_px, a:b] = 0.9
    return wear.use(pack, rng)


def _tool_pack(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    dark = rng.uniform(0.07, 0.16)
    shell: Colour = (dark, dark, dark * 1.05)
    accent = tint(
        float(rng.choice((0.0, 0.02, 0.13, 0.16, 0.33, 0.48, 0.6, 0.08))),
        0.9,
        rng.uniform(0.55, 0.9),
    )
    pack = slab(
        grid,
        (length, width, 40),
        accent if rng.random() < 0.35 else shell,
        corner=9,
        bevel=7,
        gloss=0.3,
    )
    art = Print(length * 0.66, width * 0.72, grid.scale, shell)
    art.rect(0, width * 0.5, length * 0.66, width * 0.72, accent)
    art.text(brand(rng), (4, width * 0.52, length * 0.45, width * 0.7), ink_on(accent, rng), rng)
    art.text(
        str(rng.choice(("18V", "20V", "36V", "10.8V", "5.0Ah"))),
        (length * 0.47, width * 0.52, length * 0.64, width * 0.7),
        WHITE,
        rng,
    )
    head = slab(
        grid,
        (length * 0.66, width * 0.72, 60),
        art,
        corner=3,
        bevel=3,
        gloss=0.25,
        centre_mm=(length * 0.08, 0),
    )
    stack(pack, head)
    for slot in range(int(rng.integers(3, 6))):  # terminals, seen from above as dark slits
        y = -width * 0.26 + slot * width * 0.1
        left, top = grid.at(length * 0.12, y)
        right, bottom = grid.at(length * 0.38, y + 3)
        pack.colour[top:bottom, left:right] = 0.02
        pack.height_mm[top:bottom, left:right] -= 3
        pack.colour[top + 1 : bottom, left : left + max(2, int(3 * grid.scale))] = BRASS
        pack.metal[top + 1 : bottom, left : left + max(2, int(3 * grid.scale))] = 0.9
    for side in (-1, 1):  # rails and release buttons
        left, top = grid.at(-length * 0.46, side * width * 0.4 - 5)
        right, bottom = grid.at(-length * 0.3, side * width * 0.4 + 5)
        pack.colour[max(top, 0) : bottom, max(left, 0) : right] = accent
        pack.height_mm[max(top, 0) : bottom, max(left, 0) : right] += 1.5
    pack.height_mm = np.asarray(cv2.blur(pack.height_mm, (3, 3)), np.float32)
    return wear.use(pack, rng)


def _phone_battery(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    shade_of = float(rng.choice((0.1, 0.16, 0.62, 0.8)))
    base: Colour = (shade_of, shade_of, shade_of)
    foil = 0.6 if shade_of > 0.5 else 0.0
    art = Print(length, width, grid.scale, base, foil)
    ink = ink_on(base, rng)
    art.rect(length - 5, 0, length, width, (0.12, 0.3, 0.1) if rng.random() < 0.4 else BLACK)
    art.text(brand(rng), (4, width * 0.08, length * 0.6, width * 0.34), ink, rng)
    art.text(
        str(rng.choice(("Li-ion", "3.85V", "3000mAh", "BL-5C"))),
        (4, width * 0.36, length * 0.45, width * 0.52),
        ink,
        rng,
    )
    art.small_print((4, width * 0.58, length * 0.7, width * 0.92), ink, rng)
    art.bin_sign(length * 0.8, width * 0.25, 8, ink)
    if rng.random() < 0.5:
        art.barcode(length * 0.62, width * 0.6, length - 8, width * 0.9, rng)
    cell = slab(grid, (length, width, 4.5), art, corner=2.5, bevel=1.6, gloss=0.6)
    for pin in range(4):
        left, top = grid.at(length / 2 - 3.5, -width * 0.2 + 5 * pin)
        right, bottom = grid.at(length / 2 - 0.6, -width * 0.2 + 5 * pin + 3)
        cell.colour[top:bottom, left:right] = GOLD
        cell.metal[top:bottom, left:right] = 0.9
    if rng.random() < 0.45:  # swollen, as cells in waste often are
        swell = np.float32(rng.uniform(1, 6))
        cell.height_mm += (
            swell
            * np.cos(grid.x_mm * np.float32(np.pi / length))
            * np.cos(grid.y_mm * np.float32(np.pi / width))
        )
    cell.height_mm += np.float32(0.5) * noise(grid.shape, 14 * grid.scale, rng)
    return wear.use(cell, rng)


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
    cell = standing(grid, profile, art, metal=0.9, gloss=0.7)
    brushed = noise(grid.shape, 1.2 * grid.scale, rng)
    cell.height_mm += np.float32(0.05) * brushed
    if rng.random() < 0.3:
        wear.rust(cell, rng.uniform(0.1, 0.5), rng)
    return wear.use(cell, rng)


def cell(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one battery, its size varied as makes and wear vary it."""
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


ROUND = ("aa_cell", "aaa_cell", "c_cell", "d_cell", "li_ion_18650")
OTHERS: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "nine_volt": _nine_volt,
    "laptop_pack": _laptop_pack,
    "tool_pack": _tool_pack,
    "phone_battery": _phone_battery,
    "button_cell": _button_cell,
}
