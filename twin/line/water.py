"""A wet belt: the water moves with the belt, its reflections stay with the lamps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.noise import Field, clouds, step
from twin.drawn.shading import Image
from twin.line.conditions import Wet

_SMALL = 4  # reflections are soft: a quarter of the image size is enough
_CELL_MM = 8.0


class Water:
    """Films and puddles on the belt, and the lamps' mirror images."""

    def __init__(
        self,
        wet: Wet,
        size: tuple[int, int],
        belt_mm: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        """`belt_mm`: the belt's length and width."""
        self.wet, self.size = wet, size
        self.loop_mm = belt_mm[0]
        shape = (max(2, int(belt_mm[1] / _CELL_MM)), max(2, int(belt_mm[0] / _CELL_MM)))
        low = 0.75 - 0.5 * wet.amount
        films = step(clouds(shape, 26, rng, 4), low, low + 0.22)
        ripple = 0.55 + 0.45 * step(clouds(shape, 3.0, rng, 2), 0.35, 0.65)
        self._film = (films * ripple * 255).astype(np.uint8)
        self._lamps = self._mirror_images(rng)
        self._phase = rng.uniform(0, 2 * np.pi, 2)

    def _mirror_images(self, rng: np.random.Generator) -> Field:
        """Mirror images of the lamps: long, soft, with a bright core; larger than the view."""
        width, height = (n // _SMALL for n in self.size)
        pad = self._pad
        y, x = np.mgrid[-pad : height + pad, -pad : width + pad].astype(np.float32)
        light = np.zeros(x.shape, np.float32)
        for k in range(self.wet.lamps):
            cx = (k + rng.uniform(0.3, 0.7)) * width / self.wet.lamps
            cy = rng.uniform(0.2, 0.8) * height
            lean = rng.normal(0, 0.15)
            a, b = (x - cx) + lean * (y - cy), y - cy
            wide, long = rng.uniform(0.016, 0.035) * width, rng.uniform(0.18, 0.36) * height
            core = np.exp(-((a / wide) ** 2) - (b / long) ** 4)
            glow = np.exp(-((a / (4 * wide)) ** 2) - (b / (1.3 * long)) ** 2)
            light += rng.uniform(0.6, 1) * (0.9 * core + 0.35 * glow)
        return np.clip(light, 0, 1.3)

    @property
    def _pad(self) -> int:
        return int(self.wet.swing_px / _SMALL) + 2

    def add_water(
        self,
        work: Image,
        open_belt: NDArray[np.uint8],
        to_image: NDArray[np.float64],
        position_mm: float,
        t_s: float,
    ) -> Image:
        """The belt's image with water on it.

        `open_belt` `(h/4, w/4)`: 255 where the belt is uncovered.

        `to_image`: 3 x 3 from belt (y_mm, x_mm) to px of the image.
        """
        width, height = (n // _SMALL for n in self.size)
        # A place that is now at y_mm is at `position - y` on the belt; the film's columns increase
        # with it, so the image is mirrored relative to them.
        shift = position_mm % self.loop_mm
        cells = np.array([[-_CELL_MM, 0, shift], [0, _CELL_MM, 0], [0, 0, 1.0]])
        shrink = np.diag([1 / _SMALL, 1 / _SMALL, 1.0])
        around = np.concatenate((self._film, self._film), axis=1)
        wide = self._film.shape[1]
        # One loop further where the view shows belt that has passed the loop's start.
        if shift < self.loop_mm / 2:
            cells = cells @ np.array([[1, 0, -wide], [0, 1, 0], [0, 0, 1.0]])
        film = cv2.warpPerspective(around, shrink @ to_image @ cells, (width, height))
        wet = cv2.multiply(film, open_belt, scale=1 / 255)
        sway = np.sin(self._phase + np.array([0.9, 0.53]) * t_s) * self.wet.swing_px / _SMALL
        dx, dy = (round(float(s)) + self._pad for s in sway)
        lamps = self._lamps[dy : dy + height, dx : dx + width]
        shine = cv2.multiply(lamps, wet, scale=0.85 * self.wet.amount, dtype=cv2.CV_8U)
        darker = cv2.convertScaleAbs(wet, alpha=0.30 * self.wet.amount)
        factor = cv2.resize(255 - darker, self.size, interpolation=cv2.INTER_LINEAR)
        full = cv2.resize(shine, self.size, interpolation=cv2.INTER_LINEAR)
        dark = cv2.multiply(work, cv2.merge((factor, factor, factor)), scale=1 / 255)
        return np.asarray(cv2.add(dark, cv2.merge((full, full, full))), np.uint8)
