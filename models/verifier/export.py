"""The verifier's files for the line: features as ONNX, the head as NumPy arrays.

Weights are stored as float16 and cast where they are used, which engines do once when they load
the file: half the size, the same speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.onnx_runtime import ort
from models.verifier.kinds import Kinds
from models.verifier.network import MEAN, SPREAD
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError

Floats = NDArray[np.float32]
FEATURES, HEAD = "verifier.onnx", "verifier_head.npz"
TOLERANCE = 0.02
"""Largest difference of a feature from the trained network's, relative to the features' spread."""
_SMALL = 256
"""Arrays up to this size stay float32."""


def export(
    checkpoint: Path,
    recipe: VerifierRecipe,
    kinds: Kinds,
    out: Path,
    *,
    tolerance: float = TOLERANCE,
) -> Path:
    """Write `verifier.onnx` and `verifier_head.npz` from a checkpoint (extra `train`)."""
    import torch

    from models.verifier import network

    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["kinds"] != list(kinds.names):
        raise WorkshopError(
            f"{checkpoint}: its kinds are not those of kinds.toml; train again, or restore the list"
        )
    model = network.build(recipe.features, len(kinds.names), pretrained=False)
    model.load_state_dict(state["model"])
    model.eval()
    out.mkdir(parents=True, exist_ok=True)
    write_onnx(model, recipe.input_px, out / FEATURES)
    np.savez(
        out / HEAD,
        weights=model.head.weight.detach().numpy(),
        bias=model.head.bias.detach().numpy(),
    )
    _compare(model, recipe.input_px, out / FEATURES, tolerance)
    return out


def _compare(model: Any, px: int, path: Path, tolerance: float) -> None:
    import torch

    crops = np.random.default_rng(0).integers(0, 256, (5, px, px, 3), np.uint8)
    with torch.no_grad():
        wanted = model(torch.as_tensor(crops))[0].numpy()
    (found,) = ort.InferenceSession(str(path)).run(None, {"crops": crops})
    worst = float(np.abs(found - wanted).max() / (wanted.std() + 1e-6))
    if worst > tolerance:
        raise WorkshopError(f"{path}: its features differ from the network's by {worst:.3f}")


@dataclass
class _Graph:
    """Nodes and initializers of a graph that is written from front to back."""

    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """An initializer; large float32 ones are stored as float16."""
        from onnx import TensorProto, numpy_helper

        name = f"weights_{len(self.weights)}"
        half = values.dtype == np.float32 and values.size > _SMALL
        stored = np.ascontiguousarray(values.astype(np.float16) if half else values)
        self.weights.append(numpy_helper.from_array(stored, name))
        return self.add("Cast", [name], to=TensorProto.FLOAT) if half else name

    def convolution(self, value: str, conv: Any, norm: Any, *, clipped: bool) -> str:
        """A convolution with its batch norm folded in, and ReLU6."""
        weight, bias = folded(conv, norm)
        pads = _pads(conv)
        value = self.add(
            "Conv", [value, self.constant(weight), self.constant(bias)],
            strides=list(conv.stride), group=conv.groups, pads=pads,
        )  # fmt: skip
        if clipped:
            limits = [self.constant(np.array(v, np.float32)) for v in (0, 6)]
            value = self.add("Clip", [value, *limits])
        return value


def folded(conv: Any, norm: Any) -> tuple[Floats, Floats]:
    """Weights and bias of a convolution with its batch norm."""
    gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().numpy()
    weight = conv.weight.detach().numpy() * gain[:, None, None, None]
    bias = norm.bias.detach().numpy() - norm.running_mean.numpy() * gain
    return weight.astype(np.float32), bias.astype(np.float32)


def _pads(conv: Any) -> list[int]:
    """Padding of a "same" convolution on an even side: top, left, bottom, right."""
    total = conv.kernel_size[0] - conv.stride[0]
    first = total // 2
    return [first, first, total - first, total - first]


def write_onnx(model: Any, px: int, path: Path) -> None:
    """Write the network without its head: uint8 (n, px, px, 3) BGR to float32 (n, d)."""
    import onnx
    from onnx import TensorProto, helper

    graph, body = _Graph(), model.body
    shape = ["n", len(model.reduce.bias)]
    value = graph.add("Transpose", ["crops"], perm=[0, 3, 1, 2])
    value = graph.add("Cast", [value], to=TensorProto.FLOAT)
    value = graph.add("Sub", [value, graph.constant(np.array(MEAN, np.float32))])
    value = graph.add("Mul", [value, graph.constant(np.array(1 / SPREAD, np.float32))])
    stem_weight = body._conv_stem.weight.data.clone()
    body._conv_stem.weight.data = stem_weight.flip(1)  # BGR in
    value = graph.convolution(value, body._conv_stem, body._bn0, clipped=True)
    body._conv_stem.weight.data = stem_weight
    for block in body._blocks:
        value = _block(graph, value, block)
    value = graph.convolution(value, body._conv_head, body._bn1, clipped=True)
    value = graph.add("GlobalAveragePool", [value])
    value = graph.add("Flatten", [value])
    reduce = graph.constant(model.reduce.weight.detach().numpy().T.copy())
    value = graph.add("MatMul", [value, reduce])
    value = graph.add("Add", [value, graph.constant(model.reduce.bias.detach().numpy())])
    graph.nodes.append(helper.make_node("Relu", [value], ["features"], name="features"))
    made = helper.make_model(
        helper.make_graph(
            graph.nodes, "verifier",
            [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", px, px, 3])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="vigitri",
    )  # fmt: skip
    onnx.checker.check_model(made)
    onnx.save(made, str(path))


def _block(graph: _Graph, value: str, block: Any) -> str:
    start = value
    if block._block_args.expand_ratio != 1:
        value = graph.convolution(value, block._expand_conv, block._bn0, clipped=True)
    value = graph.convolution(value, block._depthwise_conv, block._bn1, clipped=True)
    value = graph.convolution(value, block._project_conv, block._bn2, clipped=False)
    arguments = block._block_args
    same = arguments.stride in (1, [1]) and arguments.input_filters == arguments.output_filters
    return graph.add("Add", [value, start]) if arguments.id_skip and same else value
