"""What a verifier says of the boxes in an image, with the files that the line runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.vision.crops import CropCutter, has_area
from detector.vision.detections import Detections, suppress_overlaps
from detector.vision.engine import open_session
from detector.vision.features import check_network
from detector.vision.verifier import load_head, log_odds
from detector.vision.verifier_card import Fusion
from models.data.sources import Image
from models.verifier.export import FEATURES, HEAD
from models.verifier.kinds import Kinds
from models.workshop import WorkshopError

Floats = NDArray[np.float32]
_BATCH = 16
_SAME_OBJECT_IOU = 0.45
"""On the tuning side AP50 of batteries 0.74, with the detector's own 0.6 it is 0.64: duplicates
differ in the detector's score more than in the verifier's."""
HAZARD_NAMES = ("gas", "battery")
"""In the order of the detector's classes."""


def probability(fusion: Fusion, v: Floats, d: Floats) -> Floats:
    """(n,) float32: of one hazard, from the log-odds of the verifier and of the detector."""
    total = fusion.verifier * v + fusion.detector * d + fusion.offset
    return np.asarray(1 / (1 + np.exp(-total.clip(-40, 40))), np.float32)


class Verdicts:
    """A verifier's network and head."""

    def __init__(self, folder: Path, kinds: Kinds, input_px: int, context: float) -> None:
        """Raises `ModelError` or `WorkshopError`: the files do not fit each other, the recipe or
        `kinds.toml`."""
        self._session = open_session(folder / FEATURES, ("CPUExecutionProvider",), 1)
        check_network(folder / FEATURES, self._session, input_px, "the recipe has input_px")
        self._head = load_head(folder / HEAD)
        if len(self._head.weights) != len(kinds.names):
            raise WorkshopError(
                f"{folder / HEAD}: has {len(self._head.weights)} kinds, kinds.toml has "
                f"{len(kinds.names)}; train it again, or restore the list"
            )
        self._kinds, self._px = kinds, input_px
        self._cutter = CropCutter(input_px, context)
        given = self.features(np.zeros((1, input_px, input_px, 3), np.uint8)).shape[1]
        if given != self._head.weights.shape[1]:
            raise WorkshopError(
                f"{folder}: {FEATURES} gives {given} features, {HEAD} takes "
                f"{self._head.weights.shape[1]}; the two files do not belong together, export both"
            )

    def features(self, crops: NDArray[np.uint8]) -> Floats:
        """(n, d) float32 of (n, px, px, 3) uint8 BGR."""
        made = [
            self._session.run(None, {"crops": crops[start : start + _BATCH]})[0]
            for start in range(0, len(crops), _BATCH)
        ]
        return (
            np.concatenate(made) if made else np.zeros((0, self._head.weights.shape[1]), np.float32)
        )

    def probabilities(self, features: Floats) -> Floats:
        """(n, k) float32: of each kind."""
        return self._head.probabilities(features)

    def of_boxes(self, image: Image, boxes: Floats) -> Floats:
        """(n, k) float32 for (n, 4) boxes in px of an image."""
        crops = np.zeros((len(boxes), self._px, self._px, 3), np.uint8)
        size = (image.shape[1], image.shape[0])
        for box, crop in zip(boxes.tolist(), crops, strict=True):
            if has_area((box[0], box[1], box[2], box[3]), size):
                self._cutter.cut(image, (box[0], box[1], box[2], box[3]), crop)
        return self.probabilities(self.features(crops))

    def log_odds(self, probabilities: Floats) -> Floats:
        """(n, 2) float32: V of gas and of battery."""
        return log_odds(self._kinds.shares(probabilities)[:, : len(HAZARD_NAMES)])


def decided(found: Detections, v: Floats, fusions: tuple[Fusion, Fusion]) -> Detections:
    """Proposals with the fused probability as score, each as its likelier hazard."""
    if not len(found):
        return found
    d = log_odds(found.scores)
    both = np.stack([probability(fusion, v[:, n], d) for n, fusion in enumerate(fusions)], 1)
    classes = both.argmax(1).astype(np.int64)
    scores = both.max(1).astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    fused = Detections(found.boxes_px[order], scores[order], classes[order])
    return suppress_overlaps(fused, _SAME_OBJECT_IOU)
