"""Shared parts of packages: the printed sleeve and crumpling."""

import numpy as np

from twin.drawn.labels import Print, any_colour, brand, ink_on
from twin.drawn.noise import creases
from twin.drawn.shading import Surface


def crumple(obj: Surface, folds: int, depth_mm: float, rng: np.random.Generator) -> Surface:
    """Breaks the surface into facets and lowers its rim, so that it is a flattened shell."""
    obj.height_mm += np.float32(depth_mm) * creases(obj.grid.shape, folds, 0.1, rng)
    return obj


def sleeve(length: float, around: float, scale: float, rng: np.random.Generator) -> Print:
    """The sleeve of a drink: name, illustration, stripes, barcode, printed twice around."""
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
