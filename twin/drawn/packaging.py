"""Packages, their sizes varied as on the market."""

import numpy as np

from twin.drawn import cartons, plastics, tins
from twin.drawn.shading import Grid, Surface

SIZE_MM: dict[str, tuple[float, float, float]] = {
    **plastics.SIZE_MM,
    **tins.SIZE_MM,
    **cartons.SIZE_MM,
}
DRAWN = {**plastics.DRAWN, **tins.DRAWN, **cartons.DRAWN}


def package(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one package, its size varied as on the market."""
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
