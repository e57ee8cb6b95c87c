"""Light on the image: lamps and their changes over time, skirt shadows, sensor noise."""

from math import sin

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import noise
from twin.drawn.shading import Image
from twin.line.scenario import Scenario


class Lamps:
    """The illumination of the whole image at a given time."""

    def __init__(self, scenario: Scenario, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._light = scenario.light
        self._flicker = scenario.camera.flicker
        self._gain = _falloff(size, rng) * _gradient(scenario, size)
        self._beat = rng.uniform(0, 2 * np.pi)

    def illuminate(self, image: Image, t_s: float) -> Image:
        # Lamps at 100 Hz beat slowly against the frame rate.
        level = 1 + self._flicker * sin(2 * np.pi * 0.7 * t_s + self._beat)
        level *= self._light.level_at(t_s)
        turn = 2 * np.pi * t_s / self._light.drift_s
        # Two incommensurate waves: daylight, clouds, ageing lamps.
        level *= 1 + self._light.drift * (0.6 * sin(turn) + 0.4 * sin(2.6 * turn + self._beat))
        return np.asarray(cv2.multiply(image, self._gain, scale=level, dtype=cv2.CV_8U), np.uint8)


def _falloff(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of the image, float32 `(h, w, 3)`: lamp falloff and lens vignette."""
    width, height = size
    u = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height / width)
    vignette = 1 - 0.20 * (u * u + v * v) ** 1.2
    lamp = 1.12 + 0.07 * np.exp(-(((u + 0.25) / 0.5) ** 2)) - 0.05 * v
    uneven = 1 + 0.03 * (noise((height, width), width / 3, rng) - 0.5)
    gain = (vignette * lamp * uneven).astype(np.float32)
    tone = np.array((1.03, 1.0, 0.985), np.float32)  # LED hall lamps are a little cold
    return np.ascontiguousarray(gain[..., None] * tone)


def _gradient(scenario: Scenario, size: tuple[int, int]) -> NDArray[np.float32]:
    """Lamps on one side, float32 `(h, w, 1)` about 1."""
    along = 1 + scenario.light.gradient_along * np.linspace(-1, 1, size[0], dtype=np.float32)
    across = 1 + scenario.light.gradient_across * np.linspace(-1, 1, size[1], dtype=np.float32)
    return np.asarray(across[:, None, None] * along[None, :, None], np.float32)


def edge_shade(
    across_mm: NDArray[np.float64], width_mm: float, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The skirts' shadow on the belt, float32 `(h, w, 3)`; `across_mm`: x_mm of every 8th px."""
    columns, rows = len(range(0, size[0], 8)), len(range(0, size[1], 8))
    x = across_mm.reshape(rows, columns)
    shade = (
        1 - 0.62 * np.exp(-np.maximum(x, 0) / 26) - 0.3 * np.exp(-np.maximum(width_mm - x, 0) / 9)
    )
    full = cv2.resize(shade.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.repeat(full[..., None], 3, axis=2))


def sensor_grain(
    size: tuple[int, int], sigma: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Sensor noise, int16, 64 px larger than the image each way so that it can be shifted."""
    shape = (size[1] + 64, size[0] + 64)
    grey = rng.normal(0, sigma, shape).astype(np.float32)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.6), np.float32) * np.float32(1.7)
    colour = rng.normal(0, sigma * 0.4, (*shape, 3)).astype(np.float32)
    return np.round(grey[..., None] + colour).astype(np.int16)
