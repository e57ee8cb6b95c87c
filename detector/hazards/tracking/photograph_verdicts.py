"""The verdicts on the objects of a photograph: one pass of detector and verifier, no belt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.hazards.tracking.verdict import KindScores, Verdict, VerifierRules
from detector.vision.crops import Box, CropCutter, has_area
from detector.vision.detections import Detections, rows_without_overlaps
from detector.vision.verifier import Verifier

_SAME_OBJECT_IOU = 0.6


@dataclass(frozen=True, slots=True)
class PhotographVerdict:
    """What the verifier takes a proposal for."""

    box_px: Box
    score: float
    """The detector's."""
    verdict: Verdict


def verdicts_in_photograph(
    verifier: Verifier, rules: VerifierRules, image: NDArray[np.uint8], proposals: Detections
) -> list[PhotographVerdict]:
    """The objects among the detector's proposals in a `(h, w, 3)` uint8 BGR image that are raised,
    the most probable first; of several boxes of one object, the most probable. Raises
    `EngineError`."""
    card = verifier.card
    cutter = CropCutter(card.input_px, card.context)
    height, width = image.shape[:2]
    found: list[PhotographVerdict] = []
    boxes = [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in proposals.boxes_px]
    scored = [
        (box, float(score))
        for box, score in zip(boxes, proposals.scores, strict=True)
        if has_area(box, (width, height))
    ]
    for first in range(0, len(scored), card.max_crops_per_pass):
        part = scored[first : first + card.max_crops_per_pass]
        for row, (box, _) in enumerate(part):
            cutter.cut(image, box, verifier.crops[row])
        for (box, score), probabilities in zip(
            part, verifier.probabilities(len(part)), strict=True
        ):
            kinds = KindScores(rules)
            kinds.add(probabilities)
            verdict = kinds.verdict(score)
            if verdict.action != "ignore":
                found.append(PhotographVerdict(box, score, verdict))
    return _one_per_object(found, rules)


def _one_per_object(
    found: list[PhotographVerdict], rules: VerifierRules
) -> list[PhotographVerdict]:
    """The detector may propose an object once for each class."""
    hazards = [rule.hazard for rule in rules.hazards]
    boxes = Detections(
        np.array([each.box_px for each in found], dtype=np.float32).reshape(-1, 4),
        np.array([each.verdict.probability for each in found], dtype=np.float32),
        np.array([hazards.index(each.verdict.hazard) for each in found], dtype=np.int64),
    )
    return [found[row] for row in rows_without_overlaps(boxes, _SAME_OBJECT_IOU)]
