"""The lens: distortion and dirt; dirt is fixed in the image."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import clouds, noise, step
from twin.drawn.shading import Image
from twin.line.conditions import Lens

Points = NDArray[np.float64]


class LensModel:
    """`ideal` px: of a lens without distortion; `image` px: of the real image."""

    def __init__(self, lens: Lens, size: tuple[int, int], rng: np.random.Generator) -> None:
        self.size = width, height = size
        self._k1 = lens.distortion
        self._matrix = np.array(
            [[width, 0, (width - 1) / 2], [0, width, (height - 1) / 2], [0, 0, 1.0]]
        )
        self._shrink = self._fit()
        self._drops = [
            (
                rng.uniform(0, width),
                rng.uniform(0, height),
                rng.uniform(0.012, 0.04) * width,
                rng.uniform(0.8, 1.3),
            )
            for _ in range(lens.drops)
        ]
        self._maps = self._bend() if lens.distortion or lens.drops else None
        self._dirt = _dirt(lens, size, self._drops, rng) if lens.smudges or lens.drops else None

    def distort(self, ideal_px: Points) -> Points:
        """(n, 2) ideal px to (n, 2) image px."""
        centred = (np.asarray(ideal_px, np.float64) - self._matrix[:2, 2]) / self._matrix[0, 0]
        square = (centred**2).sum(axis=1, keepdims=True)
        distorted = centred * (1 + self._k1 * square)
        return np.asarray(distorted * self._matrix[0, 0] + self._matrix[:2, 2])

    def undistort(self, image_px: Points) -> Points:
        """(n, 2) image px to (n, 2) ideal px."""
        if self._k1 == 0:
            return np.asarray(image_px, np.float64)
        centred = (np.asarray(image_px, np.float64) - self._matrix[:2, 2]) / self._matrix[0, 0]
        far = np.linalg.norm(centred, axis=1, keepdims=True)
        near = far.copy()
        for _ in range(20):  # Newton on r (1 + k1 r²) = far
            near -= (near * (1 + self._k1 * near**2) - far) / (1 + 3 * self._k1 * near**2)
        ideal = centred * np.divide(near, far, out=np.ones_like(far), where=far > 0)
        return np.asarray(ideal * self._matrix[0, 0] + self._matrix[:2, 2])

    @property
    def to_work(self) -> NDArray[np.float64]:
        """3 x 3 from ideal px to px of the working image, which contains everything visible."""
        cx, cy = self._matrix[:2, 2]
        s = self._shrink
        return np.array([[s, 0, cx * (1 - s)], [0, s, cy * (1 - s)], [0, 0, 1.0]])

    def warp(self, work: Image) -> Image:
        """Applies distortion and drops; returns the same array for a perfect lens."""
        if self._maps is not None:
            work = np.asarray(
                cv2.remap(work, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
                np.uint8,
            )
        return work

    def add_dirt(self, image: Image) -> Image:
        """Blends smudges, which scatter the image behind them over a wide area."""
        if self._dirt is None:
            return image
        clear, dull, tone = self._dirt
        small = cv2.resize(image, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA)
        haze = cv2.resize(
            cv2.GaussianBlur(small, (0, 0), 2.5), self.size, interpolation=cv2.INTER_LINEAR
        )
        scattered = cv2.addWeighted(haze, 0.62, tone, 0.38, 0)
        return np.asarray(cv2.blendLinear(image, scattered, clear, dull), np.uint8)

    def _fit(self) -> float:
        """Scale of the working image at which the rim of the final image still fits in it."""
        width, height = self.size
        rim = np.array([[0, 0], [width - 1, 0], [0, (height - 1) / 2], [(width - 1) / 2, 0]])
        out = np.abs(self.undistort(rim) - self._matrix[:2, 2])
        return float(min(1.0, (self._matrix[:2, 2] / np.maximum(out, 1e-9)).min(
            where=out > 1, initial=1.0
        )))  # fmt: skip

    def _bend(self) -> tuple[Any, Any]:
        width, height = self.size
        u, v = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
        ideal = self.undistort(np.stack((u.ravel(), v.ravel()), axis=1))
        work = (ideal - self._matrix[:2, 2]) * self._shrink + self._matrix[:2, 2]
        at = work.reshape(height, width, 2).astype(np.float32)
        for x, y, radius, long in self._drops:
            # A drop is a small fisheye: it shows its surroundings shrunk.
            dx, dy = u - x, (v - y) / long
            inside = np.clip(1 - (dx**2 + dy**2) / radius**2, 0, 1)
            pull = (1.6 * inside * inside * (3 - 2 * inside))[..., None]
            at += (pull * np.stack((dx, dy), axis=2)).astype(np.float32)
        first, second = cv2.convertMaps(at, None, cv2.CV_16SC2)  # type: ignore[call-overload]
        return first, second


def _dirt(
    lens: Lens,
    size: tuple[int, int],
    drops: Sequence[tuple[float, float, float, float]],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], Image]:
    """Weights float32 `(h, w)` of clear and dirty areas, and the colour of the dirt."""
    width, height = size
    small = (height // 4, width // 4)
    dull = np.zeros(small, np.float32)
    y, x = np.mgrid[0 : small[0], 0 : small[1]].astype(np.float32)
    for _ in range(lens.smudges):
        cx, cy = rng.uniform(0, small[1]), rng.uniform(0, small[0])
        turn = rng.uniform(0, np.pi)
        long, wide = rng.uniform(0.05, 0.22) * small[1], rng.uniform(0.03, 0.09) * small[1]
        a = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        b = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        ragged = 0.6 + 0.8 * noise(small, 12, rng)
        patch = np.exp(-(((a / long) ** 2 + (b / wide) ** 2) ** 1.5))
        dull = np.maximum(dull, rng.uniform(0.55, 1) * patch * ragged)
    for at_x, at_y, radius, long in drops:  # too near to be in focus
        inside = 1 - ((x * 4 - at_x) ** 2 + ((y * 4 - at_y) / long) ** 2) / radius**2
        dull = np.maximum(dull, 0.75 * np.clip(2 * inside, 0, 1))
    specks = step(clouds(small, 3, rng, 2), 0.86, 0.98) * 0.8
    dull = np.clip(np.maximum(dull, specks * (noise(small, 60, rng) > 0.45)), 0, 1)
    dull = cv2.resize(dull * np.float32(lens.haze), size, interpolation=cv2.INTER_LINEAR)
    full = np.clip(dull, 0, 1).astype(np.float32)
    tone = np.full((height, width, 3), (122, 130, 136), np.uint8)
    return np.ascontiguousarray(1 - full), full, tone
