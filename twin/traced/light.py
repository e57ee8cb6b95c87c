"""Lighting of the traced scenes: lamps, environment, view transform."""

from dataclasses import dataclass

import numpy as np

Tone = tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A lamp aimed at the centre of the scene; positions and sizes in units of 100 mm."""

    place: tuple[float, float, float]
    length: float
    width: float
    watts: float
    colour: Tone
    turn: float = 0.0


@dataclass(frozen=True)
class Sun:
    """Directional light from a disc `angle` (radians) wide: a row of lamps along the belt."""

    towards: tuple[float, float, float]
    angle: float
    strength: float
    colour: Tone


@dataclass(frozen=True)
class Light:
    """All light of a scene; tones are linear red, green, blue. The gantry is straight above."""

    lamps: tuple[Lamp, ...]
    ambient: float
    ceiling: Tone
    walls: Tone
    ground: Tone
    gantry: Tone
    film: str = "AgX"
    look: str = "AgX - Medium High Contrast"
    exposure: float = 0.0
    suns: tuple[Sun, ...] = ()


def hall_light(rng: np.random.Generator) -> Light:
    """Random strip lamps above a belt, from long and soft to one hard spot, warm to cold."""
    warm = rng.uniform(-1, 1)
    tone = (1 + 0.10 * warm, 1.0, 1 - 0.14 * warm)
    lamps = []
    hard = rng.random() < 0.3
    count = 1 if hard else int(rng.integers(1, 4))
    key = rng.uniform(0, 2 * np.pi)
    for k in range(count):
        turn = key + k * rng.uniform(1.2, 3.4)
        away, high = rng.uniform(4, 22), rng.uniform(18, 32)
        place = (float(np.cos(turn) * away), float(np.sin(turn) * away), float(high))
        size = rng.uniform(0.8, 3) if hard else rng.uniform(6, 16)
        wide = size if hard else rng.uniform(1.2, 4)
        strength = rng.uniform(0.6, 1.0) * (1.0 if k == 0 else rng.uniform(0.2, 0.8))
        # Watts for about the same light on the belt from any height and number of lamps.
        watts = strength * 34 * (away**2 + high**2) / count**0.5
        lamps.append(Lamp(place, size, wide, float(watts), tone, float(rng.uniform(0, 6.3))))
    grey = rng.uniform(0.2, 0.8)
    dark = grey * rng.uniform(0.1, 0.9)
    ground = rng.uniform(0.02, 0.16)
    walls = rng.uniform(0.25, 0.9)
    return Light(
        lamps=tuple(lamps),
        ambient=float(rng.uniform(0.25, 0.7) * (0.7 if hard else 1.0)),
        ceiling=(grey * 1.0, grey * 0.98, grey),
        walls=(walls, walls * 0.97, walls * 0.92),
        ground=(ground, ground, ground),
        gantry=(dark, dark, dark),
        look=str(
            rng.choice(("AgX - Medium High Contrast", "AgX - Base Contrast", "AgX - High Contrast"))
        ),
        exposure=float(rng.normal(0.1, 0.3)),
    )


def belt_light(rng: np.random.Generator) -> Light:
    """Light along metres of belt: a row of lamps upstream on the left, another opposite.

    Shadows fall to the lower right, as on drawn strips.
    """
    warm = rng.uniform(-1, 1)
    tone = (1 + 0.08 * warm, 1.0, 1 - 0.1 * warm)
    key = Sun((-0.55, 0.5, 1.0), float(rng.uniform(0.15, 0.6)), float(rng.uniform(1.4, 2.6)), tone)
    fill = Sun((0.7, -0.3, 1.0), float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.2, 0.8)), tone)
    grey, walls = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)
    return Light(
        lamps=(),
        ambient=float(rng.uniform(0.4, 0.7)),
        ceiling=(grey, grey, grey),
        walls=(walls, walls * 0.97, walls * 0.93),
        ground=(0.05, 0.05, 0.05),
        gantry=(grey * 0.4, grey * 0.4, grey * 0.4),
        look="AgX - Medium High Contrast",
        exposure=float(rng.normal(0.1, 0.12)),
        suns=(key, fill),
    )
