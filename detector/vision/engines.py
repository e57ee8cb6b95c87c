"""The engine that a profile asks for."""

from __future__ import annotations

from typing import Literal

from detector.profile.line import ModelChoice
from detector.vision.catalogue import ModelFolder
from detector.vision.engine import Engine, OnnxEngine


def open_engine(model: ModelFolder, choice: ModelChoice | None = None) -> Engine:
    """`choice`: the profile's [model]; without, its defaults. Raises `ModelError`."""
    choice = choice or ModelChoice()
    name, _ = chosen_engine(choice)
    if name == "openvino":
        from detector.vision.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(model, threads=choice.threads)
    return OnnxEngine(model, providers=choice.providers, threads=choice.threads)


def chosen_engine(
    choice: ModelChoice | None = None,
) -> tuple[Literal["onnxruntime", "openvino"], str]:
    """Which engine that comes to on this machine, and why."""
    choice = choice or ModelChoice()
    if choice.engine != "auto":
        return choice.engine, f'engine = "{choice.engine}" was asked for'
    if choice.providers != ModelChoice().providers:
        return "onnxruntime", f"auto: model.providers names {choice.providers[0]}"
    from detector.vision.openvino_engine import worth_it

    worth, why = worth_it()
    return ("openvino" if worth else "onnxruntime"), f"auto: {why}"
