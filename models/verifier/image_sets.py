"""Pictures on which detector and verifier are fitted together and measured, with proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.photograph import detect_in_photograph
from models.data.belt_strips import read_strip, strip_scene
from models.data.composites import Scene, compose
from models.data.photographs import masked
from models.data.sources import (
    BELT_PX_PER_MM,
    IGNORE,
    Belt,
    Cutout,
    Image,
    Sources,
    read_image,
)
from models.evaluation.image_sets import at_belt_scale, ground_truth_of, padded
from models.evaluation.scoring import IOU, GroundTruth, overlaps
from models.verifier.kinds import Kinds
from models.verifier.material import Material
from models.verifier.strip_crops import CropStrip
from models.verifier.verdicts import Floats, Verdicts
from models.workshop import progress_on_stderr

FLOOR = 0.02
"""Lowest score of a proposal."""
_VIEW = (448, 800)
_TRACED_PX = 512
_LABELS = {"gas": 0, "battery": 1, "none": -1}
_PARTS = {"gas": "gas", "battery": "battery", "none": "distractor"}


@dataclass(frozen=True)
class Proposed:
    """A picture and the detector's proposals in it."""

    image: Image
    found: Detections
    truth: GroundTruth


@dataclass(frozen=True)
class Verified:
    """A picture's proposals and what the verifier says of them. v: (n, 2) float32."""

    found: Detections
    v: Floats
    truth: GroundTruth


def hazard_scenes(material: Material, side: str) -> list[Scene]:
    """A side's pictures with a hazard, reduced to the size of things on a belt."""
    scenes = []
    for picture in material.labelled:
        if picture.side == side and (picture.boxes[:, 0] != IGNORE).any():
            image = read_image(picture.path)
            boxes = picture.boxes.copy()
            boxes[:, 1:] *= np.array([image.shape[1], image.shape[0]] * 2, np.float32)
            scenes.append(at_belt_scale(Scene(image, boxes)))
    return scenes


def harmless_pictures(material: Material, side: str) -> list[Image]:
    """A side's pictures without a hazard, their longest side at most 960 px."""
    wanted = [p for p in material.harmless if p.side == side and p.place != "belt"]
    return [read_image(picture.path) for picture in wanted]


def belt_scenes(material: Material, kinds: Kinds, side: str, count: int) -> list[Scene]:
    """Scenes of a side's cut-outs on its belts."""
    cutouts: dict[str, tuple[Cutout, ...]] = {}
    for hazard, part in _PARTS.items():
        things = [t for t in material.things if t.side == side and kinds.hazard(t.name) == hazard]
        cutouts[part] = tuple(
            Cutout(read_image(t.path, cv2.IMREAD_UNCHANGED), _LABELS[hazard], t.source)
            for t in things
            if t.path.is_file()
        )
    belts = tuple(
        Belt(read_image(p.path), BELT_PX_PER_MM, p.path.stem)
        for p in material.harmless
        if p.side == side and p.belt and min(read_image(p.path).shape[:2]) >= 300
    )[:60]
    sources = Sources((), cutouts, belts)
    seed = {"tuning": 51, "held": 52}.get(side, 50)
    return [
        compose(np.random.default_rng([seed, n]), sources, _VIEW, zoom=(0.6, 1.6))
        for n in range(count)
    ]


def traced_scenes(strips: Sequence[CropStrip], side: str, count: int) -> list[Scene]:
    """Scenes cut from a side's path-traced strips; none without strips."""
    traced = [read_strip(strip.path) for strip in strips if strip.side == side]
    if not traced:
        return []
    seed = {"tuning": 61, "held": 62}.get(side, 60)
    return [strip_scene(np.random.default_rng([seed, n]), traced, _TRACED_PX) for n in range(count)]


def propose_in_scenes(engine: Engine, scenes: Sequence[Scene]) -> list[Proposed]:
    """Proposals in each scene at its own size."""
    show, proposed = progress_on_stderr(), []
    for number, scene in enumerate(scenes, 1):
        image = _without_ignored(scene)
        found = engine.detect(padded(image), FLOOR)
        proposed.append(Proposed(image, found, ground_truth_of(scene)))
        show("scenes", number, len(scenes))
    return proposed


def _without_ignored(scene: Scene) -> Image:
    shares = scene.boxes.copy()
    height, width = scene.image.shape[:2]
    shares[:, 1:] /= np.array([width, height] * 2, np.float32)
    return masked(scene.image, shares).image if (shares[:, 0] == IGNORE).any() else scene.image


def propose_in_photographs(engine: Engine, images: Sequence[Image]) -> list[Proposed]:
    """Proposals in harmless photographs, at the card's sizes."""
    show, proposed = progress_on_stderr(), []
    for number, image in enumerate(images, 1):
        found = detect_in_photograph(engine, image, FLOOR)
        nothing = Scene(image, np.zeros((0, 5), np.float32))
        proposed.append(Proposed(image, found, ground_truth_of(nothing)))
        show("photographs", number, len(images))
    return proposed


def verify(verdicts: Verdicts, proposed: Sequence[Proposed]) -> list[Verified]:
    """What the verifier says of proposals."""
    show, verified = progress_on_stderr(), []
    for number, each in enumerate(proposed, 1):
        v = verdicts.log_odds(verdicts.of_boxes(each.image, each.found.boxes_px))
        verified.append(Verified(each.found, v, each.truth))
        show("verified", number, len(proposed))
    return verified


def matches(verified: Verified, label: int) -> NDArray[np.int64]:
    """(n,) per proposal: 1 it is this hazard, 0 it is not, or only a part of it, -1 ignored.

    With parts left out of the fit, the fused score could not tell a box from its duplicates: AP50
    of batteries on the tuning side 0.58 instead of 0.64.
    """
    boxes, truth = verified.found.boxes_px, verified.truth
    result = np.zeros(len(boxes), np.int64)
    if not len(boxes):
        return result
    mine = truth.boxes_px[truth.classes == label]
    if len(mine):
        result[overlaps(boxes, mine)[0].max(1) >= IOU] = 1
    if len(truth.ignored_px):
        inside = overlaps(boxes, truth.ignored_px)[1].max(1) >= 0.5
        result[inside & (result == 0)] = -1
    return result
