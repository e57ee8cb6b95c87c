"""The empty belt: rubber, dirt and splice, as one repeating loop."""

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.labels import tint
from twin.drawn.noise import Field, clouds, noise, step, streaks
from twin.drawn.shading import Colour, Image

# Base grey, dirt, grain and streaks of each texture; by eye from worn belts in sorting plants.
LOOK: dict[str, tuple[float, float, float]] = {
    "worn": (0.345, 1.0, 1.0),
    "clean": (0.27, 0.35, 0.7),
    "fabric": (0.36, 0.6, 1.0),
}


def belt_loop(
    length_mm: float, width_mm: float, px_per_mm: float, texture: str, rng: np.random.Generator
) -> Image:
    """One loop of belt, unlit: uint8 BGR `(width, length, 3)` in px, travel along x."""
    shape = (round(width_mm * px_per_mm), round(length_mm * px_per_mm))
    base, dirty, rough = LOOK[texture]
    s = px_per_mm
    grey = np.full(shape, base, np.float32)
    grey += np.float32(0.05 * rough) * (streaks(shape, 900 * s, 26 * s, rng) - 0.5)
    grey -= np.float32(0.07 * rough) * step(streaks(shape, 9000 * s, 60 * s, rng), 0.45, 0.75)
    grey += np.float32(0.05 * rough) * (streaks(shape, 260 * s, 3.2 * s, rng) - 0.5)
    grey += np.float32(0.045 * rough) * (noise(shape, 1.2, rng) - 0.5)
    grey += np.float32(0.05 * rough) * (clouds(shape, 5 * s, rng, 2) - 0.5)
    if texture == "fabric":
        weave = np.sin(np.arange(shape[1], dtype=np.float32) * np.float32(2 * np.pi / (3.2 * s)))
        grey += np.float32(0.02) * weave[None, :]
    _scratch(grey, s, rough, rng)

    warm = tint(rng.uniform(0.07, 0.1), 0.12, 1.0)
    colour = grey[..., None] * np.asarray(warm, np.float32)
    # Caked dirt follows the tracks of scraper and rollers, less near the edges.
    across = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    tracks = streaks(shape, 4000 * s, 55 * s, rng) * (1 - across**4)
    cake = step(clouds(shape, 16 * s, rng, 4) + np.float32(0.75) * tracks, 0.80, 1.05)
    cake *= np.float32(0.55) + np.float32(0.45) * step(noise(shape, 1.6 * s, rng), 0.2, 0.8)
    _tone(colour, cake * np.float32(0.6 * dirty), tint(0.09, 0.26, 0.42))
    grains = step(noise(shape, 1.9 * s, rng) + np.float32(0.25) * cake, 0.98, 1.16)
    _tone(colour, grains * np.float32(0.6 * dirty), tint(0.1, 0.22, 0.6))
    _tone(
        colour,
        step(clouds(shape, 42 * s, rng, 3), 0.66, 0.85) * np.float32(0.4 * dirty),
        tint(0.08, 0.3, 0.13),
    )
    _tone(
        colour, step(noise(shape, 2.0 * s, rng), 0.98, 1.06) * np.float32(0.5), tint(0.1, 0.1, 0.62)
    )
    _crumbs(colour, s, dirty, rng)
    _splice(colour, s, rng)
    return np.asarray(np.clip(colour * 255, 0, 255), np.uint8)


def _tone(colour: NDArray[np.float32], mask: Field, tone: Colour) -> None:
    colour += mask[..., None] * (np.asarray(tone, np.float32) - colour)


def _scratch(grey: Field, scale: float, rough: float, rng: np.random.Generator) -> None:
    """Long fine scratches along the travel, and some across."""
    height, width = grey.shape
    marks = np.zeros((height, width), np.uint8)
    for _ in range(int(width / scale * 0.05 * rough)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        length = rng.exponential(160) * scale
        lean = rng.normal(0, 0.03) if rng.random() < 0.85 else rng.normal(0, 0.8)
        end = (int(x + length), int(y + lean * length))
        cv2.line(marks, (int(x), int(y)), end, int(rng.integers(40, 190)), 1, cv2.LINE_AA)
    grey += marks.astype(np.float32) * np.float32(0.11 / 255)
    grey -= np.roll(marks, 1, axis=0).astype(np.float32) * np.float32(0.06 / 255)


def _crumbs(
    colour: NDArray[np.float32], scale: float, dirty: float, rng: np.random.Generator
) -> None:
    """Crumbs, shards and paper bits that stick to the belt and return with it."""
    height, width = colour.shape[:2]
    for _ in range(int(width / scale * 0.14 * dirty)):
        at = rng.uniform(0, (width, height))
        size = min(0.5 + rng.exponential(1.2), 7.0) * scale
        corners = int(rng.integers(4, 8))
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = size * rng.uniform(0.4, 1.0, corners)[:, None]
        points = at + reach * np.stack((np.cos(turns) * rng.uniform(0.4, 1), np.sin(turns)), 1)
        tone = tint(rng.uniform(0.06, 0.14), rng.uniform(0, 0.4), rng.uniform(0.25, 0.75))
        if rng.random() < 0.08:
            tone = tint(rng.random(), 0.5, 0.6)
        fixed = np.round(points * 8).astype(np.int32)
        cv2.fillPoly(colour, [fixed + 10], (0.07, 0.07, 0.07), cv2.LINE_8, 3)
        cv2.fillPoly(colour, [fixed], tone, cv2.LINE_8, 3)


def _splice(colour: NDArray[np.float32], scale: float, rng: np.random.Generator) -> None:
    """The splice that closes the loop, at its start: a bevelled joint with a row of steel hooks."""
    height = colour.shape[0]
    middle, lean = 60 * scale, 0.12 * height
    top, bottom = (round(middle + lean / 2), 0), (round(middle - lean / 2), height)
    for shift, tone, thick in (
        (0, 0.09, 5),
        (5, 0.36, 1.5),
        (-5, 0.13, 1.5),
        (22, 0.14, 1),
        (-20, 0.3, 1),
    ):
        a = (round(top[0] + shift * scale), top[1])
        b = (round(bottom[0] + shift * scale), bottom[1])
        cv2.line(colour, a, b, (tone, tone, tone), max(1, round(thick * scale)), cv2.LINE_8)
    pitch = 14 * scale
    for k in range(int(height / pitch)):
        y = (k + 0.5) * pitch
        x = middle + lean / 2 - lean * y / height
        shine = rng.uniform(0.45, 0.72)
        a = (round(x - 9 * scale), round(y))
        b = (round(x + 9 * scale), round(y))
        cv2.line(colour, a, (b[0], b[1] + 1), (0.08, 0.08, 0.08), max(2, round(3.4 * scale)))
        cv2.line(colour, a, b, (shine, shine, shine), max(1, round(2.2 * scale)))
