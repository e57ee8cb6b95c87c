"""The fire extinguisher: also a pressure vessel, and as dangerous in a baling press."""

import cv2
import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, STEEL, WHITE, Print, tint
from twin.drawn.shading import Colour, Grid, Surface, stack
from twin.drawn.solids import Profile, lathe, lathe_upright, slab


def extinguisher(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    half = length / 2
    radius = width * 0.365
    y0 = width / 2 - radius - 1
    head = 0.2 * length
    end = half - head
    shape: Profile = (
        (-half, radius * 0.86),
        (-half + 5, radius * 0.95),
        (-half + 12, radius),
        (end - radius * 0.7, radius),
        (end - radius * 0.3, radius * 0.85),
        (end, radius * 0.42),
        (end + 6, radius * 0.3),
    )
    red = tint(rng.uniform(-0.01, 0.02), rng.uniform(0.8, 0.95), rng.uniform(0.55, 0.85))
    round_mm = 2 * np.pi * radius
    art = Print(end + half, round_mm, grid.scale, red)
    for k in range(2):
        y = k * round_mm / 2
        art.rect(length * 0.14, y + 4, length * 0.56, y + round_mm * 0.3, WHITE)
        art.text(
            str(rng.choice(("EXTINCTEUR", "FIRE", "POUDRE ABC", "CO2", "EAU + ADDITIF"))),
            (length * 0.15, y + 8, length * 0.55, y + round_mm * 0.1),
            red,
            rng,
        )
        art.small_print(
            (length * 0.17, y + round_mm * 0.13, length * 0.5, y + round_mm * 0.28), BLACK, rng
        )
    body = lathe(grid, shape, art, gloss=0.65, roll=rng.random(), smooth_mm=6, centre_y_mm=y0)
    hose = np.zeros(grid.shape, np.uint8)
    bend = np.array(
        [
            [end + head * 0.3, y0 - 10],
            [end + head * 0.2, -width * 0.42],
            [end - length * 0.15, -width * 0.46],
            [end - length * 0.45, -width * 0.4 + rng.uniform(0, 12)],
        ]
    )
    points = np.array([grid.at(float(p[0]), float(p[1])) for p in bend], np.int32)
    cv2.polylines(hose, [points], False, 255, max(2, round(13 * grid.scale)), cv2.LINE_AA)
    window = max(3, int(9 * grid.scale) | 1)
    tube = slab(grid, (length, width, 40), BLACK, gloss=0.3)
    tube.inside = (hose > 127).astype(np.float32)
    tube.height_mm = np.asarray(cv2.blur(hose, (window, window)), np.float32) * np.float32(
        9 / 255
    ) + np.float32(90)
    if rng.random() < 0.75:
        stack(body, tube)
    grip: Colour = BLACK if rng.random() < 0.6 else (0.1, 0.08, 0.6)
    stack(
        body,
        slab(
            grid,
            (head * 0.55, 34, 95),
            STEEL,
            corner=4,
            bevel=5,
            metal=0.7,
            gloss=0.5,
            centre_mm=(end + head * 0.3, y0),
        ),
    )
    stack(
        body,
        slab(
            grid,
            (head * 0.9, 15, 110),
            grip,
            corner=5,
            bevel=5,
            gloss=0.4,
            centre_mm=(end + head * 0.53, y0 - 14),
        ),
    )
    stack(
        body,
        slab(
            grid,
            (head * 0.7, 13, 106),
            grip,
            corner=5,
            bevel=5,
            gloss=0.4,
            centre_mm=(end + head * 0.45, y0 + 13),
        ),
    )
    gauge = ((0, 112.0), (9, 112.0), (10, 115.0), (12, 114.0), (13, 108.0))
    stack(body, lathe_upright(grid, gauge, WHITE, gloss=0.7, centre_mm=(end + head * 0.2, y0 + 2)))
    wear.dents(body, int(rng.integers(0, 3)), 3, rng)
    wear.scratches(body, int(rng.integers(5, 40)), rng)
    return wear.apply_wear(body, rng, metal_body=True)
