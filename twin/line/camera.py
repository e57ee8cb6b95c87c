"""The camera above the belt: projection between belt and image, and the rendered frame.

Image frame: px, u to the right, v down, pixel centres at whole numbers. Belt frame: `x_mm` across
from the belt's left edge looking downstream, `y_mm` along the travel from the upstream end of the
view. The belt runs left to right, so `y_mm` runs with u and `x_mm` with v. Everything is drawn on
an undistorted working image; lens distortion is applied last.
"""

from collections.abc import Sequence
from math import ceil, cos, radians, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.shading import Image
from twin.line.development import motion_blur
from twin.line.illumination import Lamps, edge_shade, sensor_grain
from twin.line.optics import LensModel
from twin.line.reel import Reel
from twin.line.scenario import Scenario
from twin.line.sprites import Sprite, composite
from twin.line.strip import Strip
from twin.line.surroundings import Sides
from twin.line.water import Water

Points = NDArray[np.float64]


class BeltCamera:
    """A fixed camera; `frame()` renders its image at a belt position."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self.scenario = scenario
        camera, belt = scenario.camera, scenario.belt
        self.size = (camera.width_px, camera.height_px)
        self.view_mm = camera.width_px / camera.px_per_mm
        self.to_ideal = _plane(scenario)
        # Dirt and water use generators of their own: a dry, clean scenario renders as before.
        self.lens = LensModel(scenario.lens, self.size, np.random.default_rng((scenario.seed, 3)))
        self.to_work = self.lens.to_work @ self.to_ideal
        self._sides = Sides(scenario, self.to_work, rng)
        self._lamps = Lamps(scenario, self.size, rng)
        across = _through(np.linalg.inv(self.to_work), self._grid())[:, 1]
        self._belt_shade = edge_shade(across, belt.width_mm, self.size)
        self._grain = sensor_grain(self.size, camera.grain, rng)
        self._water = (
            None
            if scenario.wet is None
            else Water(
                scenario.wet,
                self.size,
                (belt.loop_mm, belt.width_mm),
                np.random.default_rng((scenario.seed, 4)),
            )
        )

    def image_points(self, belt_mm: Points) -> Points:
        """(n, 2) belt (x_mm, y_mm) to (n, 2) image px."""
        flipped = np.asarray(belt_mm, np.float64)[:, ::-1]
        return self.lens.distort(_through(self.to_ideal, flipped))

    def belt_points(self, image_px: Points) -> Points:
        """(n, 2) image px to (n, 2) belt (x_mm, y_mm)."""
        return _through(np.linalg.inv(self.to_ideal), self.lens.undistort(image_px))[:, ::-1]

    def belt_polygon(self) -> Points:
        """The belt's outline in the image, `(n, 2)` px clockwise from the upper left.

        Four corners; with a distorting lens also points between them.
        """
        width, height = self.size
        steps = 2 if self.scenario.lens.distortion == 0 else 9
        corners = []
        for x_mm, ends in ((0.0, (0, width - 1)), (self.scenario.belt.width_mm, (width - 1, 0))):
            y_mm = np.linspace(-0.2, 1.2, 57) * self.view_mm
            edge = self.image_points(np.stack((np.full(57, x_mm), y_mm), axis=1))
            for u in np.linspace(*ends, steps):
                v = np.interp(u, edge[:, 0], edge[:, 1])
                corners.append((u, min(max(v, 0.0), height - 1.0)))
        return np.array(corners)

    def margin_mm(self) -> float:
        """How far the image corners see along the belt beyond `0..view_mm`, mm."""
        corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * (np.array(self.size) - 1)
        y = self.belt_points(corners.astype(np.float64))[:, 1]
        return float(max(0.0, -y.min(), y.max() - self.view_mm)) + 5.0

    def frame(
        self,
        belt: Strip | Reel,
        position_mm: float,
        index: int,
        *,
        speed_mm_s: float | None = None,
        on_belt: Sequence[Sprite] = (),
        above: Sequence[Sprite] = (),
        edges_mm: NDArray[np.float32] | None = None,
        grain: bool = True,
    ) -> Image:
        """The image at belt position `position_mm`: uint8 BGR `(height, width, 3)`.

        `on_belt`: sprites on the belt; `above`: sprites that reach over its skirts.

        `edges_mm` `(2, n)`: material height at the left and right skirt, from upstream to
        downstream.
        """
        scenario = self.scenario
        speed = scenario.belt.speed_mm_s if speed_mm_s is None else speed_mm_s
        scale = belt.px_per_mm
        margin = self.margin_mm()
        left = max(0, int(belt.column(position_mm + margin)))
        right = min(belt.image.shape[1], ceil(belt.column(position_mm - self.view_mm - margin)))
        section = motion_blur(
            belt.image[:, left:right], speed * scenario.camera.shutter_ms / 1000 * scale
        )
        # Column c is at y_mm = position - at = c / scale + position - end; +0.5: pixel centres.
        shift = position_mm - belt.end_mm + (left + 0.5) / scale
        if on_belt:
            section = composite(section.copy(), on_belt, scale, shift - 0.5 / scale)
        to_belt = np.array([[1 / scale, 0, shift], [0, 1 / scale, 0.5 / scale], [0, 0, 1]])
        to_work = self.to_work @ to_belt
        # Material at a skirt is continued by its mirror image and looks like more material.
        warped = cv2.warpPerspective(
            section, to_work, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        work = np.asarray(warped, np.uint8)
        t_s = index / scenario.camera.fps
        if self._water is not None:
            bare = self._open_belt_mask(belt.covered[:, left:right], to_work, on_belt)
            work = self._water.add_water(work, bare, self.to_work, position_mm, t_s)
        lit = np.asarray(cv2.multiply(work, self._belt_shade, dtype=cv2.CV_8U), np.uint8)
        self._sides.draw_on(lit, edges_mm)
        if above:
            lit = composite(lit, above, 1.0, 0.0, self.to_work)
        image = self._lamps.illuminate(self.lens.warp(lit), t_s)
        image = self.lens.add_dirt(image)
        if grain and scenario.camera.grain > 0:
            grain_rng = np.random.default_rng((scenario.seed, index))
            dx, dy = (int(n) for n in grain_rng.integers(0, 64, 2))
            width, height = self.size
            noise = self._grain[dy : dy + height, dx : dx + width]
            image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)
        return image

    def _open_belt_mask(
        self,
        covered: NDArray[np.bool_],
        to_work: NDArray[np.float64],
        on_belt: Sequence[Sprite],
    ) -> NDArray[np.uint8]:
        """uint8 `(h/4, w/4)`: 255 where the belt is uncovered."""
        small = (self.size[0] // 4, self.size[1] // 4)
        shrink = np.diag([0.25, 0.25, 1.0])
        open_ = np.where(covered, np.uint8(0), np.uint8(255))
        projected = cv2.warpPerspective(open_, shrink @ to_work, small)
        for sprite in on_belt:
            outline = _through(shrink @ self.to_work, sprite.outline_mm()[:, ::-1])
            cv2.fillPoly(projected, [np.round(outline).astype(np.int32)], 0)
        return np.asarray(projected, np.uint8)

    def _grid(self) -> Points:
        """Every eighth image pixel as `(n, 2)` px, dense enough for smooth light."""
        u, v = np.meshgrid(np.arange(0, self.size[0], 8), np.arange(0, self.size[1], 8))
        return np.stack((u.ravel(), v.ravel()), axis=1).astype(np.float64)


def _through(plane: NDArray[np.floating[Any]], points: Points) -> Points:
    return np.asarray(
        cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(-1, 1, 2), plane),
        np.float64,
    )[:, 0]


def _plane(scenario: Scenario) -> NDArray[np.float64]:
    """3 x 3 homography from belt (y_mm, x_mm) to ideal px: perspective, tilt, rotation."""
    camera, belt = scenario.camera, scenario.belt
    scale = camera.px_per_mm
    half_u, half_v = camera.width_px / 2, belt.width_mm / 2 * scale
    turn = radians(camera.turn_deg)
    flat, projected = [], []
    for side_u, side_v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        grow = 1 + camera.tilt * side_v  # the near side, below, is larger
        u, v = side_u * half_u * grow, side_v * half_v * (1 - abs(camera.tilt) / 2)
        projected.append(
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
        cv2.getPerspectiveTransform(np.array(flat, np.float32), np.array(projected, np.float32)),
        np.float64,
    )
