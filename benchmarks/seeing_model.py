"""An untrained test model that detects white and red areas; needs onnx."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def write_model(folder: Path) -> Path:
    """Write a model folder whose model detects white (gas) and red (battery); returns it."""
    import onnx
    from onnx import TensorProto, helper

    nodes: list[Any] = []

    def node(kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"n{len(nodes)}_{i}" for i in range(outputs)]
        nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names if outputs > 1 else names[0]

    def number(value: float) -> str:
        tensor = helper.make_tensor("value", TensorProto.FLOAT, [1, 1], [value])
        return str(node("Constant", value=tensor))

    def place(mask: str, along: int) -> tuple[str, str, str]:
        line = node("ReduceMax", mask, axes=[3 - along, 3], keepdims=0)
        ends = [
            node("Cast", node("ArgMax", line, axis=1, select_last_index=last), to=TensorProto.FLOAT)
            for last in (0, 1)
        ]
        there = node("ReduceMax", line, axes=[1])
        return ends[0], node("Add", ends[1], number(1.0)), there

    def row(lit: str, index: int) -> str:
        mask = node("Cast", lit, to=TensorProto.FLOAT)
        (x0, x1, there), (y0, y1, _) = place(mask, 2), place(mask, 1)
        score = node("Mul", there, number(0.9))
        found = node("Concat", x0, y0, x1, y1, score, number(index), axis=1)
        return str(node("Reshape", found, "row"))

    pixels = node("Cast", "images", to=TensorProto.FLOAT)
    blue, green, red = node("Split", pixels, outputs=3, axis=3)
    white = node("Greater", node("Min", blue, green, red), number(200.0))
    reddish = node(
        "And",
        node("Greater", red, number(150.0)),
        node("Less", node("Max", blue, green), number(90.0)),
    )
    nodes.append(helper.make_node("Concat", [row(white, 0), row(reddish, 1)], ["found"], axis=1))
    graph = helper.make_graph(
        nodes,
        "white-and-red",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, [1, 2, 6])],
        [helper.make_tensor("row", TensorProto.INT64, [3], [1, 1, 6])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True)
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    (folder / "card.toml").write_text(
        f"""
name = "white-and-red"
version = 1
head = "end2end"
[input]
name = "images"
layout = "nhwc_bgr_u8"
stride = 32
size = [0, 0]
mm_per_px = [1, 4]
photo_sizes_px = [320]
[[classes]]
index = 0
name = "gas_canister"
hazard = "gas"
plausible_length_mm = [60, 1600]
threshold = 0.4
[[classes]]
index = 1
name = "battery"
hazard = "battery"
plausible_length_mm = [10, 400]
threshold = 0.4
[files]
"model.onnx" = "{hashlib.sha256(data).hexdigest()}"
[training]
[metrics]
""",
        encoding="utf-8",
    )
    return folder
