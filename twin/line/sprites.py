"""Sprites of objects that move independently of the belt: images with alpha, composited per frame.

Sprites are drawn like the strip, or cut out of a path-traced strip, so that their light matches
their surroundings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.objects import HAZARDS, SIZE_MM, draw
from twin.drawn.shading import Image
from twin.line.development import apply_tone
from twin.line.strip import LIGHT_DEG, Strip, cast_shadow, rotate

Points = NDArray[np.float64]
LARGEST_MM = 480.0
"""Touching objects are cut out together as one sprite, up to this length."""


@dataclass
class Sprite:
    """One object at one time.

    `patch`: uint8 BGRA `(h, w, 4)`, colour premultiplied by alpha, shadow as black. `hull_mm`: `(n,
    2)` (along, across) from the patch's centre. Both are before rotation.
    """

    patch: Image
    px_per_mm: float
    hull_mm: Points
    kind: str
    hazard: str | None
    size_mm: tuple[float, float, float]
    x_mm: float = 0.0
    y_mm: float = 0.0
    angle_deg: float = 0.0
    area_mm2: float = field(init=False)

    def __post_init__(self) -> None:
        self.area_mm2 = float(cv2.contourArea(self.hull_mm.astype(np.float32)))

    def outline_mm(self) -> Points:
        """`(n, 2)` belt (x_mm, y_mm), y from the upstream end of the view."""
        c, s = cos(radians(self.angle_deg)), sin(radians(self.angle_deg))
        along, across = self.hull_mm[:, 0], self.hull_mm[:, 1]
        return np.stack(
            (self.x_mm + along * s + across * c, self.y_mm + along * c - across * s), axis=1
        )

    def plane(self) -> NDArray[np.float64]:
        """3 x 3 from patch px to belt (y_mm, x_mm)."""
        c, s = cos(radians(self.angle_deg)), sin(radians(self.angle_deg))
        turn = np.array([[c, -s, self.y_mm], [s, c, self.x_mm], [0, 0, 1]])
        height, width = self.patch.shape[:2]
        k = 1 / self.px_per_mm
        middle = np.array([[k, 0, (1 - width) / 2 * k], [0, k, (1 - height) / 2 * k], [0, 0, 1]])
        return np.asarray(turn @ middle, np.float64)


def composite(
    image: Image,
    sprites: Sequence[Sprite],
    px_per_mm: float,
    shift_mm: float,
    plane: NDArray[np.float64] | None = None,
) -> Image:
    """Composites sprites onto an image, in place, the first at the bottom.

    The image is the belt itself, its first column's left edge at y `shift_mm`; or any other view of
    the belt, given by `plane`, 3 x 3 from belt (y_mm, x_mm) to px.
    """
    if plane is None:
        k = px_per_mm
        plane = np.array([[k, 0, -shift_mm * k - 0.5], [0, k, -0.5], [0, 0, 1]])
    high, wide = image.shape[:2]
    for sprite in sprites:
        to_image = plane @ sprite.plane()
        rows, columns = sprite.patch.shape[:2]
        rim = np.array([[[0, 0]], [[columns, 0]], [[columns, rows]], [[0, rows]]], np.float64)
        corners = cv2.perspectiveTransform(rim, to_image)[:, 0]
        x0, y0 = (max(0, int(n)) for n in np.floor(corners.min(axis=0)))
        x1, y1 = (
            min(int(n), limit)
            for n, limit in zip(np.ceil(corners.max(axis=0)) + 1, (wide, high), strict=True)
        )
        if x1 <= x0 or y1 <= y0:
            continue
        move = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]])
        patch = cv2.warpPerspective(
            sprite.patch, move @ to_image, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR
        )
        through = 255 - patch[..., 3]
        spot = image[y0:y1, x0:x1]
        behind = cv2.multiply(spot, cv2.merge((through, through, through)), scale=1 / 255)
        image[y0:y1, x0:x1] = cv2.add(behind, patch[..., :3])
    return image


def draw_sprite(
    kind: str, px_per_mm: float, rng: np.random.Generator, *, turn_deg: float | None = None
) -> Sprite:
    """A drawn object with its shadow, at any angle."""
    angle = float(rng.uniform(0, 360)) if turn_deg is None else turn_deg
    cut = draw(kind, rng, px_per_mm, light_deg=LIGHT_DEG - angle)
    length, width = ((n - 2) / px_per_mm for n in cut.shape[1::-1])
    height = SIZE_MM[kind][2]
    lying = rotate(cut, angle)
    lying = np.dstack((apply_tone(np.ascontiguousarray(lying[..., :3])), lying[..., 3]))
    return make_sprite(lying, px_per_mm, kind, (length, width, height))


def extract_sprites(strip: Strip, limit: int) -> list[Sprite]:
    """The objects of a strip, each object or small heap as one sprite, from upstream on."""
    scale = strip.px_per_mm
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(
        strip.covered.astype(np.uint8), connectivity=8
    )
    sprites = []
    for label in np.argsort(boxes[:count, cv2.CC_STAT_LEFT]):
        x, y, wide, high, area = (int(n) for n in boxes[label])
        too_large = max(wide, high) > LARGEST_MM * scale or min(wide, high) < 12 * scale
        at_rim = x < 2 or x + wide > strip.covered.shape[1] - 2
        if label == 0 or too_large or at_rim or area < 300 * scale**2:
            continue
        mask = (labels[y : y + high, x : x + wide] == label).astype(np.uint8) * 255
        alpha = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 0.7)
        patch = np.dstack((strip.image[y : y + high, x : x + wide], alpha))
        at = strip.end_mm - (x + wide / 2) / scale
        across = (y + high / 2) / scale
        inside = [
            each
            for each in strip.objects
            if abs(each.at_mm - at) < wide / 2 / scale
            and abs(each.x_mm - across) < high / 2 / scale
        ]
        if len(inside) > 1 and any(each.hazard is not None for each in inside):
            continue  # a hazard in a heap has no outline of its own, so no ground truth
        kinds = {each.kind for each in inside}
        kind = kinds.pop() if len(kinds) == 1 else "heap"
        tall = max((each.height_mm for each in inside), default=40.0)
        size = (wide / scale, high / scale, tall)
        hazard = inside[0].hazard if len(inside) == 1 else None
        sprites.append(make_sprite(np.asarray(patch, np.uint8), scale, kind, size, hazard))
        if len(sprites) == limit:
            break
    return sprites


def make_sprite(
    patch: Image,
    px_per_mm: float,
    kind: str,
    size_mm: tuple[float, float, float],
    hazard: str | None = None,
) -> Sprite:
    """A sprite from a cut-out whose colour is not premultiplied: adds shadow and outline."""
    pad = ceil(0.5 * size_mm[2] * px_per_mm) + 6
    framed = cv2.copyMakeBorder(patch, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    alpha = framed[..., 3].astype(np.float32) * np.float32(1 / 255)
    shadow = cast_shadow(alpha, size_mm[2] * px_per_mm)
    colour = framed[..., :3] * alpha[..., None]
    whole = alpha + (1 - alpha) * shadow
    made = np.clip(np.dstack((colour, whole * 255)) + 0.5, 0, 255).astype(np.uint8)
    points = cv2.findNonZero((framed[..., 3] >= 60).astype(np.uint8))
    if points is None:
        points = np.array([[[pad, pad]], [[pad + 1, pad]], [[pad, pad + 1]]], np.int32)
    hull = cv2.convexHull(points)[:, 0].astype(np.float64)
    middle = (np.array(framed.shape[1::-1]) - 1) / 2
    return Sprite(
        made,
        px_per_mm,
        (hull - middle) / px_per_mm,
        kind,
        HAZARDS.get(kind, hazard),
        size_mm,
    )
