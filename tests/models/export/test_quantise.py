from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.onnx_runtime import ort
from models.export import quantise
from models.workshop import WorkshopError

LAYERS = (0, 1, 2, 5)  # the last layer is the head


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Four convolutions of 3 to 3 channels, named as in an export."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Transpose", ["images"], ["bytes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["bytes"], ["x0"], to=TensorProto.FLOAT),
    ]
    kernels = []
    for place, layer in enumerate(LAYERS):
        kernel = rng.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)
        kernels.append(numpy_helper.from_array(kernel, f"w{layer}"))
        nodes.append(
            helper.make_node(
                "Conv",
                [f"x{place}", f"w{layer}"],
                [f"x{place + 1}"],
                name=f"/model.{layer}/conv/Conv",
                pads=[1] * 4,
            )
        )
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info(f"x{len(LAYERS)}", TensorProto.FLOAT, [1, 3, "h", "w"])],
        kernels,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "float.onnx"
    onnx.save(made, str(path))
    return path


def _images() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (32, 32, 3), np.uint8) for _ in range(4)]


def test_quantising_all_but_the_named_convolutions_hardly_changes_the_result(
    network: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.onnx"
    assert quantise.quantised(network, out, _images(), ("0", "head")) == 2
    weights = {each.name for each in onnx.load(str(out)).graph.initializer}
    assert {"w0", "w5"} <= weights
    assert not {"w1", "w2"} & weights
    image = {"images": _images()[0][None]}
    before, after = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, image)[0]
        for path in (network, out)
    )
    assert np.abs(before - after).max() < 0.05 * np.abs(before).max()


def test_an_already_quantised_model_is_refused(network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    quantise.quantised(network, out, _images(), ("head",))
    with pytest.raises(WorkshopError, match="already quantised; name the float model"):
        quantise.quantised(out, tmp_path / "again.onnx", _images(), ("head",))


def test_calibration_images_are_reproducible_and_from_the_training_part(
    data: Path,
) -> None:
    once, again = (quantise.calibration_images(data, 0.3, 3, 5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert all(image.shape == (416, 416, 3) for image in once)


def test_an_unknown_model_and_a_missing_data_folder_are_one_line_errors(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkshopError, match="no model 'none'"):
        quantise.run("none", data, tmp_path / "out")
    with pytest.raises(WorkshopError, match="no such data folder"):
        quantise.run(DEPLOYED_MODEL, tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()
