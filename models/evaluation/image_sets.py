"""Detections on images held back from training, with the engine that a line runs.

Four sets: the dev photographs; the same reduced to the size of objects on a belt; scenes composed
of held-back cut-outs and belt frames; and those belt frames themselves, which have no hazard.
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
from models.data.composites import Scene, compose
from models.data.photographs import resized
from models.data.sources import (
    BATTERY,
    GAS,
    GREY,
    IGNORE,
    Image,
    Photograph,
    belt_frames,
    belt_polygon,
    read_image,
    read_photographs,
    read_sources,
)
from models.evaluation.scoring import GroundTruth

PHOTO_SIZES: tuple[tuple[int, ...], ...] = ((320,), (416,), (512,), (640,), (320, 512), (416, 640))
FLOOR = 0.02  # lowest evaluated score
BELT_SCALE = "photographs_at_belt_scale"
ON_BELT_PX = {GAS: 200.0, BATTERY: 90.0}
"""Longest side of a cylinder and of a battery at belt scale; photographs are never enlarged."""
_VIEW = (448, 800)  # px; a belt of 0.8 m at 1 mm/px
BELT_SCALES = (("1.0", 0.6), ("0.6", 1.0))  # mm per px, and the scale factor for 1280 x 720

SetResults = dict[str, tuple[Sequence[Detections], Sequence[GroundTruth]]]


def photo_set(sizes: Sequence[int]) -> str:
    """Name of the set of dev photographs at these longest sides."""
    return "photographs_" + "_".join(map(str, sizes))


@dataclass(frozen=True)
class _AtSizes:
    """An engine with other photograph sizes than its card's."""

    engine: Engine
    card: Card

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        return self.engine.detect(image, min_score)


def ground_truth_of(scene: Scene) -> GroundTruth:
    """The ground truth of a scene; class 9 marks ignore regions."""
    ignored = scene.boxes[:, 0] == IGNORE
    height, width = scene.image.shape[:2]
    return GroundTruth(
        scene.boxes[~ignored, 1:],
        scene.boxes[~ignored, 0].astype(np.int64),
        scene.boxes[ignored, 1:],
        (width, height),
        None if scene.visible is None else scene.visible[~ignored],
    )


def belt_view(frame: Image, polygon: NDArray[np.int32], scale: float) -> Image:
    """A whole frame as on a line: scaled, area off the belt greyed, padded to 32."""
    keep = cv2.fillPoly(np.zeros(frame.shape[:2], np.uint8), [polygon], (1,))
    grey = np.where(keep[..., None] > 0, frame, np.uint8(GREY))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return padded(np.asarray(small, np.uint8))


def padded(image: Image) -> Image:
    """Pad with grey below and to the right, up to multiples of 32 px."""
    down, across = -image.shape[0] % 32, -image.shape[1] % 32
    grown = cv2.copyMakeBorder(image, 0, down, 0, across, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return np.asarray(grown, np.uint8)


def scene_of(photograph: Photograph) -> Scene:
    """A photograph with its boxes, including ignore regions, in px."""
    image = photograph.read()
    boxes = photograph.boxes.copy()
    boxes[:, 1:] *= np.array([image.shape[1], image.shape[0]] * 2, np.float32)
    return Scene(image, boxes)


def at_photographs(
    engine: Engine, data: Path, photo_sizes: Sequence[tuple[int, ...]]
) -> SetResults:
    """The dev photographs, once for each list of sizes, and once at belt scale."""
    return at_labelled(
        [scene_of(each) for each in read_photographs(data, "dev")], engine, photo_sizes
    )


def at_labelled(
    scenes: Sequence[Scene], engine: Engine, photo_sizes: Sequence[tuple[int, ...]]
) -> SetResults:
    """Labelled images, once for each list of sizes, and once at belt scale."""
    truths = [ground_truth_of(scene) for scene in scenes]
    results: SetResults = {}
    for sizes in photo_sizes:
        chosen = engine.card.input.model_copy(update={"photo_sizes_px": sizes})
        at_sizes = _AtSizes(engine, engine.card.model_copy(update={"input": chosen}))
        found = [detect_in_photograph(at_sizes, scene.image, FLOOR) for scene in scenes]
        results[photo_set(sizes)] = (found, truths)
    reduced = [at_belt_scale(scene) for scene in scenes]
    results[BELT_SCALE] = (
        [engine.detect(padded(scene.image), FLOOR) for scene in reduced],
        [ground_truth_of(scene) for scene in reduced],
    )
    return results


def at_belt_scale(scene: Scene) -> Scene:
    """Reduce a scene until the median length of its objects is that on a belt."""
    labelled = scene.boxes[scene.boxes[:, 0] != IGNORE]
    if not len(labelled):
        return resized(scene, min(1.0, 416 / max(scene.image.shape[:2])))
    longest = np.median((labelled[:, 3:] - labelled[:, 1:3]).max(1))
    return resized(scene, min(1.0, ON_BELT_PX[int(labelled[0, 0])] / float(longest)))


def at_belts(engine: Engine, data: Path, held_back: float, scenes: int) -> SetResults:
    """Held-back scenes of 448 x 800 px and the held-back belt frames at two scales."""
    held = read_sources(data, held_back, held=True)
    made = [
        compose(np.random.default_rng([77, n]), held, _VIEW, zoom=(0.6, 1.6)) for n in range(scenes)
    ]
    results: SetResults = {
        "scenes": (
            [engine.detect(scene.image, FLOOR) for scene in made],
            [ground_truth_of(scene) for scene in made],
        )
    }
    polygon = belt_polygon(data)
    frames = [read_image(path) for path in belt_frames(data, held=True)]
    nothing = ground_truth_of(Scene(frames[0], np.zeros((0, 5), np.float32)))
    for mm_per_px, scale in BELT_SCALES:
        found = [engine.detect(belt_view(frame, polygon, scale), FLOOR) for frame in frames]
        results[f"frames_at_{mm_per_px}_mm_per_px"] = (found, [nothing] * len(frames))
    return results
