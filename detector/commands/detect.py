"""`vigitri detect`: detect hazards in photographs, without belt geometry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.ingest import SourceError, read_image_file
from detector.ingest.sources.image_folder import images_in
from detector.profile.line import ModelChoice
from detector.vision.catalogue import find_model
from detector.vision.detections import Detections
from detector.vision.engine import Engine, EngineError
from detector.vision.engines import open_engine
from detector.vision.photograph import detect_in_photograph


def detect_in_images(
    images: Sequence[Path],
    model_name: str,
    min_score: float | None,
    choice: ModelChoice | None = None,
    *,
    as_json: bool,
) -> bool:
    """Print the detections of each image. Returns whether every image was read and processed.

    `min_score`: overrides the thresholds of the model card, for all classes.
    """
    engine = open_engine(find_model(model_name), choice)
    thresholds = np.array(
        [known.threshold if min_score is None else min_score for known in engine.card.classes],
        dtype=np.float32,
    )
    paths, complete = _expanded(images)
    with progress_bar("detecting") as advance:
        for number, path in enumerate(paths, start=1):
            try:
                found = _detect(engine, path, thresholds)
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
    """The named images and those in named folders, in natural order; False if a folder is empty."""
    paths: list[Path] = []
    complete = True
    for path in images:
        if not path.is_dir():
            paths.append(path)
            continue
        inside = images_in(path)
        if not inside:
            print_error(f"{path}: no images in this folder")
            complete = False
        paths += inside
    return paths, complete


def _detect(engine: Engine, path: Path, thresholds: np.ndarray[Any, Any]) -> dict[str, Any]:
    image = read_image_file(path)
    found = detect_in_photograph(engine, image, float(thresholds.min())).above(thresholds)
    height, width = image.shape[:2]
    return {
        "path": str(path),
        "width": width,
        "height": height,
        "detections": list(_as_json(engine, found)),
    }


def _as_json(engine: Engine, found: Detections) -> Iterator[dict[str, Any]]:
    for box, score, index in zip(found.boxes_px, found.scores, found.classes, strict=True):
        yield {
            "class": engine.card.classes[index].name,
            "score": round(float(score), 4),
            "box_px": [round(float(side), 1) for side in box],
        }


def _for_people(found: dict[str, Any]) -> str:
    detections = ", ".join(
        f"{each['class']} {each['score']:.2f} at {[round(side) for side in each['box_px']]}"
        for each in found["detections"]
    )
    return f"{found['path']}: {detections or 'nothing found'}"
