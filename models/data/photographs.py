"""Training images from photographs: unchanged, and at the size of objects on a belt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.composites import Scene, filmed
from models.data.cutting import recoloured
from models.data.sources import GAS, GREY, IGNORE, Boxes, Image, Photograph, Sources
from models.data.textures import Rng, belt, fit, plain


def masked(image: Image, boxes: Boxes) -> Scene:
    """Grey out the ignore regions except for boxes inside them; converts boxes to px."""
    height, width = image.shape[:2]
    px = boxes.copy()
    px[:, 1:] *= (width, height, width, height)
    ignored = np.zeros((height, width), bool)
    for rows, value in ((px[px[:, 0] == IGNORE], True), (px[px[:, 0] != IGNORE], False)):
        for x0, y0, x1, y1 in rows[:, 1:].round().astype(int):
            ignored[max(y0, 0) : y1, max(x0, 0) : x1] = value
    image = image.copy()
    image[ignored] = GREY
    return Scene(image, px[px[:, 0] != IGNORE])


def resized(scene: Scene, scale: float) -> Scene:
    """Scale image and boxes."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    height, width = scene.image.shape[:2]
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    boxes = scene.boxes.copy()
    boxes[:, 1:] *= (size[0] / width, size[1] / height) * 2
    return Scene(np.asarray(cv2.resize(scene.image, size, interpolation=method), np.uint8), boxes)


def turned(rng: Rng, scene: Scene) -> Scene:
    """Rotate by 0 to 3 quarter turns."""
    for _ in range(int(rng.integers(4))):
        width = scene.image.shape[1]
        boxes = scene.boxes.copy()
        boxes[:, 1:] = np.stack(
            [boxes[:, 2], width - boxes[:, 3], boxes[:, 4], width - boxes[:, 1]], axis=1
        )
        scene = Scene(np.ascontiguousarray(np.rot90(scene.image)), boxes)
    return scene


def cropped(scene: Scene, x: int, y: int, size: tuple[int, int]) -> Scene:
    """Cut out a window; hazards with under 40 % left are greyed, so that none is unlabelled."""
    image = scene.image[y : y + size[0], x : x + size[1]].copy()
    moved = scene.boxes.copy()
    moved[:, 1:] -= (x, y, x, y)
    clipped = moved.copy()
    clipped[:, [1, 3]] = moved[:, [1, 3]].clip(0, image.shape[1])
    clipped[:, [2, 4]] = moved[:, [2, 4]].clip(0, image.shape[0])
    seen = np.prod(clipped[:, 3:] - clipped[:, 1:3], 1) / np.prod(moved[:, 3:] - moved[:, 1:3], 1)
    for x0, y0, x1, y1 in clipped[(seen < 0.4) & (seen > 0), 1:].astype(int):
        image[y0 : y1 + 1, x0 : x1 + 1] = GREY
    return Scene(image, clipped[seen >= 0.4])


def _white_alpha(image: Image) -> NDArray[np.float32]:
    """Alpha of an object on white: near-white pixels connected to the border are background."""
    pale = (image.min(2) > 232).astype(np.uint8)
    pale = cv2.copyMakeBorder(pale, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1).astype(np.uint8)
    joined = cv2.connectedComponents(pale, connectivity=4)[1]
    ground = (joined == joined[0, 0])[1:-1, 1:-1]
    solid = cv2.erode((~ground).astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(solid, (0, 0), 0.8)
    return np.asarray(soft, np.float32) / np.float32(255)


def _canvas(rng: Rng, sources: Sources, size: tuple[int, int], busy: Sequence[Image]) -> Image:
    draw = rng.random()
    if draw < 0.3:
        return belt(rng, size)
    if draw < 0.5 and sources.belts:
        chosen = sources.belts[int(rng.integers(len(sources.belts)))]
        return fit(rng, chosen.pixels, size, rng.uniform(0.35, 0.8))
    if draw < 0.7 and busy:
        return fit(rng, busy[int(rng.integers(len(busy)))], size, rng.uniform(0.5, 1.0))
    return plain(rng, size)


def as_is(photograph: Photograph, longest_px: int) -> Scene:
    """The whole image with a longest side of `longest_px`, never enlarged."""
    scene = masked(photograph.read(), photograph.boxes)
    return resized(scene, min(1.0, longest_px / max(scene.image.shape[:2])))


def at_belt_size(
    rng: Rng,
    photograph: Photograph,
    sources: Sources,
    *,
    busy: Sequence[Image],
    size: int = 416,
    objects_px: tuple[float, float] = (36.0, 260.0),
) -> Scene:
    """The image scaled so that its objects are `objects_px` long, cropped or placed on a canvas.

    An object on white is cut out in two of three cases, so that the model does not learn that
    batteries have white around them. busy: hazard-free photographs used as backgrounds.
    """
    scene = masked(photograph.read(), photograph.boxes)
    sides = (scene.boxes[:, 3:] - scene.boxes[:, 1:3]).max(1) if len(scene.boxes) else None
    typical = float(np.median(sides)) if sides is not None else max(scene.image.shape[:2]) / 2
    wanted = float(np.exp(rng.uniform(*np.log(objects_px))))
    scene = turned(rng, resized(scene, min(1.3, wanted / typical)))
    if len(scene.boxes) and scene.boxes[0, 0] == GAS:
        scene = Scene(recoloured(rng, scene.image, 0.3, 0.1), scene.boxes)
    height, width = scene.image.shape[:2]
    if height > size or width > size:
        x, y = (int(rng.integers(max(1, side - size + 1))) for side in (width, height))
        if len(scene.boxes):  # keep one of the objects in the window
            one = scene.boxes[rng.integers(len(scene.boxes)), 1:]
            middle = ((one[0] + one[2]) / 2, (one[1] + one[3]) / 2)
            x, y = (
                int(np.clip(c - rng.uniform(0.2, 0.8) * size, 0, max(0, side - size)))
                for c, side in zip(middle, (width, height), strict=True)
            )
        scene = cropped(scene, x, y, (size, size))
        height, width = scene.image.shape[:2]
    canvas = _canvas(rng, sources, (size, size), busy).astype(np.float32)
    x, y = int(rng.integers(size - width + 1)), int(rng.integers(size - height + 1))
    patch = canvas[y : y + height, x : x + width]
    alpha: NDArray[np.float32] = np.ones((height, width), np.float32)
    if photograph.white and rng.random() < 0.67:
        alpha = _white_alpha(scene.image)
        # White cells connected to the white around them would vanish; then use the whole image.
        for x0, y0, x1, y1 in scene.boxes[:, 1:].astype(int):
            if alpha[y0:y1, x0:x1].mean() < 0.35:
                alpha[:] = 1
                break
    patch += alpha[..., None] * (scene.image - patch)
    boxes = scene.boxes.copy()
    boxes[:, 1:] += (x, y, x, y)
    return Scene(filmed(rng, canvas), boxes)
