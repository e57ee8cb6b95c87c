"""What a model sees in pictures that it was not trained on, through the engine that a line runs.

Three sets: the dev photographs; scenes put together from cut-outs and belt frames that were held
back; and those belt frames themselves, which hold no hazard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import Card
from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.photograph import detect_in_photograph
from models.composites import compose
from models.scoring import Truth
from models.sources import (
    GREY,
    IGNORE,
    Boxes,
    Image,
    belt_frames,
    belt_polygon,
    read_image,
    read_photographs,
    read_sources,
)

PHOTO_SIZES: tuple[tuple[int, ...], ...] = ((320,), (416,), (512,), (640,), (320, 512), (416, 640))
FLOOR = 0.02  # lowest score looked at
_VIEW = (448, 800)  # px; a belt of 0.8 m at 1 mm/px
_SCALES = (("1.0", 0.6), ("0.6", 1.0))  # mm per px, and what 1280 x 720 is multiplied by for it

Looks = dict[str, tuple[Sequence[Detections], Sequence[Truth]]]


def photo_set(sizes: Sequence[int]) -> str:
    """Name of the dev photographs looked at with these longest sides."""
    return "photographs_" + "_".join(map(str, sizes))


@dataclass(frozen=True)
class _AtSizes:
    """An engine with other photograph sizes than its card's."""

    engine: Engine
    card: Card

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        return self.engine.detect(picture, min_score)


def truth_of(boxes_px: Boxes) -> Truth:
    """From (n, 5) float32 `class, x0, y0, x1, y1`, class 9 being ignore regions."""
    ignored = boxes_px[:, 0] == IGNORE
    return Truth(
        boxes_px[~ignored, 1:], boxes_px[~ignored, 0].astype(np.int64), boxes_px[ignored, 1:]
    )


def belt_view(frame: Image, polygon: NDArray[np.int32], scale: float) -> Image:
    """A whole frame as the model meets it on a line: scaled, off-belt greyed, padded to 32."""
    keep = cv2.fillPoly(np.zeros(frame.shape[:2], np.uint8), [polygon], (1,))
    grey = np.where(keep[..., None] > 0, frame, np.uint8(GREY))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    down, across = -small.shape[0] % 32, -small.shape[1] % 32
    return np.asarray(
        cv2.copyMakeBorder(small, 0, down, 0, across, cv2.BORDER_CONSTANT, value=(GREY,) * 3),
        np.uint8,
    )


def at_photographs(engine: Engine, data: Path, photo_sizes: Sequence[tuple[int, ...]]) -> Looks:
    """The dev photographs, once for each list of sizes."""
    pictures, truths = [], []
    for photograph in read_photographs(data, "dev"):
        image = photograph.read()
        boxes = photograph.boxes.copy()
        boxes[:, 1:] *= np.array([image.shape[1], image.shape[0]] * 2, np.float32)
        pictures.append(image)
        truths.append(truth_of(boxes))
    looks: Looks = {}
    for sizes in photo_sizes:
        chosen = engine.card.input.model_copy(update={"photo_sizes_px": sizes})
        resized = _AtSizes(engine, engine.card.model_copy(update={"input": chosen}))
        found = [detect_in_photograph(resized, picture, FLOOR) for picture in pictures]
        looks[photo_set(sizes)] = (found, truths)
    return looks


def at_belts(engine: Engine, data: Path, held_back: float, scenes: int) -> Looks:
    """Held-back scenes of 448 x 800 px and the held-back belt frames at two scales."""
    held = read_sources(data, held_back, held=True)
    made = [
        compose(np.random.default_rng([77, n]), held, _VIEW, zoom=(0.6, 1.6)) for n in range(scenes)
    ]
    looks: Looks = {
        "scenes": (
            [engine.detect(scene.image, FLOOR) for scene in made],
            [truth_of(scene.boxes) for scene in made],
        )
    }
    polygon = belt_polygon(data)
    frames = [read_image(path) for path in belt_frames(data, held=True)]
    nothing = truth_of(np.zeros((0, 5), np.float32))
    for mm_per_px, scale in _SCALES:
        found = [engine.detect(belt_view(frame, polygon, scale), FLOOR) for frame in frames]
        looks[f"frames_at_{mm_per_px}_mm_per_px"] = (found, [nothing] * len(frames))
    return looks
