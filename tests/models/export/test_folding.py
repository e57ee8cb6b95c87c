from pathlib import Path

import numpy as np
import pytest

from models.export.folding import fold_input, free_top_k
from models.export.onnx import plain_input, session

onnx = pytest.importorskip("onnx", reason="comes with the train extra")


def _tiny_detector(path: Path) -> None:
    """A convolution of three channels to six, reshaped to rows, and the best 300 by score."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["c", "rows"], ["r"]),
        helper.make_node("TopK", ["r", "k"], ["t", "i"], axis=-1),
        helper.make_node("Transpose", ["t"], ["output0"], perm=[0, 2, 1]),
    ]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "h", "w"])
    rows = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 300, 6])
    constants = [
        numpy_helper.from_array(kernel, "w"),
        numpy_helper.from_array(np.array([1, 6, -1], np.int64), "rows"),
        numpy_helper.from_array(np.array([300], np.int64), "k"),
    ]
    graph = helper.make_graph(nodes, "tiny", [image], [rows], constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def test_folding_changes_the_input_and_not_the_result(tmp_path: Path) -> None:
    _tiny_detector(tmp_path / "plain.onnx")
    free_top_k(tmp_path / "plain.onnx")
    fold_input(tmp_path / "plain.onnx", tmp_path / "folded.onnx")
    plain, folded = session(tmp_path / "plain.onnx"), session(tmp_path / "folded.onnx")
    for size in ((32, 32), (8, 12)):  # 1,024 cells, and fewer than the 300 that are asked for
        image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
        want = plain.run(None, {"images": plain_input(image)})[0]
        got = folded.run(None, {"images": image[None]})[0]
        assert got.shape == (1, min(300, size[0] * size[1]), 6)
        assert np.allclose(got, want, atol=1e-4)
