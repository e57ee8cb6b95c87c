"""Harmless look-alikes of hazards, which a detector must not report.

Sizes: as sold.
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import wear
from twin.drawn.labels import (
    BLACK,
    BRASS,
    COPPER,
    STEEL,
    WHITE,
    Print,
    any_colour,
    brand,
    ink_on,
    tint,
)
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import Profile, lathe, lathe_upright, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "deodorant_stick": (125.0, 42.0, 32.0),
    "glue_stick": (95.0, 24.0, 24.0),
    "marker": (138.0, 18.0, 18.0),
    "torch": (150.0, 36.0, 36.0),
    "lighter": (81.0, 24.0, 12.0),
    "remote_control": (170.0, 48.0, 22.0),
    "pipe": (300.0, 40.0, 40.0),
    "spray_bottle": (235.0, 85.0, 60.0),
}


def _name(
    art: Print, span_mm: tuple[float, float], around: float, base: Colour, rng: np.random.Generator
) -> None:
    start, end = span_mm
    for k in range(2):
        y = k * around / 2
        ink = ink_on(base, rng)
        art.text(brand(rng), (start, y + around * 0.1, end, y + around * 0.3), ink, rng)
        art.small_print((start, y + around * 0.34, end, y + around * 0.44), ink, rng)


def _stick(
    length: float, width: float, grid: Grid, rng: np.random.Generator, cap_share: float
) -> Surface:
    """A cylindrical case with a cap: deodorant, glue stick."""
    half, radius = length / 2, width / 2
    base, cap = any_colour(rng), any_colour(rng)
    joint = half - cap_share * length
    around = 2 * np.pi * radius
    art = Print(length, around, grid.scale, base)
    art.rect(joint + half, 0, length, around, cap)
    _name(art, (length * 0.08, (joint + half) * 0.95), around, base, rng)
    shape: Profile = (
        (-half, radius * 0.9),
        (-half + 1.5, radius),
        (joint - 0.6, radius),
        (joint, radius * 0.93),
        (joint + 0.6, radius * 0.99),
        (half - 3, radius * 0.97),
        (half, radius * 0.8),
    )
    case = lathe(grid, shape, art, gloss=rng.uniform(0.3, 0.8), roll=rng.random(), smooth_mm=0.8)
    return wear.apply_wear(case, rng)


def _deodorant(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    return _stick(length, width, grid, rng, rng.uniform(0.25, 0.4))


def _glue(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    return _stick(length, width, grid, rng, rng.uniform(0.2, 0.35))


def _marker(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    ink_colour, around = any_colour(rng), 2 * np.pi * radius
    base = ink_colour if rng.random() < 0.4 else WHITE if rng.random() < 0.6 else STEEL
    joint = half - 0.36 * length
    art = Print(length, around, grid.scale, base)
    art.rect(joint + half, 0, length, around, ink_colour)
    art.rect(0, 0, length * 0.05, around, ink_colour)
    _name(art, (length * 0.1, length * 0.55), around, base, rng)
    shape: Profile = (
        (-half, radius * 0.8),
        (-half + 2, radius * 0.88),
        (joint, radius * 0.88),
        (joint + 0.5, radius),
        (half - 4, radius * 0.85),
        (half, radius * 0.6),
    )
    return wear.apply_wear(
        lathe(grid, shape, art, gloss=0.5, roll=rng.random(), smooth_mm=0.8), rng
    )


def _torch(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    tone = BLACK if rng.random() < 0.5 else any_colour(rng)
    shaft = radius * rng.uniform(0.6, 0.8)
    shape: Profile = (
        (-half, shaft * 0.85),
        (-half + 3, shaft),
        (half - length * 0.32, shaft),
        (half - length * 0.22, radius * 0.97),
        (half - 3, radius),
        (half, radius * 0.92),
    )
    torch = lathe(grid, shape, tone, metal=0.35, gloss=0.6, smooth_mm=1.5)
    knurl = (np.abs(grid.x_mm + np.float32(length * 0.12)) < length * 0.2) * np.cos(
        grid.x_mm * np.float32(2 * np.pi / 4)
    )
    torch.height_mm += np.float32(0.35) * knurl.astype(np.float32)
    stack(
        torch,
        lathe_upright(
            grid,
            ((0, 60), (4.5, 60), (6, 55)),
            any_colour(rng),
            gloss=0.3,
            centre_mm=(length * 0.14, rng.uniform(-5, 5)),
        ),
    )
    ring: Profile = ((half - 4, radius), (half, radius * 0.95))
    stack(torch, lathe(grid, ring, STEEL, metal=0.9, gloss=0.8))
    return wear.apply_wear(torch, rng)


def _lighter(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    tone = any_colour(rng)
    body = length * 0.78
    art = Print(body, width, grid.scale, tone)
    if rng.random() < 0.5:
        art.text(
            brand(rng), (body * 0.1, width * 0.2, body * 0.9, width * 0.8), ink_on(tone, rng), rng
        )
    see_through = rng.random() < 0.5
    x0 = -(length - body) / 2
    case = slab(
        grid,
        (body, width, 12),
        art,
        corner=width * 0.3,
        bevel=width * 0.4,
        gloss=0.9,
        opacity=0.65 if see_through else 1.0,
        centre_mm=(x0, 0),
    )
    head = slab(
        grid,
        (length * 0.2, width * 0.92, 12),
        STEEL,
        corner=2,
        bevel=4,
        metal=0.9,
        gloss=0.8,
        centre_mm=(length * 0.38, 0),
    )
    stack(case, head)
    stack(
        case,
        slab(
            grid,
            (7, width * 0.35, 14),
            any_colour(rng),
            corner=2,
            bevel=2,
            centre_mm=(length * 0.46, -width * 0.2),
        ),
    )
    return wear.apply_wear(case, rng)


def _remote(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    grey = float(rng.choice((0.1, 0.13, 0.2, 0.6, 0.8)))
    base: Colour = (grey, grey, grey)
    art = Print(length, width, grid.scale, base)
    rows, columns = int(rng.integers(7, 12)), int(rng.integers(3, 5))
    keys = np.zeros(grid.shape, np.float32)
    key: Colour = (0.35, 0.35, 0.35) if grey < 0.5 else (0.25, 0.25, 0.28)
    pitch_x, pitch_y = length * 0.78 / rows, width * 0.8 / columns
    for row in range(rows):
        for column in range(columns):
            x, y = length * 0.08 + pitch_x * (row + 0.5), width * 0.1 + pitch_y * (column + 0.5)
            colour = tint(rng.random(), 0.85, 0.7) if rng.random() < 0.1 else key
            art.rect(
                x - pitch_x * 0.3, y - pitch_y * 0.33, x + pitch_x * 0.3, y + pitch_y * 0.33, colour
            )
            left, top = grid.at(x - length / 2 - pitch_x * 0.3, y - width / 2 - pitch_y * 0.33)
            right, bottom = grid.at(x - length / 2 + pitch_x * 0.3, y - width / 2 + pitch_y * 0.33)
            keys[top:bottom, left:right] = 1.2
    art.text(
        brand(rng), (length * 0.02, width * 0.3, length * 0.1, width * 0.7), WHITE, rng, turned=True
    )
    remote = slab(grid, (length, width, 22), art, corner=width * 0.25, bevel=6, gloss=0.3)
    remote.height_mm += keys
    return wear.apply_wear(remote, rng)


def _pipe(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half, radius = length / 2, width / 2
    pick = rng.random()
    tone, metal = (
        (COPPER, 0.85)
        if pick < 0.2
        else (STEEL, 0.8)
        if pick < 0.4
        else (BRASS, 0.8)
        if pick < 0.45
        else (any_colour(rng), 0.0)
        if pick < 0.6
        else ((0.55, 0.57, 0.58), 0.0)
    )
    shape: Profile = (
        (-half, radius * 0.86),
        (half - length * 0.13, radius * 0.86),
        (half - length * 0.125, radius),
        (half, radius),
    )
    pipe = lathe(grid, shape, tone, metal=metal, gloss=0.4, smooth_mm=1)
    if metal and rng.random() < 0.5:
        wear.rust(pipe, rng.uniform(0.1, 0.6), rng)
    return wear.apply_wear(pipe, rng)


def _spray(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    tone, head_tone = any_colour(rng), any_colour(rng)
    body = length * 0.62
    x0 = -length / 2 + body / 2
    opacity = 0.6 if rng.random() < 0.4 else 1.0
    bottle = slab(
        grid,
        (body, width * 0.95, 60),
        tone,
        corner=width * 0.22,
        bevel=width * 0.28,
        gloss=0.6,
        opacity=opacity,
        centre_mm=(x0, 0),
    )
    art = Print(body * 0.6, width * 0.6, grid.scale, any_colour(rng))
    art.text(brand(rng), (body * 0.05, width * 0.12, body * 0.55, width * 0.34), WHITE, rng)
    art.small_print((body * 0.05, width * 0.38, body * 0.5, width * 0.56), BLACK, rng)
    label = slab(
        grid, (body * 0.6, width * 0.6, 60), art, corner=6, bevel=1, gloss=0.5, centre_mm=(x0, 0)
    )
    stack(bottle, label)
    neck_from = x0 + body / 2 - 3
    neck: Profile = (
        (neck_from, width * 0.24),
        (neck_from + 14, 15),
        (length / 2 - length * 0.15, 14),
    )
    stack(bottle, lathe(grid, neck, head_tone, gloss=0.3))
    stack(
        bottle,
        slab(
            grid,
            (length * 0.16, width * 0.72, 50),
            head_tone,
            corner=7,
            bevel=7,
            gloss=0.3,
            centre_mm=(length / 2 - length * 0.085, width * 0.1),
        ),
    )
    stack(
        bottle,
        slab(
            grid,
            (length * 0.13, 8, 52),
            any_colour(rng),
            corner=3,
            bevel=3,
            centre_mm=(length / 2 - length * 0.2, width * 0.26),
        ),
    )
    return wear.apply_wear(bottle, rng)


def lookalike(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one look-alike, its size varied as by make."""
    length, width, _ = SIZE_MM[kind]
    length *= rng.uniform(0.8, 1.2)
    width *= rng.uniform(0.85, 1.15)
    grid = Grid(length, width, px_per_mm)
    return DRAWN[kind](length, width, grid, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "deodorant_stick": _deodorant,
    "glue_stick": _glue,
    "marker": _marker,
    "torch": _torch,
    "lighter": _lighter,
    "remote_control": _remote,
    "pipe": _pipe,
    "spray_bottle": _spray,
}
