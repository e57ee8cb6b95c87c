"""A strip: a length of belt with objects on it, and the ground truth of each object.

The strip is one image. Columns run downstream; a place that crosses the upstream end of the view at
belt position `at_mm` is in column `(end_mm - at_mm) * px_per_mm`. Rows run across the belt, row 0
at its left edge looking downstream.
"""

from dataclasses import dataclass, field
from math import ceil, cos, radians, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.belt import belt_loop
from twin.drawn.noise import Field
from twin.drawn.objects import HAZARDS, SIZE_MM, draw
from twin.drawn.shading import Image

LIGHT_DEG = 235.0  # the hall's lamps are upstream on the left; shadows fall to the lower right
SOLID = 24  # alpha (of 255) from which the belt counts as covered; clear film starts at about 30


@dataclass
class PlacedObject:
    """One object on the strip; positions as in the module, `at_mm` and `x_mm` its centre.

    `outline_mm` is `(n, 2)` (at_mm, x_mm), the convex hull of its silhouette. `visible_alpha` is
    float32 `(h, w)`: its own alpha times the transmission of everything above it.
    """

    id: int
    kind: str
    hazard: str | None
    at_mm: float
    x_mm: float
    angle_deg: float
    length_mm: float
    width_mm: float
    height_mm: float
    outline_mm: NDArray[np.floating[Any]]
    left: int = 0
    top: int = 0
    total_alpha: float = 0.0
    visible_alpha: Field = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def visible(self) -> float:
        """Share (0..1) of the object that nothing covers."""
        if not self.total_alpha:
            return 0.0
        # Both are float32 sums over differently shaped arrays: their ratio may round to above 1.
        return min(1.0, float(self.visible_alpha.sum()) / self.total_alpha)


class Strip:
    """Belt from position `start_mm` to `end_mm` (start crosses the view's upstream end first).

    `image` uint8 BGR `(h, w, 3)`; `covered` bool `(h, w)`, true where any object is.
    """

    def __init__(
        self,
        start_mm: float,
        end_mm: float,
        width_mm: float,
        px_per_mm: float,
        loop: Image,
    ) -> None:
        self.start_mm, self.end_mm, self.width_mm = start_mm, end_mm, width_mm
        self.px_per_mm = px_per_mm
        columns = ceil((end_mm - start_mm) * px_per_mm)
        around = loop.shape[1]
        # The loop's start, its splice, passes half a loop after the clip's start.
        first = round(around / 2 - end_mm * px_per_mm)
        self.image: Image = loop[:, (first + np.arange(columns)) % around]
        self.covered: NDArray[np.bool_] = np.zeros(self.image.shape[:2], np.bool_)
        self.objects: list[PlacedObject] = []

    def column(self, at_mm: float) -> float:
        return (self.end_mm - at_mm) * self.px_per_mm

    def coverage(self, from_mm: float, to_mm: float) -> float:
        """Coverage (0..1) between two positions."""
        left = max(0, round(self.column(to_mm)))
        right = min(self.covered.shape[1], round(self.column(from_mm)))
        return float(self.covered[:, left:right].mean()) if right > left else 0.0

    def lay(
        self, kind: str, at_mm: float, x_mm: float, angle_deg: float, rng: np.random.Generator
    ) -> PlacedObject | None:
        """Places an object on top of the existing ones; None if it is entirely off the strip."""
        cut = draw(kind, rng, self.px_per_mm, light_deg=LIGHT_DEG - angle_deg)
        patch = rotate(cut, angle_deg)
        scale = self.px_per_mm
        height_mm = SIZE_MM[kind][2] * min(1.2, (cut.shape[0] - 2) / scale / SIZE_MM[kind][1])
        rows, columns = self.covered.shape
        left = round(self.column(at_mm) - patch.shape[1] / 2)
        top = round(x_mm * scale - patch.shape[0] / 2)
        pad = ceil(0.5 * height_mm * scale) + 6
        x0, x1 = max(left - pad, 0), min(left + patch.shape[1] + pad, columns)
        y0, y1 = max(top - pad, 0), min(top + patch.shape[0] + pad, rows)
        if x1 <= x0 or y1 <= y0:
            return None
        framed = cv2.copyMakeBorder(
            patch, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)
        )
        alpha = framed[..., 3].astype(np.float32) * np.float32(1 / 255)
        shadow = cast_shadow(alpha, height_mm * scale)
        window = np.s_[y0 - top + pad : y1 - top + pad, x0 - left + pad : x1 - left + pad]
        ground = self.image[y0:y1, x0:x1].astype(np.float32)
        cover = alpha[window][..., None]
        ground *= 1 - shadow[window][..., None]
        ground += cover * (framed[window][..., :3] - ground)
        self.image[y0:y1, x0:x1] = np.clip(ground + 0.5, 0, 255).astype(np.uint8)
        self.covered[y0:y1, x0:x1] |= framed[window][..., 3] >= SOLID
        self._hide(x0, y0, alpha[window])

        own = patch[..., 3].copy()
        own[: max(-top, 0)] = own[max(rows - top, 0) :] = 0  # the skirts hide what lies beside
        points = cv2.findNonZero((own >= 100).astype(np.uint8))
        if points is None:  # clear film without an opaque spot
            points = cv2.findNonZero((own >= SOLID).astype(np.uint8))
        if points is None:
            return None
        hull = cv2.convexHull(points)[:, 0].astype(np.float32) + np.float32(0.5)
        at = self.end_mm - (hull[:, 0] + left) / scale
        across = (hull[:, 1] + top) / scale
        outline = np.stack((at, across), axis=1).astype(np.float32)
        obj = PlacedObject(
            id=len(self.objects) + 1,
            kind=kind,
            hazard=HAZARDS.get(kind),
            at_mm=float((outline[:, 0].min() + outline[:, 0].max()) / 2),
            x_mm=float((outline[:, 1].min() + outline[:, 1].max()) / 2),
            angle_deg=angle_deg,
            length_mm=(cut.shape[1] - 2) / scale,
            width_mm=(cut.shape[0] - 2) / scale,
            height_mm=height_mm,
            outline_mm=outline,
        )
        if obj.hazard is not None:
            obj.left, obj.top, obj.visible_alpha = x0, y0, alpha[window].copy()
            obj.total_alpha = float(alpha.sum())
        self.objects.append(obj)
        return obj

    def _hide(self, x0: int, y0: int, alpha: Field) -> None:
        """Subtracts a new object at (x0, y0) from the visible alpha of the hazards below it."""
        height, width = alpha.shape
        for below in self.objects:
            if below.hazard is None:
                continue
            tall, wide = below.visible_alpha.shape
            a0, a1 = max(x0, below.left), min(x0 + width, below.left + wide)
            b0, b1 = max(y0, below.top), min(y0 + height, below.top + tall)
            if a1 > a0 and b1 > b0:
                over = alpha[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0]
                below.visible_alpha[
                    b0 - below.top : b1 - below.top, a0 - below.left : a1 - below.left
                ] *= 1 - over


def empty_strip(
    start_mm: float,
    end_mm: float,
    width_mm: float,
    px_per_mm: float,
    *,
    loop_mm: float = 7200.0,
    texture: str = "worn",
    rng: np.random.Generator,
) -> Strip:
    """An empty strip of a belt with this texture."""
    loop = belt_loop(loop_mm, width_mm, px_per_mm, texture, rng)
    return Strip(start_mm, end_mm, width_mm, px_per_mm, loop)


def rotate(cut: Image, angle_deg: float) -> Image:
    """A cut-out rotated clockwise by `angle_deg`, in the smallest image that holds it."""
    height, width = cut.shape[:2]
    c, s = abs(cos(radians(angle_deg))), abs(sin(radians(angle_deg)))
    wide, high = ceil(width * c + height * s) + 1, ceil(width * s + height * c) + 1
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle_deg, 1.0)
    turn[:, 2] += ((wide - width) / 2, (high - height) / 2)
    # Colour is extended beyond the outline; only alpha ends.
    colour = cv2.warpAffine(
        np.ascontiguousarray(cut[..., :3]),
        turn,
        (wide, high),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    alpha = cv2.warpAffine(
        np.ascontiguousarray(cut[..., 3]), turn, (wide, high), flags=cv2.INTER_LINEAR
    )
    return np.asarray(np.dstack((colour, alpha)), np.uint8)


def cast_shadow(alpha: Field, height_px: float) -> Field:
    """Light that an object blocks around it, float32 0..1: cast shadow and contact shadow."""
    shift = 0.32 * height_px
    dx, dy = -cos(radians(LIGHT_DEG)) * shift, -sin(radians(LIGHT_DEG)) * shift
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (alpha.shape[1], alpha.shape[0])
    # The swept shadow: from the object's foot to where its top's shadow falls.
    half = np.array([[1, 0, dx / 2], [0, 1, dy / 2]], np.float32)
    cast = np.maximum(cv2.warpAffine(alpha, move, size), cv2.warpAffine(alpha, half, size))
    soft = cv2.GaussianBlur(cast, (0, 0), max(1.0, 0.09 * height_px))
    contact = cv2.GaussianBlur(alpha, (0, 0), max(1.2, 0.05 * height_px + 1.2))
    return np.asarray(np.clip(0.62 * soft + 0.42 * contact, 0, 0.86), np.float32)
