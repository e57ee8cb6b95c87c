"""Wear from use and the bunker: dirt, rust, scratches, dents, faded print."""

import cv2
import numpy as np

from twin.drawn.labels import tint
from twin.drawn.noise import Field, clouds, noise, step, streaks
from twin.drawn.shading import Colour, Surface


def _blend(obj: Surface, mask: Field, colour: Colour, *, dull: float, metal: float = 0.0) -> None:
    obj.colour += mask[..., None] * (np.asarray(colour, np.float32) - obj.colour)
    obj.gloss *= 1 - np.float32(dull) * mask
    obj.metal += mask * (np.float32(metal) - obj.metal)


def dirt(obj: Surface, amount: float, rng: np.random.Generator) -> None:
    """Grey-brown film and specks over `amount` (0..1) of the object."""
    if amount <= 0:
        return
    scale = obj.grid.scale
    shape = obj.grid.shape
    size = min(shape) / scale
    mud = tint(rng.uniform(0.06, 0.11), rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.42))
    film = clouds(shape, max(3.0, size * 0.4) * scale, rng)
    _blend(obj, step(film, 0.78 - 0.5 * amount, 1.05 - 0.35 * amount) * 0.75, mud, dull=0.8)
    specks = step(noise(shape, rng.uniform(0.5, 1.6) * scale, rng), 1.0 - 0.14 * amount, 1.06)
    _blend(obj, specks * rng.uniform(0.4, 0.8), tint(0.08, 0.3, rng.uniform(0.1, 0.25)), dull=0.7)


def rust(obj: Surface, amount: float, rng: np.random.Generator) -> None:
    """Rust spots, with bare metal under worn paint around them."""
    if amount <= 0:
        return
    scale, shape = obj.grid.scale, obj.grid.shape
    field = clouds(shape, max(4.0, min(shape) / scale * 0.3) * scale, rng, 4)
    grain_mm = max(2.0, min(shape) / scale * 0.03)
    field = field + 0.22 * (clouds(shape, grain_mm * scale, rng, 2) - 0.5)
    edge = 0.9 - 0.55 * amount
    _blend(obj, step(field, edge - 0.06, edge) * 0.6, (0.36, 0.38, 0.4), dull=0.5, metal=0.3)
    tone = rng.uniform(0.03, 0.07)
    core = step(field, edge, edge + 0.10)
    _blend(obj, core * 0.92, tint(tone, 0.72, 0.36), dull=0.95)
    _blend(obj, step(field, edge + 0.15, edge + 0.3) * 0.7, tint(tone, 0.7, 0.2), dull=1.0)
    obj.height_mm -= core * np.float32(0.12) * noise(shape, 1.5 * scale, rng)


def scratches(
    obj: Surface, count: int, rng: np.random.Generator, colour: Colour = (0.7, 0.72, 0.74)
) -> None:
    """Fine straight marks, mostly short, with `colour` where the paint is gone."""
    if count <= 0:
        return
    height, width = obj.grid.shape
    mask = np.zeros((height, width), np.uint8)
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        angle, length = rng.uniform(0, np.pi), rng.exponential(0.12) * width
        end = (int(x + np.cos(angle) * length), int(y + np.sin(angle) * length))
        thick = int(rng.integers(1, max(2, obj.grid.fine)))
        cv2.line(mask, (int(x), int(y)), end, int(rng.integers(90, 230)), thick, cv2.LINE_AA)
    _blend(obj, mask.astype(np.float32) * np.float32(1 / 255), colour, dull=0.2, metal=0.3)


def dents(obj: Surface, count: int, depth_mm: float, rng: np.random.Generator) -> None:
    """Round dents, up to `depth_mm` deep and a quarter of the object's width wide."""
    grid = obj.grid
    for _ in range(count):
        size = rng.uniform(0.1, 0.28) * grid.width_mm + 1
        x = rng.uniform(-0.45, 0.45) * grid.length_mm
        y = rng.uniform(-0.45, 0.45) * grid.width_mm
        long = rng.uniform(0.6, 2.0)
        fall = np.exp(-(((grid.x_mm - np.float32(x)) / np.float32(size * long)) ** 2)) * np.exp(
            -(((grid.y_mm - np.float32(y)) / np.float32(size)) ** 2)
        )
        obj.height_mm -= np.float32(depth_mm * rng.uniform(0.3, 1)) * fall


def fade(obj: Surface, amount: float, rng: np.random.Generator) -> None:
    """Print bleached and rubbed off in streaks along the object."""
    if amount <= 0:
        return
    shape = obj.grid.shape
    rubbed = step(streaks(shape, 18 * obj.grid.scale, 5 * obj.grid.scale, rng), 0.55, 1.0)
    grey = obj.colour.mean(axis=2, keepdims=True) * 0.6 + 0.3
    obj.colour += (np.float32(amount) * (0.35 + 0.65 * rubbed))[..., None] * (grey - obj.colour)


def apply_wear(obj: Surface, rng: np.random.Generator, *, metal_body: bool = False) -> Surface:
    """The usual wear of an object found in waste: nearly new to very dirty."""
    if rng.random() < 0.35:
        fade(obj, rng.uniform(0.1, 0.5), rng)
    scratches(obj, int(rng.integers(0, 14)), rng)
    if metal_body and rng.random() < 0.3:
        rust(obj, rng.uniform(0.05, 0.6), rng)
    dirt(obj, max(0.0, rng.normal(0.38, 0.3)), rng)
    return obj
