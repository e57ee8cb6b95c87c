"""Scenes of cut-outs on real belts at a known scale: sizes in mm, blur along the travel, dim light.

Travel is along y, as in a belt view. `Conditions` fixes what a measurement varies; for training
they are drawn at random (`training_conditions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.composites import Canvas, DrawnObjects, Scene, filmed
from models.data.cutting import posed, weathered
from models.data.real_belts import stretch
from models.data.sized_cutouts import SizedCutout
from models.data.sources import GAS, Boxes, Image
from models.data.textures import Rng, belt, fit
from models.data.wide_sources import WideSources

_LEAST_SEEN = 0.2
"""Visible share of an object at the edge from which it is labelled."""
_LEAST_PX = 10


@dataclass(frozen=True)
class Conditions:
    """How a scene is shown.

    blur_mm: travel during the exposure. light: gain of the whole image. contrast: of objects with
    the belt, 1: unchanged.
    """

    mm_per_px: float = 1.0
    blur_mm: float = 0.0
    light: float = 1.0
    contrast: float = 1.0


@dataclass(frozen=True)
class Placed:
    """One object to lay: where its centre is, px, and how long it is."""

    cutout: SizedCutout
    longest_mm: float
    centre_px: tuple[float, float]


def length_mm(rng: Rng, cutout: SizedCutout) -> float:
    """A length of this cut-out's kind."""
    low, high = cutout.longest_mm
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def lay(
    rng: Rng, ground: Image, objects: Sequence[Placed], conditions: Conditions
) -> tuple[Canvas, list[int | None]]:
    """Lay objects in order on a ground; returns the canvas and each object's number on it."""
    canvas = Canvas(rng, ground)
    numbers = []
    for each in objects:
        image = posed(rng, each.cutout.read(), each.longest_mm / conditions.mm_per_px)
        if conditions.contrast != 1.0:
            image = _nearer(image, canvas.level, conditions.contrast)
        numbers.append(canvas.place(image, each.cutout.label, each.centre_px))
    return canvas, numbers


def _nearer(cutout: Image, level: float, contrast: float) -> Image:
    """Colours brought nearer to the ground's grey level."""
    colour = level + (cutout[..., :3].astype(np.float32) - level) * contrast
    return np.dstack([colour.clip(0, 255), cutout[..., 3]]).astype(np.uint8)


def shown(canvas: Canvas, conditions: Conditions) -> Image:
    """The image of a canvas under these conditions."""
    return np.asarray(_exposed(canvas, conditions).clip(0, 255), np.uint8)


def _exposed(canvas: Canvas, conditions: Conditions) -> NDArray[np.float32]:
    length = round(conditions.blur_mm / conditions.mm_per_px)
    image = cv2.blur(canvas.image, (1, length)) if length > 1 else canvas.image
    return np.asarray(image * conditions.light, np.float32)


def labelled(canvas: Canvas) -> tuple[Boxes, NDArray[np.float32]]:
    """Boxes of the hazards in the image, cut ones too, and their visible shares."""
    return canvas.boxes(None, least_visible=_LEAST_SEEN, least_px=_LEAST_PX)


def training_conditions(rng: Rng) -> Conditions:
    """Conditions of one training image: each scale of a line, often blurred, often dim."""
    return Conditions(
        mm_per_px=float(np.exp(rng.uniform(np.log(0.8), np.log(2.3)))),
        blur_mm=float(rng.uniform(3, 30)) if rng.random() < 0.45 else 0.0,
        light=float(rng.uniform(0.25, 0.8)) if rng.random() < 0.35 else 1.0,
        contrast=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.25 else 1.0,
    )


def belt_scene(rng: Rng, sources: WideSources, size: int, drawn: DrawnObjects) -> Scene:
    """One square training image: waste and hazards of known sizes, big ones partly outside."""
    conditions = training_conditions(rng)
    ground = _ground(rng, sources, size, conditions.mm_per_px)
    area_m2 = (size * conditions.mm_per_px / 1000) ** 2
    canvas = Canvas(rng, ground)
    objects = []
    for _ in range(int(rng.integers(2, 7) + rng.poisson(16 * area_m2))):
        cutout, label, mm = _object(rng, sources, conditions, drawn)
        # An object of which a belt view shows a part only: the longer, the more often.
        reach = mm / conditions.mm_per_px * (0.4 if label == GAS else 0.2)
        centre = rng.uniform(-reach, size + reach, 2)
        objects.append((mm + rng.normal(0, 60), cutout, label, (centre[0], centre[1])))
    # Longest first: nothing disappears under a bottle, and small things lie on it.
    for _, cutout, label, at in sorted(objects, key=lambda each: -each[0]):
        shown_as = weathered(rng, cutout, label, canvas.level)
        if conditions.contrast != 1.0:
            shown_as = _nearer(shown_as, canvas.level, conditions.contrast)
        canvas.place(shown_as, label, at)
    boxes, visible = labelled(canvas)
    return _turned(rng, Scene(filmed(rng, _exposed(canvas, conditions)), boxes, visible))


def _ground(rng: Rng, sources: WideSources, size: int, mm_per_px: float) -> Image:
    """A belt of any place, sometimes of another rubber; or a picture of harmless things."""
    draw = rng.random()
    if draw < 0.15 and sources.harmless:
        picture = sources.harmless[int(rng.integers(len(sources.harmless)))].read()
        return fit(rng, picture, (size, size), size / min(picture.shape[:2]) * rng.uniform(1, 1.6))
    if draw < 0.3 or not sources.belts:
        return belt(rng, (size, size))
    places = sorted(sources.belts)
    chosen = sources.belts[places[int(rng.integers(len(places)))]]
    ground = stretch(rng, chosen, (size, size), 1 / mm_per_px)
    if rng.random() < 0.4:
        tint = rng.uniform(0.5, 1.5) + rng.normal(0, 0.1, 3)
        ground = np.asarray((ground * tint).clip(0, 255), np.uint8)
    return ground


def _object(
    rng: Rng, sources: WideSources, conditions: Conditions, drawn: DrawnObjects
) -> tuple[Image, int, float]:
    """One object's BGRA, turned at random, its class or -1, and its length in mm."""
    if rng.random() < drawn.drawn_share:
        hazardous = rng.random() < 0.6
        drawer, label = (
            drawn.hazards[int(rng.integers(len(drawn.hazards)))]
            if hazardous
            else (drawn.waste[int(rng.integers(len(drawn.waste)))], -1)
        )
        image = drawer(rng, 1 / conditions.mm_per_px)
        longest = float(max(image.shape[:2]))
        return posed(rng, image, longest), label, longest * conditions.mm_per_px
    cutout = sources.cutouts[int(rng.choice(len(sources.cutouts), p=sources.chances))]
    mm = length_mm(rng, cutout)
    return posed(rng, cutout.read(), mm / conditions.mm_per_px), cutout.label, mm


def _turned(rng: Rng, scene: Scene) -> Scene:
    """Half of them with the travel along x: a camera may look at a belt from any side."""
    if rng.random() < 0.7:
        return scene
    width = scene.image.shape[1]
    boxes = scene.boxes.copy()
    boxes[:, 1:] = np.stack(
        [boxes[:, 2], width - boxes[:, 3], boxes[:, 4], width - boxes[:, 1]], axis=1
    )
    return Scene(np.ascontiguousarray(np.rot90(scene.image)), boxes, scene.visible)
