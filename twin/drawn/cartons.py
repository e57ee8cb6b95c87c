"""Card packages: boxes, drink cartons.

Sizes: parcels and 1 l cartons as sold in Europe.
"""

from collections.abc import Callable

import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.shading import Grid, Surface, stack
from twin.drawn.sleeves import crumple, sleeve
from twin.drawn.solids import lathe_upright, slab

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "carton_box": (250.0, 170.0, 90.0),
    "drink_carton": (195.0, 85.0, 60.0),
}


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
    return wear.apply_wear(box, rng)


def _drink_carton(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    art = sleeve(length, width * 2, grid.scale, rng)
    carton = slab(grid, (length, width, 55), art, corner=2, bevel=3, gloss=0.45)
    gable = np.clip((grid.x_mm - np.float32(length * 0.28)) / np.float32(length * 0.22), 0, 1)
    carton.height_mm -= np.float32(26) * gable
    if rng.random() < 0.6:
        x = length * 0.36
        stack(
            carton,
            lathe_upright(
                grid,
                ((0, 48), (11, 48), (13, 44), (14, 38)),
                any_colour(rng),
                gloss=0.4,
                centre_mm=(x, 0),
            ),
        )
    crumple(carton, 7, rng.uniform(3, 16), rng)
    return wear.apply_wear(carton, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "carton_box": _box,
    "drink_carton": _drink_carton,
}
