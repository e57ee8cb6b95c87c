"""`vigitri detect`: detect hazards in photographs, without belt geometry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.hazards.tracking.photograph_verdicts import verdicts_in_photograph
from detector.hazards.tracking.verdict import verifier_rules
from detector.ingest import SourceError, read_image_file
from detector.ingest.sources.image_folder import sorted_images
from detector.profile.line import ModelChoice
from detector.vision.catalogue import find_model
from detector.vision.detections import Detections
from detector.vision.engine import Engine, EngineError
from detector.vision.engines import open_engine, open_verifier
from detector.vision.photograph import detect_in_photograph
from detector.vision.verifier import Verifier
from detector.vocabulary import Hazard


def detect_in_images(
    images: Sequence[Path],
    model_name: str,
    min_score: float | None,
    choice: ModelChoice | None = None,
    *,
    as_json: bool,
) -> bool:
    """Print the detections of each image. Returns whether every image was read and processed.

    `min_score`: overrides the thresholds of the model card, for all classes. With a verifier, it is
    the minimum probability.
    """
    model = find_model(model_name)
    detector = _Detector(open_engine(model, choice), open_verifier(model, choice), min_score)
    paths, complete = _expanded(images)
    with progress_bar("detecting") as advance:
        for number, path in enumerate(paths, start=1):
            try:
                found = detector.detect(path)
            except SourceError as error:
                print_error(str(error))
                complete = False
            except EngineError as error:
                print_error(f"{path}: {error}")
                complete = False
            else:
                print(json.dumps(found) if as_json else _for_people(found), flush=True)
            advance(number, len(paths))
    return complete


def _expanded(images: Sequence[Path]) -> tuple[list[Path], bool]:
    """The named images and those in named folders, in natural order; False if a folder has none, or
    one that is not read."""
    paths: list[Path] = []
    complete = True
    for path in images:
        if not path.is_dir():
            paths.append(path)
            continue
        inside, unread = sorted_images(list(path.iterdir()))
        for line in unread if inside or unread else [f"{path}: no images in this folder"]:
            print_error(line)
            complete = False
        paths += inside
    return paths, complete


class _Detector:
    """A model, with its verifier if it has one."""

    def __init__(self, engine: Engine, verifier: Verifier | None, min_score: float | None) -> None:
        self._engine, self._verifier = engine, verifier
        classes = engine.card.classes
        thresholds = [known.threshold if min_score is None else min_score for known in classes]
        if verifier is not None:
            proposals = [known.proposal_threshold or known.threshold for known in classes]
            thresholds = [min(pair) for pair in zip(thresholds, proposals, strict=True)]
            fixed = {} if min_score is None else dict.fromkeys(verifier.card.fusion, min_score)
            self._rules = verifier_rules(verifier.card, {}, {str(key): fixed[key] for key in fixed})
        self._thresholds = np.array(thresholds, dtype=np.float32)

    def detect(self, path: Path) -> dict[str, Any]:
        """Raises `SourceError`, `EngineError`."""
        image = read_image_file(path)
        found = detect_in_photograph(self._engine, image, float(self._thresholds.min()))
        found = found.above(self._thresholds)
        height, width = image.shape[:2]
        listed = self._listed(found) if self._verifier is None else self._verified(image, found)
        return {"path": str(path), "width": width, "height": height, "detections": list(listed)}

    def _listed(self, found: Detections) -> Iterator[dict[str, Any]]:
        for box, score, index in zip(found.boxes_px, found.scores, found.classes, strict=True):
            yield {
                "class": self._engine.card.classes[index].name,
                "score": round(float(score), 4),
                "box_px": [round(float(side), 1) for side in box],
            }

    def _verified(self, image: NDArray[np.uint8], found: Detections) -> Iterator[dict[str, Any]]:
        """The same keys: the score is the fused probability, the class that of its hazard."""
        assert self._verifier is not None
        known = [each for each in reversed(self._engine.card.classes) if each.hazard != "none"]
        classes = {Hazard(each.hazard): each.name for each in known}
        for each in verdicts_in_photograph(self._verifier, self._rules, image, found):
            yield {
                "class": classes[each.verdict.hazard],
                "score": round(each.verdict.probability, 4),
                "box_px": [round(side, 1) for side in each.box_px],
                "kind": each.verdict.kind,
                "detector_score": round(each.score, 4),
            }


def _for_people(found: dict[str, Any]) -> str:
    detections = ", ".join(
        f"{each.get('kind') or each['class']} {each['score']:.2f} "
        f"at {[round(side) for side in each['box_px']]}"
        for each in found["detections"]
    )
    return f"{found['path']}: {detections or 'nothing found'}"
