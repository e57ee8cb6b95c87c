"""Backgrounds for scenes: synthetic belts, and plain or busy floors.

The belt of a line is not the one in the data, so the model must not depend on one rubber, one light
and one kind of dirt.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.sources import GREY, Image

Rng = np.random.Generator
Floats = NDArray[np.float32]

# BGR of belt rubbers and of slider beds: black, grey, green, blue, brown, white.
_RUBBER = np.array(
    [(38, 38, 40), (62, 64, 66), (92, 94, 96), (70, 98, 58), (60, 84, 40), (120, 84, 48),
     (52, 66, 82), (150, 154, 158), (28, 30, 34), (76, 82, 94)],
    np.float32,
)  # fmt: skip


def clouds(rng: Rng, size: tuple[int, int], cells: tuple[int, int]) -> Floats:
    """Smooth noise of about unit spread, (h, w) float32, with `cells` bumps down and across."""
    grid = rng.standard_normal((max(2, cells[0]), max(2, cells[1]))).astype(np.float32)
    return np.asarray(
        cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), np.float32
    )


def _speckles(rng: Rng, image: Floats, count: int) -> None:
    height, width = image.shape[:2]
    for _ in range(count):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
        colour = (rng.uniform(40, 230) + rng.normal(0, 12, 3)).clip(0, 255)
        cv2.ellipse(
            image, centre, axes, float(rng.uniform(0, 180)), 0, 360,
            (float(colour[0]), float(colour[1]), float(colour[2])), -1, cv2.LINE_AA,
        )  # fmt: skip


def _profile(rng: Rng, image: Floats) -> None:
    """Features that repeat along a belt: cleats, chevrons, a splice or lanes of wear."""
    height, width = image.shape[:2]
    kind = rng.integers(5)
    gain = float(rng.uniform(0.75, 1.3))
    thick = int(rng.integers(2, 14))
    if kind == 0:
        for y in range(int(rng.integers(60)), height, int(rng.integers(60, 300))):
            image[y : y + thick] *= gain
    elif kind == 1:
        pitch, rise = int(rng.integers(30, 120)), int(rng.integers(20, 140))
        mask = np.zeros((height, width), np.uint8)
        for y in range(-rise, height + rise, pitch):
            points = np.array([(0, y), (width // 2, y + rise), (width, y)], np.int32)
            cv2.polylines(mask, [points], False, 1, thick)
        image[mask > 0] *= gain
    elif kind == 2:
        y = int(rng.integers(height))
        for x in range(0, width, int(rng.integers(8, 20))):
            cv2.line(image, (x, y), (x + 5, y + int(rng.integers(4, 18))), (150, 150, 150), 2)
    elif kind == 3:
        lanes = clouds(rng, (1, width), (1, int(rng.integers(3, 12))))
        image *= (1 + 0.12 * lanes)[..., None]


def belt(rng: Rng, size: tuple[int, int]) -> Image:
    """One belt surface, (h, w, 3) uint8 BGR, travelling along y."""
    height, width = size
    base = _RUBBER[rng.integers(len(_RUBBER))] * rng.uniform(0.6, 1.5) + rng.normal(0, 5, 3)
    image = np.ones((height, width, 3), np.float32) * base.astype(np.float32)
    for cells, spread in ((4, 0.08), (16, 0.06), (64, 0.06)):
        image *= 1 + rng.uniform(0.2, 1.4) * spread * clouds(rng, size, (cells, cells))[..., None]
    streaks = clouds(rng, size, (3, int(rng.integers(20, 120))))
    image *= 1 + rng.uniform(0, 0.15) * streaks[..., None]
    _profile(rng, image)
    if rng.random() < 0.4:  # dried dirt: brighter, browner patches
        dirt = (clouds(rng, size, (10, 10)) + 0.5 * clouds(rng, size, (50, 50)) - 0.6).clip(0, 1.5)
        tint = np.array([60, 85, 105], np.float32) * rng.uniform(0.6, 1.4)
        image += dirt[..., None] * (tint - image) * rng.uniform(0.2, 0.7)
    if rng.random() < 0.25:  # wet: soft highlights of the lamps
        shine = (clouds(rng, size, (int(rng.integers(4, 14)), 6)) - 0.7).clip(0, 2)
        image += shine[..., None] * rng.uniform(20, 90)
    if rng.random() < 0.6:
        _speckles(rng, image, int(rng.integers(5, 160)))
    image += rng.normal(0, rng.uniform(1, 7), image.shape).astype(np.float32)
    return np.asarray(image.clip(0, 255), np.uint8)


def plain(rng: Rng, size: tuple[int, int]) -> Image:
    """A studio background: one colour with a soft gradient, or the letterbox's grey."""
    if rng.random() < 0.2:
        return np.full((*size, 3), GREY, np.uint8)
    bright = rng.uniform(20, 250)
    colour = (bright + rng.normal(0, rng.choice([3, 12, 45]), 3)).clip(0, 255).astype(np.float32)
    image = np.ones((*size, 3), np.float32) * colour
    image *= 1 + 0.12 * clouds(rng, size, (2, 2))[..., None]
    image += rng.normal(0, rng.uniform(0.5, 5), image.shape).astype(np.float32)
    return np.asarray(image.clip(0, 255), np.uint8)


def fit(rng: Rng, image: Image, size: tuple[int, int], scale: float) -> Image:
    """Scale a background and cut out (h, w) at random; a smaller one is extended by mirroring."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    down, across = max(0, size[0] - image.shape[0]), max(0, size[1] - image.shape[1])
    if down or across:
        top, left = down // 2, across // 2
        image = np.pad(image, ((top, down - top), (left, across - left), (0, 0)), mode="symmetric")
    y = int(rng.integers(image.shape[0] - size[0] + 1))
    x = int(rng.integers(image.shape[1] - size[1] + 1))
    return np.ascontiguousarray(image[y : y + size[0], x : x + size[1]])
