"""Gas canisters, their sizes varied as on the market."""

import numpy as np

from twin.drawn import cartridges, cylinders
from twin.drawn.shading import Grid, Surface

SIZE_MM: dict[str, tuple[float, float, float]] = {**cartridges.SIZE_MM, **cylinders.SIZE_MM}
DRAWN = {**cartridges.DRAWN, **cylinders.DRAWN}


def canister(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one gas canister, its size varied as on the market."""
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
