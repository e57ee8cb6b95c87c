"""The camera above the belt: where its picture shows a place on the belt, and what light does.

Image frame: px, u to the right, v down, pixel centres at whole numbers. Belt frame: `x_mm` across
from the belt's left edge looking downstream, `y_mm` along the travel from the upstream end of the
view. The belt runs left to right, so `y_mm` runs with u and `x_mm` with v.
"""

from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.development import toned
from twin.noise import noise
from twin.scenario import Scenario
from twin.shading import Picture
from twin.strip import Strip
from twin.surroundings import side_parts

Points = NDArray[np.float64]


class BeltCamera:
    """A fixed camera; `frame()` is what it sees at a belt position."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self.scenario = scenario
        camera, belt = scenario.camera, scenario.belt
        self.size = (camera.width_px, camera.height_px)
        self.view_mm = camera.width_px / camera.px_per_mm
        self.to_image = _plane(scenario)
        self.to_belt = np.linalg.inv(self.to_image)
        self._parts, self._parts_mask = side_parts(scenario, self.to_image, rng)
        self._parts = toned(self._parts)
        self._gain = _light(self.size, rng)
        self._belt_shade = _edge_shade(self.belt_points(self._grid()), belt.width_mm, self.size)
        self._grain = _grain(self.size, camera.grain, rng)
        self._beat = rng.uniform(0, 2 * np.pi)

    def image_points(self, belt_mm: Points) -> Points:
        """(n, 2) belt (x_mm, y_mm) to (n, 2) image px."""
        flipped = np.asarray(belt_mm, np.float64)[:, ::-1].reshape(-1, 1, 2)
        return np.asarray(cv2.perspectiveTransform(flipped, self.to_image), np.float64)[:, 0]

    def belt_points(self, image_px: Points) -> Points:
        """(n, 2) image px to (n, 2) belt (x_mm, y_mm)."""
        points = np.asarray(image_px, np.float64).reshape(-1, 1, 2)
        return np.asarray(cv2.perspectiveTransform(points, self.to_belt), np.float64)[:, 0, ::-1]

    def belt_polygon(self) -> Points:
        """The belt's outline in the picture, (4, 2) px clockwise from the upper left."""
        width, height = self.size
        corners = []
        for x_mm, ends in ((0.0, (0, width - 1)), (self.scenario.belt.width_mm, (width - 1, 0))):
            a, b = self.image_points(np.array([[x_mm, 0.0], [x_mm, self.view_mm]]))
            for u in ends:
                v = a[1] + (b[1] - a[1]) * (u - a[0]) / (b[0] - a[0])
                corners.append((u, min(max(v, 0.0), height - 1.0)))
        return np.array(corners)

    def margin_mm(self) -> float:
        """How far beyond `0..view_mm` the picture's corners see along the belt."""
        y = self.belt_points(
            np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * (np.array(self.size) - 1)
        )[:, 1]
        return float(max(0.0, -y.min(), y.max() - self.view_mm)) + 5.0

    def frame(self, strip: Strip, position_mm: float, index: int, *, grain: bool = True) -> Picture:
        """What is seen once the belt has run `position_mm`: uint8 BGR `(height, width, 3)`."""
        scale = strip.px_per_mm
        margin = self.margin_mm()
        left = max(0, int(strip.column(position_mm + margin)))
        right = min(strip.picture.shape[1], ceil(strip.column(position_mm - self.view_mm - margin)))
        seen = strip.picture[:, left:right]
        # Column c lies at y_mm = position - at = c / scale + position - end; +0.5: pixel centres.
        shift = position_mm - strip.end_mm + (left + 0.5) / scale
        to_belt = np.array([[1 / scale, 0, shift], [0, 1 / scale, 0.5 / scale], [0, 0, 1]])
        picture = cv2.warpPerspective(
            seen,
            self.to_image @ to_belt,
            self.size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        lit = cv2.multiply(picture, self._belt_shade, dtype=cv2.CV_8U)
        cv2.copyTo(self._parts, self._parts_mask, lit)
        t_s = index / self.scenario.camera.fps
        # Lamps at 100 Hz beat slowly against the frame rate.
        beat = 1 + self.scenario.camera.flicker * sin(2 * np.pi * 0.7 * t_s + self._beat)
        lit = cv2.multiply(lit, self._gain, scale=beat, dtype=cv2.CV_8U)
        if grain and self.scenario.camera.grain > 0:
            dice = np.random.default_rng((self.scenario.seed, index))
            dx, dy = (int(n) for n in dice.integers(0, 64, 2))
            width, height = self.size
            lit = cv2.add(lit, self._grain[dy : dy + height, dx : dx + width], dtype=cv2.CV_8U)
        return np.asarray(lit, np.uint8)

    def _grid(self) -> Points:
        """Every eighth pixel of the picture as (n, 2) px, enough for smooth light."""
        u, v = np.meshgrid(np.arange(0, self.size[0], 8), np.arange(0, self.size[1], 8))
        return np.stack((u.ravel(), v.ravel()), axis=1).astype(np.float64)


def _plane(scenario: Scenario) -> NDArray[np.float64]:
    """3 x 3 homography from (y_mm, x_mm) on the belt to image px: near, tilted and crooked."""
    camera, belt = scenario.camera, scenario.belt
    scale = camera.px_per_mm
    half_u, half_v = camera.width_px / 2, belt.width_mm / 2 * scale
    turn = radians(camera.turn_deg)
    flat, seen = [], []
    for side_u, side_v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        grow = 1 + camera.tilt * side_v  # the near side, below, is larger
        u, v = side_u * half_u * grow, side_v * half_v * (1 - abs(camera.tilt) / 2)
        seen.append(
            (
                u * cos(turn) - v * sin(turn) + (camera.width_px - 1) / 2,
                u * sin(turn) + v * cos(turn) + (camera.height_px - 1) / 2,
            )
        )
        flat.append(
            (
                (side_u + 1) / 2 * camera.width_px / scale,
                (side_v + 1) / 2 * belt.width_mm,
            )
        )
    return np.asarray(
        cv2.getPerspectiveTransform(np.array(flat, np.float32), np.array(seen, np.float32)),
        np.float64,
    )


def _light(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of the picture, float32 `(h, w, 3)`: lamps' falloff and the lens's vignette."""
    width, height = size
    u = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height / width)
    vignette = 1 - 0.20 * (u * u + v * v) ** 1.2
    lamp = 1.12 + 0.07 * np.exp(-(((u + 0.25) / 0.5) ** 2)) - 0.05 * v
    uneven = 1 + 0.03 * (noise((height, width), width / 3, rng) - 0.5)
    gain = (vignette * lamp * uneven).astype(np.float32)
    tone = np.array((1.03, 1.0, 0.985), np.float32)  # LED hall lamps are a little cold
    return np.ascontiguousarray(gain[..., None] * tone)


def _edge_shade(belt_mm: Points, width_mm: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """The skirts' shadow on the belt, float32 `(h, w, 3)`; `belt_mm` is where every 8th px lies."""
    columns, rows = len(range(0, size[0], 8)), len(range(0, size[1], 8))
    x = belt_mm[:, 0].reshape(rows, columns)
    shade = (
        1 - 0.62 * np.exp(-np.maximum(x, 0) / 26) - 0.3 * np.exp(-np.maximum(width_mm - x, 0) / 9)
    )
    full = cv2.resize(shade.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.repeat(full[..., None], 3, axis=2))


def _grain(size: tuple[int, int], sigma: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Sensor noise, int16, 64 px larger than the picture each way so that it can be shifted."""
    shape = (size[1] + 64, size[0] + 64)
    grey = rng.normal(0, sigma, shape).astype(np.float32)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.6), np.float32) * np.float32(1.7)
    colour = rng.normal(0, sigma * 0.4, (*shape, 3)).astype(np.float32)
    return np.round(grey[..., None] + colour).astype(np.int16)
