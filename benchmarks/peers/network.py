"""The deployed detector as other libraries expect it: float planes in RGB, of one size.

The same weights: only the folding of `models/export/folding.py` is undone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from detector.errors import VigitriError
from detector.vision.catalogue import ModelFolder

_FOLDED = ("Transpose", "Cast", "Conv")


class NetworkError(VigitriError, ValueError):
    """The model cannot be given to other libraries; the message is one line."""


def write_network(model: ModelFolder, size_px: tuple[int, int], folder: Path) -> Path:
    """Write `network.onnx` for inputs `(1, 3, *size_px)` float32 RGB in 0..1; returns its path.

    size_px: height and width, multiples of the model's stride. Raises `NetworkError`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    network = onnx.load(str(model.onnx_path))
    graph = network.graph
    if model.card.head != "raw" or tuple(node.op_type for node in graph.node[:3]) != _FOLDED:
        raise NetworkError(
            f"{model.card.name}: is not a detector as `vigitri model export` writes it; peers "
            "can't run it. Choose another with --model"
        )
    convolution = graph.node[2]
    weights = next(each for each in graph.initializer if each.name == convolution.input[1])
    kernel = numpy_helper.to_array(weights)[:, ::-1] * np.float32(255)
    weights.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kernel), weights.name))
    name, classes = graph.input[0].name, len(model.card.classes)
    convolution.input[0] = name
    del graph.node[:2]
    height, width = size_px
    cells = sum(height * width // side**2 for side in (8, 16, 32))
    values = helper.make_tensor_value_info
    graph.input[0].CopyFrom(values(name, TensorProto.FLOAT, [1, 3, height, width]))
    output = graph.output[0]
    output.CopyFrom(values(output.name, TensorProto.FLOAT, [1, 4 + classes, cells]))
    del graph.value_info[:], network.metadata_props[:]
    helper.set_model_props(
        network, {key: str(each) for key, each in _facts(model, size_px).items()}
    )
    onnx.checker.check_model(network)
    path = folder / "network.onnx"
    onnx.save(network, str(path))
    return path


def write_openvino(network: Path, model: ModelFolder, size_px: tuple[int, int]) -> Path:
    """The same for Ultralytics in OpenVINO: a folder beside it, as its own export writes one."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino
    import yaml

    folder = network.with_name(f"{network.stem}_openvino_model")
    folder.mkdir(exist_ok=True)
    converted = openvino.convert_model(str(network))
    openvino.save_model(converted, str(folder / f"{network.stem}.xml"), compress_to_fp16=False)
    text = yaml.safe_dump(_facts(model, size_px))
    (folder / "metadata.yaml").write_text(text, encoding="utf-8")
    return folder


def _facts(model: ModelFolder, size_px: tuple[int, int]) -> dict[str, object]:
    """What Ultralytics reads beside a network."""
    return {
        "names": {known.index: known.name for known in model.card.classes},
        "task": "detect",
        "stride": model.card.input.stride,
        "imgsz": list(size_px),
        "batch": 1,
        "channels": 3,
        "args": {"dynamic": False, "nms": False},
    }
