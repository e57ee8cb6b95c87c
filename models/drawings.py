"""Drawn hazards and waste, taken from the twin's things: kinds that no photograph shows."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from models.composites import Box, Drawer
from models.errors import WorkshopError
from models.sources import CLASS_NAMES, Image
from models.textures import Rng


def _drawer(draw: object, kind: str) -> Drawer:
    assert callable(draw)

    def drawn(rng: Rng, px_per_mm: float) -> Image:
        thing: Image = draw(kind, rng, px_per_mm)
        return thing

    return drawn


def drawings(share: float, grounds: Sequence[Image]) -> Box:
    """The lid of scenes: grounds, and with a share above 0 the twin's drawn things."""
    if share <= 0:
        return Box(grounds=grounds)
    try:
        things = importlib.import_module("twin.things")
    except ImportError as error:
        raise WorkshopError(
            f"drawn_share is {share}, but twin/things.py cannot be imported ({error}); "
            "run from the repository's root or set drawn_share = 0"
        ) from error
    hazards = [
        (_drawer(things.draw, kind), label if isinstance(label, int) else CLASS_NAMES.index(label))
        for kind, label in things.HAZARDS.items()
    ]
    waste = [_drawer(things.draw, kind) for kind in things.WASTE]
    return Box(hazards, waste, share, grounds)
