"""Selects and opens the engine of a profile."""

from __future__ import annotations

from typing import Literal

from detector.profile.line import ModelChoice
from detector.vision.catalogue import ModelFolder
from detector.vision.engine import Engine, OnnxEngine
from detector.vision.features import OnnxFeatures
from detector.vision.verifier import FeatureEngine, Verifier, load_head


def open_engine(model: ModelFolder, choice: ModelChoice | None = None) -> Engine:
    """Open `model` in the engine that `choice`, the profile's [model], selects.

    `choice`: None for the defaults. Raises `ModelError`.
    """
    choice = choice or ModelChoice()
    name, _ = chosen_engine(choice)
    if name == "openvino":
        from detector.vision.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(model, threads=choice.threads)
    return OnnxEngine(model, providers=choice.providers, threads=choice.threads)


def open_verifier(model: ModelFolder, choice: ModelChoice | None = None) -> Verifier | None:
    """Open the verifier of `model` in the same engine; None: the model has none.

    Raises `ModelError`, `EngineError`.
    """
    card = model.card.verifier
    if card is None:
        return None
    choice = choice or ModelChoice()
    name, _ = chosen_engine(choice)
    engine: FeatureEngine
    if name == "openvino":
        from detector.vision.openvino_engine import OpenVinoFeatures

        engine = OpenVinoFeatures(model, card, threads=choice.threads)
    else:
        engine = OnnxFeatures(model, card, providers=choice.providers, threads=choice.threads)
    return Verifier(model.card.name, card, load_head(model.path / card.head), engine)


def chosen_engine(
    choice: ModelChoice | None = None,
) -> tuple[Literal["onnxruntime", "openvino"], str]:
    """The engine that `choice` selects on this machine, and the reason."""
    choice = choice or ModelChoice()
    if choice.engine != "auto":
        return choice.engine, f'engine = "{choice.engine}" is set'
    if choice.providers != ModelChoice().providers:
        return "onnxruntime", f"auto: model.providers names {choice.providers[0]}"
    from detector.vision.openvino_engine import faster_here

    is_faster, why = faster_here()
    return ("openvino" if is_faster else "onnxruntime"), f"auto: {why}"
