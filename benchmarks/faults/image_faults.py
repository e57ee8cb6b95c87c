"""Faults of a camera's image, applied to good frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""`(h, w, 3)` uint8 BGR."""

FAST = ("dark", "white", "frozen", "frozen_under_a_clock")
SLOW = ("flicker", "blurred", "dirty_lens", "overexposed", "moved", "clock_step")
MOVED_LEAST_PX, MOVED_MOST_PX = 4.0, 24.0
STEP_LEAST_S, STEP_MOST_S = 0.2, 3600.0


def faulty(kind: str, image: Image, last: Image, step: int, rng: np.random.Generator) -> Image:
    """The image with a fault. `last`: the last one before it; `step`: number of the frame."""
    if kind in {"dark", "white"}:
        least = 0 if kind == "dark" else 250
        return np.asarray(rng.integers(least, least + 6, image.shape, dtype=np.uint8))
    if kind == "frozen":
        return last
    if kind == "frozen_under_a_clock":
        # As a JPEG: each copy is encoded, and differs a little.
        shown = last.copy()
        shown[:60, :260] = 0
        cv2.putText(shown, f"12:00:{step:05d}", (8, 45), 0, 1.0, (255, 255, 255), 2)
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95))]
        _, data = cv2.imencode(".jpg", shown, quality)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if kind in {"flicker", "overexposed"}:
        gain, offset = (1 + 0.1 * float(np.sin(2.1 * step)), 0) if kind == "flicker" else (6.0, 40)
        return np.asarray(cv2.convertScaleAbs(image, alpha=gain, beta=offset), np.uint8)
    if kind == "blurred":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 3.0), np.uint8)
    if kind == "dirty_lens":
        return _smudged(image)
    raise ValueError(f"{kind}: no such fault; there are {', '.join(FAST + SLOW)}")


def movement(rng: np.random.Generator) -> NDArray[np.float64]:
    """A camera's movement that lasts, `(2, 3)` px: in any direction, of any size."""
    far, angle = rng.uniform(MOVED_LEAST_PX, MOVED_MOST_PX), rng.uniform(0, 2 * np.pi)
    return np.array([[1, 0, far * np.cos(angle)], [0, 1, far * np.sin(angle)]])


def moved(image: Image, movement: NDArray[np.float64]) -> Image:
    """The image of a camera that was moved; what comes into view repeats the edge."""
    height, width = image.shape[:2]
    shifted = cv2.warpAffine(image, movement, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shifted, np.uint8)


def set_clock(rng: np.random.Generator) -> int:
    """By how much a clock is set, ns: forward or back, 0.2 s to an hour."""
    step_s = np.exp(rng.uniform(np.log(STEP_LEAST_S), np.log(STEP_MOST_S)))
    return round(float(step_s * rng.choice([-1, 1])) * 1e9)


def _smudged(image: Image) -> Image:
    """Three smudges over a tenth of the image, which scatter what is behind them."""
    height, width = image.shape[:2]
    weight = np.zeros((height, width), np.float32)
    for x, y, turn in ((0.3, 0.35, 20), (0.6, 0.6, 80), (0.8, 0.3, 130)):
        centre, axes = (round(x * width), round(y * height)), (width // 12, height // 10)
        cv2.ellipse(weight, (centre, (2 * axes[0], 2 * axes[1]), turn), 0.9, -1)
    weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), width / 80), np.float32)
    small = cv2.resize(image, (width // 16, height // 16), interpolation=cv2.INTER_AREA)
    haze = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (width, height))
    tone = np.full_like(image, 125)
    scattered = cv2.addWeighted(haze, 0.6, tone, 0.4, 0)
    return np.asarray(cv2.blendLinear(image, scattered, 1 - weight, weight), np.uint8)
