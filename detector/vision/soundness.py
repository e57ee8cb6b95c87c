"""Whether what a model gives makes sense: not only the shapes of its outputs, but their meaning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.ingest import SourceError, read_image_file
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.engine import Engine, OnnxEngine
from detector.vision.photograph import detect_in_photograph
from detector.vision.sound_boxes import LEAST_SCORE, drawn_images, unsound

_SAMPLE_IOU = 0.5


def check_meaning(model: ModelFolder, engine: OnnxEngine) -> int:
    """Examine the model's detections on drawn images; returns how many boxes there were.

    0: the model found nothing there, so only the shapes are known. Raises `ModelError`,
    `EngineError`.
    """
    height, width = (side or 10 * model.card.input.stride for side in model.card.input.size)
    seen = 0
    for image in drawn_images(height, width):
        found = engine.decoder.all_classes(engine.run(image), LEAST_SCORE, (height, width))
        if wrong := unsound(found, (height, width)):
            raise ModelError(
                f"{model.onnx_path}: {wrong}. The card describes another output: import the model "
                "again with `vigitri model import`"
            )
        seen += len(found)
    return seen


def check_sample(model: ModelFolder, engine: Engine) -> str:
    """Find the card's known object again; returns what was found, empty without a sample.

    Raises `ModelError`, `EngineError`.
    """
    sample = model.card.sample
    if sample is None:
        return ""
    try:
        image = read_image_file(model.path / sample.file)
    except SourceError as error:
        raise ModelError(str(error)) from None
    found = detect_in_photograph(engine, image, sample.min_score)
    names = [known.name for known in model.card.classes]
    for box, score, index in zip(found.boxes_px, found.scores, found.classes, strict=True):
        if names[index] == sample.class_name and _iou(box, sample.box_px) >= _SAMPLE_IOU:
            return f"{sample.class_name} found in {sample.file} with {score:.2f}"
    listed = ", ".join(names[index] for index in found.classes) or "nothing"
    raise ModelError(
        f"{model.path}: {sample.file} shows a {sample.class_name}, the model finds {listed}. "
        "Its weights or its card have changed: import it again"
    )


def _iou(box: NDArray[np.float32], other: tuple[float, float, float, float]) -> float:
    known = np.array(other, dtype=np.float32)
    sides = np.minimum(box[2:], known[2:]) - np.maximum(box[:2], known[:2])
    shared = float(sides.clip(0).prod())
    areas = float((box[2:] - box[:2]).prod() + (known[2:] - known[:2]).prod())
    return shared / max(areas - shared, 1e-6)
