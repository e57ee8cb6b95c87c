"""Battery packs: of laptops, power tools, phones.

Sizes: as measured on common makes.
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, BRASS, GOLD, WHITE, Print, brand, ink_on, tint
from twin.drawn.noise import noise
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "laptop_pack": (208.0, 50.0, 21.0),
    "tool_pack": (118.0, 76.0, 62.0),
    "phone_battery": (78.0, 52.0, 4.5),
}


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
    if rng.random() < 0.5:  # the cells inside are visible through a thin shell
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
    return wear.apply_wear(pack, rng)


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
    for slot in range(int(rng.integers(3, 6))):  # terminals, visible from above as dark slits
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
    return wear.apply_wear(pack, rng)


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
    return wear.apply_wear(cell, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "laptop_pack": _laptop_pack,
    "tool_pack": _tool_pack,
    "phone_battery": _phone_battery,
}
