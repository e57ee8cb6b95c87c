"""ONNX files of a few nodes whose heads give fixed outputs, as exporters lay them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 64
CELLS = 8 * 8 + 4 * 4 + 2 * 2
NAMES = "{0: 'gas bottle', 1: 'battery'}"
BOX_PX = (16.0, 24.0, 48.0, 40.0)
"""x0, y0, x1, y1 of the battery that each head gives; cx, cy, w, h is 32, 32, 32, 16."""
SCORE = 0.8
_KINDS = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16, "u8": TensorProto.UINT8}


def write_head(
    path: Path,
    outputs: Mapping[str, NDArray[Any]],
    *,
    names: str | None = NAMES,
    kind: str = "f32",
    shape: Sequence[int | str] = (1, 3, SIDE_PX, SIDE_PX),
    image: str = "images",
    size_input: str = "",
    external: bool = False,
    **metadata: str,
) -> Path:
    """Write a model that gives `outputs` for any image, plus 0 times its brightest pixel."""
    nodes = [
        helper.make_node("Cast", [image], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["seen"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "nothing"], ["none"]),
    ]
    constants = [numpy_helper.from_array(np.array(0, np.float32), "nothing")]
    given = []
    for name, values in outputs.items():
        number = helper.np_dtype_to_tensor_dtype(values.dtype)
        constants.append(numpy_helper.from_array(values, f"{name}_values"))
        nodes += [
            helper.make_node("Cast", ["none"], [f"{name}_none"], to=number),
            helper.make_node("Add", [f"{name}_values", f"{name}_none"], [name]),
        ]
        given.append(helper.make_tensor_value_info(name, number, values.shape))
    inputs = [helper.make_tensor_value_info(image, _KINDS[kind], shape)]
    if size_input:
        inputs.append(helper.make_tensor_value_info(size_input, TensorProto.INT64, [1, 2]))
    graph = helper.make_graph(nodes, "head", inputs, given, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    told = dict(metadata) if names is None else {"names": names, **metadata}
    helper.set_model_props(made, told)
    onnx.save(
        made,
        str(path),
        save_as_external_data=external,
        location=f"{path.name}.data",
        size_threshold=0,
    )
    return path


def raw(*, share: bool = False, classes: int = 2) -> dict[str, NDArray[Any]]:
    rows = np.zeros((1, 4 + classes, CELLS), np.float32)
    rows[0, :4, 3] = np.array([32, 32, 32, 16]) / (SIDE_PX if share else 1)
    rows[0, 5, 3] = SCORE
    return {"output0": rows}


def end2end() -> dict[str, NDArray[Any]]:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [*BOX_PX, SCORE, 1]
    return {"output0": rows}


def objectness(classes: int = 2, *, name: str = "output0") -> dict[str, NDArray[Any]]:
    """YOLOv5: the object's score times the class's is 0.8."""
    rows = np.zeros((1, 3 * CELLS, 5 + classes), np.float32)
    rows[0, 7] = [
        32,
        32,
        32,
        16,
        SCORE / 0.9,
        *[0.9 * (at == classes - 1) for at in range(classes)],
    ]
    return {name: rows}


def yolox() -> dict[str, NDArray[Any]]:
    """Column 3 of row 2 of the layer of stride 16 is cell 64 + 2 * 4 + 3."""
    rows = np.zeros((1, CELLS, 7), np.float32)
    rows[0, :, :2] = 0.5
    at = 64 + 2 * 4 + 3
    rows[0, at] = [-1, 0, np.log(2), 0, 1, 0, SCORE]
    return {"output": rows}


def queries_joined() -> dict[str, NDArray[Any]]:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [0.5, 0.5, 0.5, 0.25, 0.02, SCORE]
    return {"output0": rows}


def queries_apart(
    boxes: str = "pred_boxes", logits: str = "logits", classes: int = 2
) -> dict[str, NDArray[Any]]:
    """DETR: boxes in shares, log-odds."""
    where = np.full((1, 100, 4), 0.5, np.float32)
    odds = np.full((1, 100, classes), -9.0, np.float32)
    where[0, 3], odds[0, 3, 1] = [0.5, 0.5, 0.5, 0.25], np.log(SCORE / (1 - SCORE))
    return {logits: odds, boxes: where}


def labelled() -> dict[str, NDArray[Any]]:
    boxes = np.zeros((1, 50, 4), np.float32)
    boxes[0, 0] = BOX_PX
    scores = np.zeros((1, 50), np.float32)
    scores[0, 0] = SCORE
    return {"labels": np.ones((1, 50), np.int64), "boxes": boxes, "scores": scores}
