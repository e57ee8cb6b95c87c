"""Random fields for weathering, crumpling and texture.

All fields are float32 `(h, w)` in pixels of the grid they are drawn on.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def noise(shape: tuple[int, int], cell_px: float, rng: np.random.Generator) -> Field:
    """Smooth value noise, about 0..1, whose blobs are about `cell_px` wide."""
    return streaks(shape, cell_px, cell_px, rng)


def streaks(
    shape: tuple[int, int], along_px: float, across_px: float, rng: np.random.Generator
) -> Field:
    """Noise whose blobs are `along_px` long in x and `across_px` wide in y, about 0..1."""
    height, width = shape
    rows = max(2, int(height / max(across_px, 1.0)) + 2)
    columns = max(2, int(width / max(along_px, 1.0)) + 2)
    coarse = rng.random((rows, columns), dtype=np.float32)
    return np.asarray(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32
    )


def clouds(
    shape: tuple[int, int], cell_px: float, rng: np.random.Generator, octaves: int = 3
) -> Field:
    """Sum of `octaves` of noise, each half as wide and half as strong, about 0..1."""
    total = noise(shape, cell_px, rng)
    weight, norm = 0.5, 1.0
    for octave in range(1, octaves):
        total += weight * noise(shape, cell_px / 2**octave, rng)
        norm += weight
        weight /= 2
    total /= norm
    return total


def step(field: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, linear between."""
    scaled = (field - np.float32(low)) * np.float32(1.0 / (high - low))
    return np.asarray(np.clip(scaled, 0.0, 1.0), dtype=np.float32)


def creases(shape: tuple[int, int], count: int, wobble: float, rng: np.random.Generator) -> Field:
    """Facets between `count` straight creases, as in crumpled paper; about -1..1.

    A sum of |distance to a line| is flat between the lines and has an edge along each of them.
    `wobble` (share of the larger side) bends the lines. Drawn at most 300 px wide and enlarged:
    creases stay sharp enough, and large sheets cost no more than small ones.
    """
    shrink = max(2.0, max(shape) / 300)
    height, width = (max(2, int(n / shrink)) for n in shape)
    reach = float(max(height, width))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(reach)
    if wobble > 0:
        x = x + wobble * (noise((height, width), reach / 4, rng) - 0.5)
        y = y + wobble * (noise((height, width), reach / 4, rng) - 0.5)
    total = np.zeros((height, width), np.float32)
    for _ in range(count):
        angle = rng.uniform(0, np.pi)
        cos, sin = np.cos(angle), np.sin(angle)
        at_x, at_y = rng.uniform(0, width / reach), rng.uniform(0, height / reach)
        fold = np.abs(
            (x - np.float32(at_x)) * np.float32(cos) + (y - np.float32(at_y)) * np.float32(sin)
        )
        total += fold * np.float32(rng.uniform(0.4, 1.0) * rng.choice((-1.0, 1.0)))
    total -= total.mean()
    total /= max(float(np.abs(total).max()), 1e-6)
    return np.asarray(
        cv2.resize(total, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32
    )
