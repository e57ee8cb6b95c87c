"""Tiny verifiers whose features are the mean colour of a crop, and their cards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.engine import EngineError
from detector.vision.verifier import Verifier, VerifierHead
from detector.vision.verifier_card import VerifierCard

KINDS = ("gas_bottle", "aerosol", "cell", "tin")
"""White, blue, red, and everything else."""
HEAD = VerifierHead(
    # Mean blue, green and red, 0 to 1.
    np.array([[0, 40, 0], [40, -40, 0], [0, -40, 40], [0, 0, 0]], dtype=np.float32),
    np.array([-16, -4, -4, 0], dtype=np.float32),
)


def verifier_document(**changes: Any) -> dict[str, Any]:
    """`[verifier]` of a card, as read from TOML."""
    fusion = {"verifier": 1.0, "detector": 0.3, "offset": 0.0}
    return {
        "features": "verifier.onnx",
        "head": "verifier_head.npz",
        "input_px": 32,
        "context": 1.3,
        "batches": [2, 4],
        "max_crops_per_pass": 4,
        "kinds": [
            {"name": name, "hazard": hazard}
            for name, hazard in zip(KINDS, ("gas", "gas", "battery", "none"), strict=True)
        ],
        "fusion": {"gas": fusion, "battery": fusion},
        **changes,
    }


def verifier_card(**changes: Any) -> VerifierCard:
    return VerifierCard.model_validate(verifier_document(**changes))


class MeanColour:
    """A network that gives a crop's mean colour; records its batches and keeps its crops."""

    def __init__(self, failing: Mapping[int, str] | None = None) -> None:
        """`failing`: number of a run, and the error that it raises."""
        self.batches: list[int] = []
        self.crops: list[NDArray[np.uint8]] = []
        self.failing = dict(failing or {})

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        self.crops += list(crops.copy())
        if len(self.batches) - 1 in self.failing:
            raise EngineError(self.failing[len(self.batches) - 1])
        return np.asarray(crops.mean(axis=(1, 2)) / 255, dtype=np.float32)


def verifier(engine: MeanColour | None = None, **changes: Any) -> Verifier:
    """A verifier that has started; what `engine` recorded of that is forgotten."""
    engine = engine or MeanColour()
    failing, engine.failing = engine.failing, {}
    started = Verifier("test-n1", verifier_card(**changes), HEAD, engine)
    engine.failing = failing
    engine.batches.clear()
    engine.crops.clear()
    return started


def write_verifier(
    folder: Path, *, px: int | str = 32, batch: int | str = "n", head: VerifierHead = HEAD
) -> None:
    """Write `verifier.onnx` and `verifier_head.npz`, the same network as `MeanColour`."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Div", ["mean", "white"], ["features"]),
        ],
        "mean-colour",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, [batch, px, px, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 3])],
        [helper.make_tensor("white", TensorProto.FLOAT, [], [255.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / "verifier.onnx").write_bytes(model.SerializeToString())
    np.savez(folder / "verifier_head.npz", weights=head.weights, bias=head.bias)


def add_verifier(folder: Path, **changes: Any) -> Path:
    """Give a model folder a verifier: its files, hashes and part of the card; returns the folder.

    `changes`: keys of `[verifier]`.
    """
    write_verifier(folder)
    document = verifier_document(**changes)
    kinds, fusion = document.pop("kinds"), document.pop("fusion")
    lines = ["[verifier]", *(f"{key} = {json.dumps(value)}" for key, value in document.items())]
    for kind in kinds:
        lines += ["[[verifier.kinds]]", *(f"{key} = {json.dumps(kind[key])}" for key in kind)]
    for hazard, values in fusion.items():
        lines += [f"[verifier.fusion.{hazard}]", *(f"{key} = {values[key]}" for key in values)]
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    hashes = [
        f'"{name}" = "{hashlib.sha256((folder / name).read_bytes()).hexdigest()}"'
        for name in ("verifier.onnx", "verifier_head.npz")
    ]
    text = text.replace("[files]", "\n".join(["[files]", *hashes]))
    card.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
    return folder
