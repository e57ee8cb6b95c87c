"""Scenes composed of cut-outs on a background, with the boxes of the visible hazards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.cutting import posed, weathered
from models.data.sources import BATTERY, GAS, GREY, Boxes, Cutout, Image, Sources
from models.data.textures import Rng, belt, fit, plain

# Longest sides in mm. Batteries: AAA and CR123 to laptop packs; most are cells of about 50 mm.
_CELL_MM, _PACK_MM = (34.0, 72.0), (70.0, 200.0)
_GAS_MM = (90.0, 520.0)  # a camping cartridge to a 5 kg bottle, within one scene
_WASTE_MM = (45.0, 330.0)
_LEAST_VISIBLE = 0.4
LARGEST_PX = (400.0, 170.0)
"""Longest side of a gas canister and of a battery in the image of a camera above a belt."""
CLOSE_ZOOM, CLOSE_LARGEST_PX = (1.2, 4.0), (400.0, 340.0)
"""The same, and px per mm, in close-up photographs."""


@dataclass(frozen=True)
class Scene:
    """One training image.

    image: (h, w, 3) uint8 BGR. boxes: (n, 5) float32 `class, x0, y0, x1, y1` px of the visible part
    of each hazard. visible: (n,) float32, visible share, 0 to 1; None: unknown.
    """

    image: Image
    boxes: Boxes
    visible: NDArray[np.float32] | None = None


Drawer = Callable[[Rng, float], Image]  # (rng, px_per_mm) -> (h, w, 4) uint8 BGRA


@dataclass(frozen=True)
class DrawnObjects:
    """Drawn objects and photographs for scenes, in addition to the cut-outs.

    drawn_share: share of drawn objects among hazards and waste. grounds: hazard-free photographs
    used as backgrounds.
    """

    hazards: Sequence[tuple[Drawer, int]] = ()
    waste: Sequence[Drawer] = ()
    drawn_share: float = 0.0
    grounds: Sequence[Image] = ()


NO_DRAWINGS = DrawnObjects()


class Canvas:
    """The image being composed, with the owner of each pixel."""

    def __init__(self, rng: Rng, ground: Image) -> None:
        self.rng = rng
        self.ground = ground
        self.image = ground.astype(np.float32)
        self.owner: NDArray[np.int16] = np.zeros(ground.shape[:2], np.int16)
        self.full: dict[int, float] = {}
        self.labels: dict[int, int] = {}
        self.level = float(ground.mean())
        angle = rng.uniform(0, 2 * np.pi)
        self.light = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.02, 0.1)
        self.shade = rng.uniform(0, 0.65)

    def place(self, cutout: Image, label: int, centre: tuple[float, float]) -> int | None:
        """Blend one BGRA cut-out at a centre (x, y px), unless it would hide a hazard too much.

        Returns its number among the owners; None: it was not placed.
        """
        height, width = self.owner.shape
        h, w = cutout.shape[:2]
        x, y = round(centre[0] - w / 2), round(centre[1] - h / 2)
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if x1 - x0 < 3 or y1 - y0 < 3:
            return None
        alpha = cutout[y0 - y : y1 - y, x0 - x : x1 - x, 3].astype(np.float32) / 255
        solid = alpha > 0.5
        owners = self.owner[y0:y1, x0:x1]
        for number, count in zip(*np.unique(owners[solid], return_counts=True), strict=True):
            if number and self.labels[int(number)] >= 0:
                left = np.count_nonzero(self.owner == number) - count
                if left < _LEAST_VISIBLE * self.full[int(number)]:
                    return None
        self._shadow(cutout[..., 3], x, y)
        patch = self.image[y0:y1, x0:x1]
        patch += alpha[..., None] * (cutout[y0 - y : y1 - y, x0 - x : x1 - x, :3] - patch)
        number = len(self.labels) + 1
        owners[solid] = number
        self.labels[number] = label
        self.full[number] = float(np.count_nonzero(cutout[..., 3] > 127))
        return number

    def _shadow(self, alpha: Image, x: int, y: int) -> None:
        if self.shade < 0.1:
            return
        h, w = alpha.shape
        reach = max(h, w)
        dx, dy = (self.light * reach).round().astype(int)
        pad = max(3, int(reach * 0.08))
        soft = cv2.copyMakeBorder(alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
        soft = cv2.blur(soft, (pad, pad)).astype(np.float32) * (self.shade / 255)
        x, y = x + dx - pad, y + dy - pad
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = (
            min(x + w + 2 * pad, self.owner.shape[1]),
            min(y + h + 2 * pad, self.owner.shape[0]),
        )
        if x1 > x0 and y1 > y0:
            self.image[y0:y1, x0:x1] *= 1 - soft[y0 - y : y1 - y, x0 - x : x1 - x, None]

    def boxes(
        self,
        outside: NDArray[np.bool_] | None,
        *,
        least_visible: float = 0.8 * _LEAST_VISIBLE,
        least_px: int = 12,
    ) -> tuple[Boxes, NDArray[np.float32]]:
        """Boxes of the hazards, and their visible shares.

        A hazard of which less is visible is replaced by the background.
        """
        if outside is not None:
            self.owner[outside] = 0
        found, visible = [], []
        for number, label in self.labels.items():
            if label < 0:
                continue
            seen = self.owner == number
            count = np.count_nonzero(seen)
            if not count:
                continue
            x, y, w, h = cv2.boundingRect(seen.astype(np.uint8))
            if count < least_visible * self.full[number] or max(w, h) < least_px:
                self.image[seen] = self.ground[seen]
            else:
                found.append((label, x, y, x + w, y + h))
                visible.append(min(1.0, count / self.full[number]))
        return np.array(found, np.float32).reshape(-1, 5), np.array(visible, np.float32)


def _ground(
    rng: Rng, sources: Sources, drawn: DrawnObjects, size: tuple[int, int], zoom: float
) -> Image:
    draw = rng.random()
    if draw < 0.5 and sources.belts:
        chosen = sources.belts[int(rng.integers(len(sources.belts)))]
        ground = fit(rng, chosen.pixels, size, zoom / chosen.px_per_mm)
        if rng.random() < 0.5:  # another rubber of the same type
            tint = rng.uniform(0.6, 1.5) + rng.normal(0, 0.08, 3)
            ground = np.asarray((ground * tint).clip(0, 255), np.uint8)
        return ground
    if draw < 0.82:
        return belt(rng, size)
    if draw < 0.9 and drawn.grounds:
        return fit(
            rng, drawn.grounds[int(rng.integers(len(drawn.grounds)))], size, rng.uniform(0.5, 1.2)
        )
    return plain(rng, size)


def _pick(
    rng: Rng, cutouts: Sequence[Cutout], longest_px: float, label: int, level: float
) -> Image:
    chosen = cutouts[int(rng.integers(len(cutouts)))]
    return weathered(rng, posed(rng, chosen.pixels, longest_px), label, level)


def draw_hazard(
    rng: Rng,
    sources: Sources,
    drawn: DrawnObjects,
    *,
    label: int,
    zoom: float,
    level: float,
    largest: float,
) -> Image:
    """One random hazard, drawn or a cut-out: `(h, w, 4)` uint8 BGRA.

    zoom: px per mm. level: brightness of the background. largest: limit of the longest side, px.
    """
    drawers = [d for d, c in drawn.hazards if c == label]
    if drawers and rng.random() < drawn.drawn_share:
        cutout = drawers[int(rng.integers(len(drawers)))](rng, zoom)
        longest = min(float(max(cutout.shape[:2])), largest)
        return weathered(rng, posed(rng, cutout, longest), label, level)
    if label == GAS:
        longest = float(np.clip(np.exp(rng.uniform(*np.log(_GAS_MM))) * zoom, 50, largest))
        return _pick(rng, sources.cutouts["gas"], longest, GAS, level)
    sides = _CELL_MM if rng.random() < 0.7 else _PACK_MM
    longest = float(np.clip(rng.uniform(*sides) * zoom, 20, largest))
    return _pick(rng, sources.cutouts["battery"], longest, BATTERY, level)


def draw_waste(rng: Rng, sources: Sources, drawn: DrawnObjects, zoom: float, level: float) -> Image:
    """One random piece of waste, drawn or a cut-out: `(h, w, 4)` uint8 BGRA."""
    if drawn.waste and rng.random() < drawn.drawn_share:
        cutout = drawn.waste[int(rng.integers(len(drawn.waste)))](rng, zoom)
        return weathered(rng, posed(rng, cutout, min(max(cutout.shape[:2]), 360)), -1, level)
    longest = float(np.clip(np.exp(rng.uniform(*np.log(_WASTE_MM))) * zoom, 18, 330))
    return _pick(rng, sources.cutouts["distractor"], longest, -1, level)


def _outside(rng: Rng, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Mask of the area off the belt, greyed as in a belt view: slanted margins at the sides."""
    if rng.random() > 0.3:
        return None
    height, width = size
    keep = np.zeros(size, np.uint8)
    left, right = rng.uniform(-0.2, 0.25, 2), 1 - rng.uniform(-0.2, 0.25, 2)
    corners = np.array([(left[0], 0), (right[0], 0), (right[1], 1), (left[1], 1)])
    cv2.fillPoly(keep, [(corners * (width, height)).astype(np.int32)], 1)
    return np.asarray(keep == 0)


def filmed(rng: Rng, image: NDArray[np.float32]) -> Image:
    """Effects of a camera above a belt: blur along travel (y), focus, gamma, cast, noise, JPEG."""
    if rng.random() < 0.4:
        length = int(rng.integers(2, 7))
        image = cv2.blur(image, (1, length)).astype(np.float32)
    if rng.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.1))).astype(np.float32)
    gamma = float(np.exp(rng.normal(0, 0.22)))
    cast = (rng.uniform(0.85, 1.15) * (1 + rng.normal(0, 0.04, 3))).astype(np.float32)
    image = (((image.clip(0, 255) / 255) ** gamma) * 255 * cast).astype(np.float32)
    if rng.random() < 0.7:
        image = image + rng.normal(0, rng.uniform(0.5, 7), image.shape).astype(np.float32)
    shot = np.asarray(image.clip(0, 255), np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        code = cv2.imencode(".jpg", shot, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        shot = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return shot


def compose(
    rng: Rng,
    sources: Sources,
    size: tuple[int, int] = (416, 416),
    *,
    drawn: DrawnObjects = NO_DRAWINGS,
    zoom: tuple[float, float] = (0.45, 1.7),
    largest_px: tuple[float, float] = LARGEST_PX,
    hazards: bool | None = None,
) -> Scene:
    """Place waste and, in about seven scenes of ten, hazards on a background.

    zoom: range of px per mm. hazards: with or without hazards; None: random.
    The same generator state gives the same scene, pixel for pixel.
    """
    usual = min(max(zoom[0], 1.0), zoom[1])
    px_per_mm = float(np.exp(rng.triangular(*np.log((zoom[0], usual, zoom[1])))))
    canvas = Canvas(rng, _ground(rng, sources, drawn, size, px_per_mm))
    outside = _outside(rng, size)
    area = size[0] * size[1] / (416 * 416)
    crowd = rng.integers(14, 34) if rng.random() < 0.34 else rng.integers(0, 12)
    count = int(crowd * area * min(2.0, px_per_mm**-0.7))

    def random_position(margin: float) -> tuple[float, float]:
        return (float(rng.uniform(-margin, size[1] + margin)),
                float(rng.uniform(-margin, size[0] + margin)))  # fmt: skip

    for _ in range(count):
        canvas.place(
            draw_waste(rng, sources, drawn, px_per_mm, canvas.level), -1, random_position(20)
        )
    if hazards if hazards is not None else rng.random() < 0.7:
        batteries = int(rng.choice([0, 1, 2, 4, 6], p=[0.15, 0.2, 0.25, 0.22, 0.18]) * area + 0.5)
        bottles = int(rng.choice([0, 1, 2, 3], p=[0.25, 0.37, 0.24, 0.14]) * area + 0.5)
        for label, number in ((GAS, bottles), (BATTERY, batteries)):
            for _ in range(number):
                cutout = draw_hazard(
                    rng, sources, drawn, label=label, zoom=px_per_mm, level=canvas.level,
                    largest=largest_px[label],
                )  # fmt: skip
                canvas.place(cutout, label, random_position(0))
        for _ in range(int(rng.integers(0, 6) * area)):  # waste on top of hazards
            canvas.place(
                draw_waste(rng, sources, drawn, px_per_mm, canvas.level), -1, random_position(0)
            )
    boxes, visible = canvas.boxes(outside)
    image = filmed(rng, canvas.image)
    if outside is not None:
        image[outside] = GREY
    return _turned(rng, Scene(image, boxes, visible))


def _turned(rng: Rng, scene: Scene) -> Scene:
    """A quarter turn for half of the square scenes: a belt view may run along x too."""
    height, width = scene.image.shape[:2]
    if height != width or rng.random() < 0.5:
        return scene
    boxes = scene.boxes.copy()
    boxes[:, [1, 2, 3, 4]] = np.stack(
        [boxes[:, 2], width - boxes[:, 3], boxes[:, 4], width - boxes[:, 1]], axis=1
    )
    return Scene(np.ascontiguousarray(np.rot90(scene.image)), boxes, scene.visible)
