"""What the last stage's model fires on where there is nothing."""

from __future__ import annotations

from pathlib import Path

from models.composites import Scene
from models.dataset import Firing
from models.export import export_onnx, session


def firing(weights: Path, folder: Path) -> Firing:
    """The highest score that a checkpoint gives anything in a scene."""
    model = session(export_onnx(weights, folder, rounds=1).path)

    def highest(scene: Scene) -> float:
        return float(model.run(None, {"images": scene.image[None]})[0][0, 4:].max())

    return highest
