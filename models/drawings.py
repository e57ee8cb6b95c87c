"""Drawn hazards and waste, taken from the twin's things: kinds that no photograph shows."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.composites import Box
from models.errors import WorkshopError
from models.sources import CLASS_NAMES, Image
from models.textures import Rng

_PX_PER_MM = 1.3  # drawn a little larger than most scenes need, then shrunk


@dataclass(frozen=True)
class _Bank:
    """A drawer over a few drawings made in advance: a bottle takes 0.2 s, a scene 0.08 s."""

    made: tuple[Image, ...]

    def __call__(self, rng: Rng, px_per_mm: float) -> Image:
        thing = self.made[int(rng.integers(len(self.made)))]
        scale = px_per_mm / _PX_PER_MM * rng.uniform(0.9, 1.1)
        size = (max(4, round(thing.shape[1] * scale)), max(4, round(thing.shape[0] * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(thing, size, interpolation=method), np.uint8)


def _bank(draw: Callable[..., Image], kind: str, variants: int, seed: tuple[int, int]) -> _Bank:
    rngs = [np.random.default_rng([*seed, n]) for n in range(variants)]
    return _Bank(tuple(draw(kind, rng, _PX_PER_MM) for rng in rngs))


def drawings(share: float, grounds: Sequence[Image], *, seed: int, variants: int = 24) -> Box:
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
        (_bank(things.draw, kind, variants, (seed, number)), CLASS_NAMES.index(label))
        for number, (kind, label) in enumerate(things.HAZARDS.items())
    ]
    waste = [
        _bank(things.draw, kind, variants, (seed, 1000 + number))
        for number, kind in enumerate(things.WASTE)
    ]
    return Box(hazards, waste, share, grounds)
