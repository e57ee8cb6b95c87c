"""The real onnxruntime on models of a few nodes that are built here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.engine import EngineError, OnnxEngine
from detector.vision.input_tensor import InputTensor
from detector.vision.onnx_runtime import ort
from tests.fakes import make_card

ROWS = [[10, 20, 30, 40, 0.9, 0], [50, 60, 70, 80, 0.4, 1], [0, 0, 0, 0, 0.0, 0]]


def model(
    folder: Path,
    rows: Any = ROWS,
    *,
    flat: bool = True,
    size: tuple[int, int] | None = None,
    names: str | None = "{0: 'gas_canister', 1: 'battery'}",
    outputs: int = 1,
    **changes: Any,
) -> ModelFolder:
    """A model that outputs `rows` for any image, plus 0 times the image's brightest pixel."""
    height, width = size or ("height", "width")
    kind = TensorProto.UINT8 if flat else TensorProto.FLOAT
    shape = [1, height, width, 3] if flat else [1, 3, height, width]
    answer = np.array([rows], dtype=np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["seen"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "nothing"], ["none"]),
        *(helper.make_node("Add", ["answer", "none"], [f"out{n}"]) for n in range(outputs)),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", kind, shape)],
        [
            helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, answer.shape)
            for n in range(outputs)
        ],
        [
            numpy_helper.from_array(answer, "answer"),
            numpy_helper.from_array(np.array(0, dtype=np.float32), "nothing"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if names is not None:
        helper.set_model_props(made, {"names": names})
    path = folder / "model.onnx"
    onnx.save(made, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    layout = "nhwc_bgr_u8" if flat else "nchw_rgb_f32"
    taken = {"layout": layout, **changes.pop("input", {})}
    return ModelFolder(folder, make_card(files={"model.onnx": digest}, input=taken, **changes))


def grey_image(height: int = 64, width: int = 96) -> np.ndarray:
    return np.full((height, width, 3), 90, dtype=np.uint8)


@pytest.mark.parametrize("flat", [True, False])
def test_detections_are_sorted_highest_score_first(tmp_path: Path, flat: bool) -> None:
    found = OnnxEngine(model(tmp_path, flat=flat), threads=1).detect(grey_image(), 0.25)
    np.testing.assert_array_equal(found.boxes_px, [[10, 20, 30, 40], [50, 60, 70, 80]])
    np.testing.assert_array_equal(found.classes, [0, 1])


def test_a_raw_head_is_decoded(tmp_path: Path) -> None:
    rows = np.zeros((6, 20))
    rows[:, 3] = [20, 30, 10, 10, 0.1, 0.8]
    found = OnnxEngine(model(tmp_path, rows, head="raw"), threads=1).detect(grey_image(), 0.25)
    np.testing.assert_array_equal(found.boxes_px, [[15, 25, 25, 35]])
    np.testing.assert_array_equal(found.classes, [1])


def test_planar_models_get_rgb_from_0_to_1(tmp_path: Path) -> None:
    tensor = InputTensor(model(tmp_path, flat=False).card)
    blue = np.zeros((32, 64, 3), dtype=np.uint8)
    blue[..., 0] = 255
    planar = tensor.of(blue)
    assert planar.shape == (1, 3, 32, 64)
    np.testing.assert_array_equal(planar[0, :, 0, 0], [0, 0, 1])


def test_an_image_that_the_model_rejects_is_an_error_not_an_empty_belt(tmp_path: Path) -> None:
    fixed = model(tmp_path, size=(64, 96), input={"size": [64, 96]})
    engine = OnnxEngine(fixed, threads=1)
    assert len(engine.detect(grey_image(), 0.25)) == 2
    with pytest.raises(EngineError, match="test-n1: inference failed"):
        engine.detect(grey_image(64, 64), 0.25)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_an_error(tmp_path: Path, value: float) -> None:
    engine = OnnxEngine(model(tmp_path, [[1, 2, 3, value, 0.1, 0]]), threads=1)
    with pytest.raises(EngineError, match="not finite"):
        engine.detect(grey_image(), 0.25)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_class_that_is_not_on_the_card_is_an_error(tmp_path: Path, index: int) -> None:
    engine = OnnxEngine(model(tmp_path, [[1, 2, 3, 4, 0.9, index]]), threads=1)
    with pytest.raises(EngineError, match="a class that is not on its card"):
        engine.detect(grey_image(), 0.25)


@pytest.mark.parametrize(
    ("made", "card", "reason"),
    [
        ({"flat": False}, {"input": {"layout": "nhwc_bgr_u8"}}, "the card's layout is nhwc"),
        ({}, {"input": {"name": "image"}}, r"takes \['images'\], the card has \['image'\]"),
        ({"size": (64, 64)}, {"input": {"size": [64, 96]}}, "the card has size"),
        ({"outputs": 2}, {}, "gives 2 outputs"),
        ({"names": "{0: 'dog', 1: 'battery'}"}, {}, "was trained for"),
        ({"names": "{0: "}, {}, "class list can't be read"),
        ({"rows": [[0.0] * 7]}, {}, "not a end2end head"),
        ({"rows": [0.0] * 6}, {}, "not a end2end head"),
        ({"rows": [[0.0] * 9] * 5, "names": None}, {"head": "raw"}, "not a raw head of 2 classes"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_match_its_card_is_refused(
    tmp_path: Path, made: dict[str, Any], card: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        OnnxEngine(model(tmp_path, **made, **card), threads=1)


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="onnxruntime can't load it") as refused:
        OnnxEngine(ModelFolder(tmp_path, make_card()), threads=1)
    assert "\n" not in str(refused.value)


def test_a_missing_provider_is_reported_with_the_available_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"NoSuchProvider is not in this onnxruntime.*CPU"):
        OnnxEngine(model(tmp_path), providers=("NoSuchProvider",))


def test_a_provider_that_does_not_start_is_refused_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: asked)
    monkeypatch.setattr(  # without the device's libraries, onnxruntime uses the others
        ort,
        "InferenceSession",
        lambda path, options, providers: session(path, options, providers[1:]),
    )
    with pytest.raises(ModelError, match="CUDAExecutionProvider does not start here"):
        OnnxEngine(model(tmp_path), providers=asked, threads=1)
