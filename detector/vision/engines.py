"""The engine that a profile asks for."""

from __future__ import annotations

from calibration.line_profile import ModelChoice
from detector.vision.catalogue import ModelFolder
from detector.vision.engine import Engine, OnnxEngine


def open_engine(model: ModelFolder, choice: ModelChoice | None = None) -> Engine:
    """`choice`: the profile's [model]; without, its defaults. Raises `ModelError`."""
    choice = choice or ModelChoice()
    if choice.engine != "onnxruntime":
        from detector.vision.openvino_engine import OpenVinoEngine, is_worth_it

        if choice.engine == "openvino" or is_worth_it():
            return OpenVinoEngine(model, threads=choice.threads)
    return OnnxEngine(model, providers=choice.providers, threads=choice.threads)
