"""Fixed surroundings of the belt: skirts with painted height marks, frame beams, floor."""

from dataclasses import replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.labels import tint
from twin.drawn.noise import clouds, noise, step, streaks
from twin.drawn.shading import Colour, Image
from twin.line.development import apply_tone
from twin.line.scenario import Scenario
from twin.line.sprites import Sprite, make_sprite

# Widths outwards from the belt's edge, mm: rubber lip, then the skirt's plate, beam; floor beyond.
LIP_MM, BEAM_MM = 7.0, 26.0
BESIDE_MM = 160.0


def marks_mm(scenario: Scenario) -> tuple[tuple[float, float], tuple[float, float]]:
    """Extent across the belt, mm, of the left and the right skirt's marks."""
    far, near, width = LIP_MM + scenario.skirt.plate_mm, LIP_MM, scenario.belt.width_mm
    return (-far, -near), (width + near, width + far)


class Sides:
    """The fixed parts as projected, drawn over the belt's image; material hides their marks."""

    def __init__(
        self, scenario: Scenario, to_image: NDArray[np.float64], rng: np.random.Generator
    ) -> None:
        """`to_image`: 3 x 3 from belt (y_mm, x_mm) to px."""
        self._skirt, self._to_image = scenario.skirt, to_image
        self._width_mm = scenario.belt.width_mm
        self._view_mm = scenario.camera.width_px / scenario.camera.px_per_mm
        projected, self._mask = _side_parts(scenario, to_image, rng)
        self._image = apply_tone(projected)

    def draw_on(self, image: NDArray[np.uint8], edges_mm: NDArray[np.float32] | None) -> None:
        """Draws the surroundings, in place; `edges_mm` `(2, n)`: material height left and right."""
        mask = self._mask
        if edges_mm is not None and edges_mm.any():
            mask = mask.copy()
            for side, heights in enumerate(edges_mm):
                outline = self._hidden(heights, right=side == 1)
                cv2.fillPoly(mask, [np.round(outline * 8).astype(np.int32)], 0, shift=3)
        cv2.copyTo(self._image, mask, image)

    def _hidden(self, heights_mm: NDArray[np.float32], *, right: bool) -> NDArray[np.float64]:
        """Outline `(n, 2)` px of the part of one skirt that material hides."""
        share = np.clip(heights_mm / self._skirt.height_mm, 0, 1).astype(np.float64)
        out = np.where(share > 0.02, LIP_MM + share * self._skirt.plate_mm, 0.0)
        along = np.linspace(0, self._view_mm, len(out))
        edge = self._width_mm if right else 0.0
        far = np.stack((along, edge + out if right else edge - out), axis=1)
        near = np.stack((along[[-1, 0]], np.full(2, edge)), axis=1)
        around = np.concatenate((far, near))[:, None]
        return np.asarray(cv2.perspectiveTransform(around, self._to_image), np.float64)[:, 0]


def _side_parts(
    scenario: Scenario, to_image: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Image, Image]:
    """The fixed parts: uint8 BGR `(h, w, 3)` and mask `(h, w)`, 255 where they are."""
    camera, belt = scenario.camera, scenario.belt
    scale = camera.px_per_mm
    long_mm = camera.width_px / scale + 2 * BESIDE_MM
    near = _side(long_mm, scale, scenario.skirt.plate_mm, rng)
    far = _side(long_mm, scale, scenario.skirt.plate_mm, rng)[::-1]
    gap = round(belt.width_mm * scale)
    plane = np.concatenate((far, np.zeros((gap, far.shape[1], 3), np.uint8), near), axis=0)
    mask = np.zeros(plane.shape[:2], np.uint8)
    mask[: far.shape[0]] = 255
    mask[far.shape[0] + gap :] = 255
    # Plane px to (y_mm, x_mm): the plane starts BESIDE_MM before the view and above the belt.
    back = np.array(
        [
            [1 / scale, 0, -BESIDE_MM + 0.5 / scale],
            [0, 1 / scale, (0.5 - far.shape[0]) / scale],
            [0, 0, 1],
        ]
    )
    size = (camera.width_px, camera.height_px)
    projected = cv2.warpPerspective(
        plane, to_image @ back, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    there = cv2.warpPerspective(
        mask, to_image @ back, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(projected, np.uint8), np.asarray(there, np.uint8)


def _side(long_mm: float, scale: float, plate_mm: float, rng: np.random.Generator) -> Image:
    """One side seen from above, row 0 at the belt's edge: uint8 BGR."""
    shape = (ceil(BESIDE_MM * scale), ceil(long_mm * scale))
    floor = (
        0.33
        + 0.12 * (clouds(shape, 30 * scale, rng, 4) - 0.5)
        + 0.08 * (noise(shape, 1.2, rng) - 0.5)
    )
    image = floor[..., None] * np.asarray((0.97, 1.0, 1.02), np.float32)
    image *= 0.55  # the floor is far below the lamps
    paint = tint(
        float(rng.choice((0.58, 0.42, 0.14, 0.6))), rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.5)
    )
    rows = [round(mm * scale) for mm in (LIP_MM, LIP_MM + plate_mm, LIP_MM + plate_mm + BEAM_MM)]
    _band(image, (rows[1], rows[2]), paint, scale, rng, rough=0.10)
    _band(image, (rows[0], rows[1]), (0.52, 0.53, 0.53), scale, rng, rough=0.16)
    _band(image, (0, rows[0]), (0.10, 0.10, 0.10), scale, rng, rough=0.05)
    worn = step(clouds(shape, 12 * scale, rng, 4), 0.62, 0.72)
    worn[: rows[0]] = 0
    worn[rows[2] :] = 0
    image += (0.65 * worn)[..., None] * (np.asarray(tint(0.06, 0.5, 0.27), np.float32) - image)
    for row, light in ((rows[0], 1.5), (rows[1], 0.4), (rows[2], 0.35)):
        image[max(row - 1, 0) : row + 1] *= light
    _bolts(image, LIP_MM + plate_mm / 2, (160, 3.4), scale, rng)
    _bolts(image, LIP_MM + plate_mm + BEAM_MM * 0.55, (240, 5.2), scale, rng)
    _marks(image, rows[0], rows[1], scale)
    return np.asarray(np.clip(image * 255, 0, 255), np.uint8)


def _band(
    image: NDArray[np.float32],
    rows: tuple[int, int],
    colour: Colour,
    scale: float,
    rng: np.random.Generator,
    *,
    rough: float,
) -> None:
    top, bottom = rows
    shape = (bottom - top, image.shape[1])
    if shape[0] < 1:
        return
    tone = 1 + rough * (streaks(shape, 300 * scale, 3 * scale, rng) - 0.5) * 2
    tone += rough * (noise(shape, 2.0, rng) - 0.5)
    across = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    tone *= 1.08 - 0.16 * across
    image[top:bottom] = tone[..., None] * np.asarray(colour, np.float32)


def _bolts(
    image: NDArray[np.float32],
    beside_mm: float,
    size_mm: tuple[float, float],
    scale: float,
    rng: np.random.Generator,
) -> None:
    """Bolt heads `beside_mm` from the belt's edge; `size_mm` is their pitch and radius."""
    pitch_mm, radius_mm = size_mm
    row = round(beside_mm * scale)
    radius = max(1, round(radius_mm * scale))
    for x in np.arange(rng.uniform(0, pitch_mm) * scale, image.shape[1], pitch_mm * scale):
        at = (round(float(x)), row)
        cv2.circle(image, (at[0] + 1, at[1] + 1), radius + 1, (0.07, 0.07, 0.07), -1)
        cv2.circle(image, at, radius, (0.40, 0.42, 0.43), -1)
        cv2.circle(image, (at[0] - 1, at[1] - 1), max(1, radius // 2), (0.66, 0.67, 0.67), -1)


def _marks(image: NDArray[np.float32], top: int, bottom: int, scale: float) -> None:
    """Painted marks on the skirt; the higher the layer, the more of them it hides."""
    wide = round(12 * scale)
    for k, x in enumerate(np.arange(40 * scale, image.shape[1], 100 * scale)):
        colour = (0.1, 0.72, 0.86) if k % 2 else (0.82, 0.84, 0.84)
        left = round(float(x))
        image[top + 2 : bottom - 2, left : left + wide] = 0.25 * image[
            top + 2 : bottom - 2, left : left + wide
        ] + 0.75 * np.asarray(colour, np.float32)


def gate_bar(y_mm: float, width_mm: float, px_per_mm: float) -> Sprite:
    """A steel tube across the belt, over skirts and material."""
    long, wide = round((width_mm + 60) * px_per_mm), max(3, round(34 * px_per_mm))
    round_ = np.linspace(-1, 1, wide, dtype=np.float32)[:, None]
    light = (
        0.25 + 0.5 * np.sqrt(1 - 0.98 * round_**2) + 0.25 * np.exp(-(((round_ + 0.4) / 0.2) ** 2))
    )
    rng = np.random.default_rng(17)
    light = light * (0.85 + 0.3 * (streaks((wide, long), 200 * px_per_mm, 2, rng) - 0.5))
    grey = np.clip(light * 175, 0, 255).astype(np.uint8)
    patch = np.dstack((grey, grey, grey, np.full_like(grey, 255)))
    size_mm = (width_mm + 60.0, 34.0, 34.0)
    bar = make_sprite(patch, px_per_mm, "bar", size_mm)
    return replace(bar, y_mm=y_mm, x_mm=width_mm / 2, angle_deg=90.0)
