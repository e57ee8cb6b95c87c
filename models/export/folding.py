"""Edit the graph of an exported detector: camera pixels in, boxes out, at any size.

The input becomes uint8 (1, H, W, 3) BGR as in OpenCV: the division by 255 and the turn
from BGR to RGB go into the first convolution's weights, where they cost nothing. Zero padding
stays zero under both, so the result is the same but for rounding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.workshop import WorkshopError


def fold_input(source: Path, target: Path) -> None:
    """Write `source` (float32 NCHW RGB in 0..1) as `target` (uint8 NHWC BGR in 0..255)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(source))
    graph = model.graph
    name = graph.input[0].name
    users = [node for node in graph.node if name in node.input]
    if len(users) != 1 or users[0].op_type != "Conv":
        raise WorkshopError(
            f"{source}: the input is not used by exactly one convolution; cannot fold"
        )
    conv = users[0]
    weights = next((w for w in graph.initializer if w.name == conv.input[1]), None)
    if weights is None or sum(conv.input[1] in node.input for node in graph.node) != 1:
        raise WorkshopError(f"{source}: the first convolution shares its weights; cannot fold")
    kernel = numpy_helper.to_array(weights)  # (out, in = RGB, h, w)
    folded = np.ascontiguousarray(kernel[:, ::-1] / np.float32(255))
    weights.CopyFrom(numpy_helper.from_array(folded.astype(np.float32), weights.name))
    conv.input[0] = "pixels_nchw"
    graph.node.insert(
        0, helper.make_node("Cast", ["pixels_u8"], ["pixels_nchw"], to=TensorProto.FLOAT)
    )
    # Transpose bytes: a quarter of the memory traffic of transposing floats.
    graph.node.insert(0, helper.make_node("Transpose", [name], ["pixels_u8"], perm=[0, 3, 1, 2]))
    graph.input.remove(graph.input[0])
    graph.input.insert(
        0, helper.make_tensor_value_info(name, TensorProto.UINT8, [1, "height", "width", 3])
    )
    # Ultralytics' metadata contain the trainer's folders; the engine checks `names`.
    names = next((prop.value for prop in model.metadata_props if prop.key == "names"), "{}")
    del model.metadata_props[:]
    helper.set_model_props(model, {"license": "AGPL-3.0-only", "names": names})
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def free_top_k(path: Path) -> None:
    """Limit TopK's fixed k of 300 to the number of cells, which is smaller for a small image.

    An image of 96 x 96 has 144 + 36 + 9 cells; without this, onnxruntime refuses to run it.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    graph = model.graph
    nodes: list[Any] = []
    changed = False
    for number, node in enumerate(graph.node):
        if node.op_type == "TopK":
            axis = next((a.i for a in node.attribute if a.name == "axis"), -1)
            stem = f"top_k_{number}"
            graph.initializer.append(
                numpy_helper.from_array(np.array([axis], np.int64), f"{stem}_axis")
            )
            nodes += [
                helper.make_node("Shape", [node.input[0]], [f"{stem}_shape"]),
                helper.make_node("Gather", [f"{stem}_shape", f"{stem}_axis"], [f"{stem}_cells"]),
                helper.make_node("Min", [node.input[1], f"{stem}_cells"], [f"{stem}_k"]),
            ]
            node.input[1] = f"{stem}_k"
            changed = True
        nodes.append(node)
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    output = graph.output[0]
    shape: list[int | str] = [1, "detections", 6]
    output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, shape))
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
