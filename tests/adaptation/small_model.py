"""A model folder with a verifier whose features are a crop in 4 x 4 px, and answers to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detector.adaptation.adaptable_model import AdaptableModel, open_adaptable
from detector.adaptation.head_fit import fitted_head
from detector.vision.catalogue import find_model, sha256, write_card
from detector.vision.verifier import VerifierHead
from tests.fakes import make_card
from tests.verifiers import verifier_document

KINDS = ("gas_bottle", "aerosol", "cell", "tin", "carton")
HAZARDS = ("gas", "gas", "battery", "none", "none")
PX, GRID = 16, 4
LENGTH = GRID * GRID * 3
Image = NDArray[np.uint8]


def pattern(seed: int) -> NDArray[np.float64]:
    """What a kind looks like: `(4, 4, 3)` colours, 40 to 215."""
    return np.random.default_rng(seed).uniform(40, 215, (GRID, GRID, 3))


PATTERNS = [pattern(seed) for seed in range(len(KINDS))]
LOOKALIKE = 0.6 * PATTERNS[1] + 0.4 * PATTERNS[3] + 0.25 * (pattern(50) - 128)
"""A tin that the shipped head takes for an aerosol."""


def crop_of(what: NDArray[np.float64], rng: np.random.Generator, noise: float = 12) -> Image:
    """A crop of `PX` px that shows `what` in another light."""
    shown = what * rng.uniform(0.93, 1.07) + rng.normal(0, noise, what.shape)
    grid = np.clip(shown, 0, 255).astype(np.uint8)
    return cv2.resize(grid, (PX, PX), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def features(crops: list[Image]) -> NDArray[np.float32]:
    """The same features as the network's."""
    rows = np.stack(crops).astype(np.float32) / 255
    pooled = rows.reshape(len(rows), GRID, PX // GRID, GRID, PX // GRID, 3).mean((2, 4))
    return pooled.reshape(len(rows), LENGTH).astype(np.float32)


def write_model(folder: Path, *, crops: int = 60, **changes: Any) -> Path:
    """Write a model folder with card, detector, verifier, head and feature bank."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    kind = np.repeat(np.arange(len(KINDS)), crops)
    rows = features([crop_of(PATTERNS[each], rng) for each in kind])
    held = np.arange(len(kind)) % 3 == 0
    nothing = VerifierHead(
        np.zeros((len(KINDS), LENGTH), np.float32), np.zeros(len(KINDS), np.float32)
    )
    head = fitted_head(
        nothing, rows[:0], rows[~held], np.eye(len(KINDS), dtype=np.bool_)[kind[~held]]
    )
    (folder / "model.onnx").write_bytes(b"a detector that no test opens")
    onnx.save(_network(), str(folder / "verifier.onnx"))
    np.savez(folder / "verifier_head.npz", weights=head.weights, bias=head.bias)
    network = sha256(folder / "verifier.onnx")
    write_bank(folder, rows, kind, held, network)
    kinds = [{"name": name, "hazard": hazard} for name, hazard in zip(KINDS, HAZARDS, strict=True)]
    verifier = {
        "input_px": PX, "context": 1.0, "batches": [4], "kinds": kinds, **changes
    }  # fmt: skip
    names = ("model.onnx", "verifier.onnx", "verifier_head.npz")
    card = make_card(
        verifier=verifier_document(**verifier),
        files={name: sha256(folder / name) for name in names},
    )
    write_card(folder, card)
    return folder


def write_bank(
    folder: Path, rows: NDArray[Any], kind: NDArray[Any], held: NDArray[Any], network: str
) -> None:
    np.savez(
        folder / "verifier_bank.npz",
        features=rows.astype(np.float16),
        kind=kind.astype(np.uint8),
        hazard=np.array(
            [("gas", "battery", "none").index(HAZARDS[each]) for each in kind], np.int8
        ),
        group=np.arange(len(kind), dtype=np.int16) % 4,
        held=held,
        verifier_sha256=np.array(network),
    )


def opened(folder: Path) -> AdaptableModel:
    return open_adaptable(find_model(f"{folder}/"))


def write_answers(
    folder: Path, answers: list[tuple[str, Image]], names: tuple[str, ...] | None = None
) -> Path:
    """Write answers, each an image that its box fills, as a YOLO export."""
    listed = list(names or dict.fromkeys(name for name, _ in answers))
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "classes.txt").write_text("\n".join(listed))
    for number, (name, image) in enumerate(answers):
        cv2.imwrite(str(folder / "images" / f"{number:03d}.png"), image)
        line = f"{listed.index(name)} 0.5 0.5 1 1"
        (folder / "labels" / f"{number:03d}.txt").write_text(line)
    return folder


def lookalikes(count: int, seed: int = 1) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [crop_of(LOOKALIKE, rng) for _ in range(count)]


def _network() -> onnx.ModelProto:
    pool = PX // GRID
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node(
                "AveragePool", ["planes"], ["pooled"], kernel_shape=[pool, pool],
                strides=[pool, pool],
            ),
            helper.make_node("Transpose", ["pooled"], ["cells"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", ["cells", "shape"], ["rows"]),
            helper.make_node("Div", ["rows", "white"], ["features"]),
        ],
        "crop-in-16-px",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", PX, PX, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", LENGTH])],
        [
            numpy_helper.from_array(np.array([-1, LENGTH], np.int64), "shape"),
            helper.make_tensor("white", TensorProto.FLOAT, [], [255.0]),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model
