"""`vigitri model import` on ONNX files of each head's shape; exporters' own files are tried by
docs/compatibility/model_exports.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
import pytest

from detector.vision.catalogue import find_model
from detector.vision.engine import OnnxEngine
from detector.vision.openvino_engine import OpenVinoEngine
from tests.commands.conftest import Vigitri
from tests.vision import onnx_heads as heads

TWO = ("--class", "gas bottle=gas", "--class", "battery=battery")
NAMED = (*TWO, "--names", "gas bottle,battery")


def detections(folder: Path) -> list[tuple[list[float], float, str]]:
    """What the imported model finds in a grey image."""
    model = find_model(f"{folder}/.")
    grey = np.full((heads.SIDE_PX, heads.SIDE_PX, 3), 90, np.uint8)
    found = OnnxEngine(model, threads=1).detect(grey, 0.25)
    names = [each.name for each in model.card.classes]
    return [
        (np.round(box, 2).tolist(), round(float(score), 3), names[index])
        for box, score, index in zip(found.boxes_px, found.scores, found.classes, strict=True)
    ]


def test_openvino_reads_several_inputs_and_outputs_alike(vigitri: Vigitri, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="the extra openvino")
    for name, outputs, file in (
        ("d-fine", heads.labelled(), {"size_input": "orig_target_sizes"}),
        ("rt-detr", heads.queries_apart(), {"image": "pixel_values"}),
    ):
        path = heads.write_head(tmp_path / f"{name}.onnx", outputs, **file)
        assert vigitri("model", "import", path, *TWO, "-o", tmp_path / name)[0] == 0
        engine = OpenVinoEngine(find_model(f"{tmp_path}/{name}"), threads=1)
        grey = np.full((heads.SIDE_PX, heads.SIDE_PX, 3), 90, np.uint8)
        found = engine.detect(grey, 0.25)
        np.testing.assert_allclose(found.boxes_px, [heads.BOX_PX], atol=0.2)
        np.testing.assert_allclose(found.scores, [heads.SCORE], atol=0.01)
        assert found.classes.tolist() == [1]


BATTERY = [(list(heads.BOX_PX), heads.SCORE, "battery")]


class Case(NamedTuple):
    outputs: dict[str, Any]
    file: dict[str, Any]
    options: tuple[str, ...]
    card: dict[str, Any]


@pytest.mark.parametrize(
    "case",
    [
        Case(heads.raw(), {}, TWO, {"head": "raw", "box_unit": "px"}),
        Case(heads.raw(share=True), {}, TWO, {"head": "raw", "box_unit": "share"}),
        Case(heads.raw(), {"names": None}, ("--class", "0=gas", "--class", "1=battery"), {}),
        Case(heads.end2end(), {"end2end": "True"}, TWO, {"head": "end2end"}),
        Case(heads.end2end(), {}, TWO, {"head": "end2end"}),
        Case(heads.objectness(), {}, TWO, {"head": "objectness"}),
        Case(
            heads.objectness() | {"layer": np.zeros((1, 3, 8, 8, 7), np.float32)},
            {},
            TWO,
            {"head": "objectness", "outputs": ("output0",)},
        ),
        Case(heads.yolox(), {"names": None}, NAMED, {"head": "yolox"}),
        Case(heads.queries_joined(), {}, TWO, {"head": "queries", "box_unit": "share"}),
        Case(
            heads.queries_apart(),
            {"names": None, "image": "pixel_values"},
            NAMED,
            {"head": "queries", "outputs": ("pred_boxes", "logits"), "scores": "logit"},
        ),
        Case(
            heads.queries_apart("dets", "labels", 4),
            {"names": None, "image": "input"},
            ("--class", "1=battery", "--others", "harmless", "--names", "a,battery,b,c"),
            {"head": "queries", "outputs": ("dets", "labels")},
        ),
        Case(
            heads.labelled(),
            {"names": None, "size_input": "orig_target_sizes"},
            NAMED,
            {"head": "labelled", "outputs": ("labels", "boxes", "scores")},
        ),
    ],
    ids=[
        "YOLOv8", "boxes in shares", "no names in the file", "YOLO26 one-to-one",
        "end2end, not said", "YOLOv5", "YOLOv5 with its layers", "YOLOX", "RT-DETR of Ultralytics",
        "RT-DETR of Transformers", "RF-DETR", "D-FINE",
    ],
)  # fmt: skip
def test_each_head_becomes_a_card_by_which_the_same_battery_is_found(
    vigitri: Vigitri, tmp_path: Path, case: Case
) -> None:
    path = heads.write_head(tmp_path / "best.onnx", case.outputs, **case.file)
    code, out, err = vigitri("model", "import", path, *case.options, "-o", tmp_path / "mine")
    assert (code, err) == (0, []), out
    assert any(": valid. sha256 " in line for line in out)
    made = find_model(f"{tmp_path}/mine").card
    assert {key: getattr(made, key) for key in case.card} == case.card
    ((box, score, name),) = detections(tmp_path / "mine")
    assert (box, score) == (list(heads.BOX_PX), heads.SCORE)
    assert name in {"battery", "class_1"}
    assert vigitri("model", "check", tmp_path / "mine")[0] == 0


def test_one_class_of_yolov5_is_not_taken_for_an_end2end_head(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    """Both are six columns wide."""
    path = heads.write_head(tmp_path / "v5.onnx", heads.objectness(1), names="{0: 'battery'}")
    code, _, _ = vigitri("model", "import", path, "--class", "0=battery", "-o", tmp_path / "mine")
    assert code == 0
    assert find_model(f"{tmp_path}/mine").card.head == "objectness"
    assert detections(tmp_path / "mine") == BATTERY


def test_classes_are_read_by_key_not_by_order(vigitri: Vigitri, tmp_path: Path) -> None:
    names = "{1: 'battery', 0: 'gas bottle'}"
    path = heads.write_head(tmp_path / "swapped.onnx", heads.raw(), names=names)
    assert vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")[0] == 0
    assert detections(tmp_path / "mine") == BATTERY


def test_harmless_classes_are_carded_and_never_detected(vigitri: Vigitri, tmp_path: Path) -> None:
    path = heads.write_head(tmp_path / "m.onnx", heads.raw())
    said = ("--class", "gas bottle=gas", "--class", "battery=harmless")
    code, out, _ = vigitri("model", "import", path, *said, "-o", tmp_path / "mine")
    assert code == 0
    assert any("classes gas bottle and 1 harmless" in line for line in out)
    assert detections(tmp_path / "mine") == []


@pytest.mark.parametrize("kind", ["f16", "u8"])
def test_half_precision_and_bytes_are_read(vigitri: Vigitri, tmp_path: Path, kind: str) -> None:
    side = heads.SIDE_PX
    shape = (1, side, side, 3) if kind == "u8" else (1, 3, side, side)
    outputs = heads.raw()
    if kind == "f16":
        outputs = {name: values.astype(np.float16) for name, values in outputs.items()}
    path = heads.write_head(tmp_path / "m.onnx", outputs, kind=kind, shape=shape)
    assert vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")[0] == 0
    ((box, score, name),) = detections(tmp_path / "mine")
    assert (box, name) == (list(heads.BOX_PX), "battery")
    assert score == pytest.approx(heads.SCORE, abs=1e-3)


def test_weights_in_a_file_of_their_own_are_sealed(vigitri: Vigitri, tmp_path: Path) -> None:
    path = heads.write_head(tmp_path / "big.onnx", heads.raw(), external=True)
    assert vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")[0] == 0
    assert set(find_model(f"{tmp_path}/mine").card.files) == {"model.onnx", "big.onnx.data"}
    weights = tmp_path / "mine" / "big.onnx.data"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    code, _, err = vigitri("model", "check", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "big.onnx.data: its sha256 is" in err[0]


def test_a_picture_with_a_hazard_becomes_the_sample_that_check_looks_for(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    path = heads.write_head(tmp_path / "m.onnx", heads.raw())
    cv2.imwrite(str(tmp_path / "belt.png"), np.full((48, 64, 3), 120, np.uint8))
    given = ("--picture", tmp_path / "belt.png", "-o", tmp_path / "mine")
    code, out, _ = vigitri("model", "import", path, *TWO, *given)
    assert code == 0
    assert "found:   in belt.png: battery with 0.80" in out
    assert any("battery found in sample.png with 0.80" in line for line in out)
    card = tmp_path / "mine" / "card.toml"
    text = card.read_text()
    assert text.count('class_name = "battery"') == 1
    card.write_text(text.replace('class_name = "battery"', 'class_name = "gas bottle"'))
    code, _, err = vigitri("model", "check", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "shows a gas bottle, the model finds battery" in err[0]


def test_suppression_inside_the_file_is_told(vigitri: Vigitri, tmp_path: Path) -> None:
    path = heads.write_head(tmp_path / "m.onnx", heads.end2end(), args="{'nms': True}")
    code, out, _ = vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")
    assert code == 0
    assert any("NMS inside: what it dropped" in line for line in out)


def test_what_was_assumed_is_printed_and_written_into_the_card(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    path = heads.write_head(tmp_path / "m.onnx", heads.yolox(), names=None)
    code, out, _ = vigitri("model", "import", path, *NAMED, "-o", tmp_path / "mine")
    assert code == 0
    imported = find_model(f"{tmp_path}/mine").card.imported
    assert imported is not None
    assert [line for line in out if line.startswith("assumed: ")] == [
        f"assumed: {line}" for line in imported.assumed
    ]
    assert any("pixels are BGR, 0 to 255" in line for line in imported.assumed)
    assert any("classes in the order of --names" in line for line in imported.assumed)


@pytest.mark.parametrize(
    ("file", "options", "reason"),
    [
        ({"task": "segment"}, TWO, "is a model for segmentation (task segment), not for detection"),
        ({"task": "obb"}, TWO, "is a model for oriented boxes (task obb)"),
        ({"task": "pose"}, TWO, "is a model for poses (task pose)"),
        ({"shape": (4, 3, 64, 64)}, TWO, "takes 4 images at once, a line has one"),
        ({"shape": (1, 1, 64, 64)}, TWO, "supported are float and float16 with three channels"),
        ({"names": "{0: 'a', 2: 'b'}"}, TWO, "its class list has the keys 0, 2"),
        ({"names": "{0: 'a', 1: 'b', 2: 'c'}"}, TWO, "which is no head of 3 classes"),
        ({}, ("--class", "battery=battery"), "what is gas bottle?"),
        ({}, ("--class", "cell=battery"), "has no such class; it has gas bottle, battery"),
        ({}, ("--class", "battery=fire"), "is not NAME=gas, NAME=battery or NAME=harmless"),
        ({}, ("--class", "0=harmless", "--class", "1=harmless"), "no class is a hazard"),
        ({}, (*TWO, "--names", "a,b"), "names its classes itself"),
        ({}, (*TWO, "--class", "1=gas"), "1 has another meaning before"),
    ],
)  # fmt: skip
def test_what_no_line_could_run_is_refused_in_one_line_and_leaves_nothing_behind(
    vigitri: Vigitri, tmp_path: Path, file: dict[str, Any], options: tuple[str, ...], reason: str
) -> None:
    path = heads.write_head(tmp_path / "m.onnx", heads.raw(), **file)
    code, out, err = vigitri("model", "import", path, *options, "-o", tmp_path / "mine")
    assert (code, out, len(err)) == (2, [], 1)
    assert reason in err[0]
    assert [each.name for each in tmp_path.iterdir()] == ["m.onnx"]


def test_masks_name_a_segmentation_model(vigitri: Vigitri, tmp_path: Path) -> None:
    masks = {"output1": np.zeros((1, 32, 16, 16), np.float32)}
    path = heads.write_head(tmp_path / "m.onnx", heads.raw() | masks)
    code, _, err = vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "is a model for segmentation (it gives masks)" in err[0]


def test_files_that_are_no_onnx_files_are_refused_as_what_they_are(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no model")
    (tmp_path / "a.engine").write_bytes(b"")
    whole = heads.write_head(tmp_path / "b.onnx", heads.raw()).read_bytes()
    (tmp_path / "b.onnx").write_bytes(whole[: len(whole) // 2])
    for name, reason in (
        ("a.onnx", "is not an ONNX file, or is cut off"),
        ("b.onnx", "is not an ONNX file, or is cut off"),
        ("a.engine", "is neither .onnx nor .pt"),
        ("c.onnx", "no such file"),
    ):
        code, _, err = vigitri("model", "import", tmp_path / name, *TWO, "-o", tmp_path / "mine")
        assert (code, len(err)) == (2, 1), name
        assert reason in err[0]


def test_a_checkpoint_without_the_training_tools_is_one_line_with_the_extra(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    if importlib.util.find_spec("ultralytics"):
        pytest.skip("the extra train is installed")
    (tmp_path / "best.pt").write_bytes(b"")
    code, _, err = vigitri("model", "import", tmp_path / "best.pt", *TWO, "-o", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "needs the train extra" in err[0]
    assert "pip install '.[train]'" in err[0]


def test_weights_that_are_not_beside_the_file_are_named(vigitri: Vigitri, tmp_path: Path) -> None:
    path = heads.write_head(tmp_path / "big.onnx", heads.raw(), external=True)
    (tmp_path / "big.onnx.data").unlink()
    code, _, err = vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "keeps weights in big.onnx.data, which is not beside it" in err[0]


def test_a_card_that_does_not_seal_outside_weights_is_refused(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    path = heads.write_head(tmp_path / "big.onnx", heads.raw(), external=True)
    assert vigitri("model", "import", path, *TWO, "-o", tmp_path / "mine")[0] == 0
    card = tmp_path / "mine" / "card.toml"
    lines = card.read_text().splitlines(keepends=True)
    card.write_text("".join(line for line in lines if not line.startswith('"big.onnx.data"')))
    code, _, err = vigitri("model", "check", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert "has weights in big.onnx.data, whose sha256 the card does not give" in err[0]


@pytest.mark.parametrize(
    ("outputs", "head", "reason"),
    [
        (heads.objectness(1), "end2end", "classes that are not whole numbers"),
        (heads.queries_joined(), "end2end", "classes that are not whole numbers"),
        (heads.raw(share=True), "raw", "they are in shares, not px"),
    ],
)
def test_check_judges_what_the_outputs_mean(
    vigitri: Vigitri, tmp_path: Path, outputs: dict[str, Any], head: str, reason: str
) -> None:
    names = "{0: 'battery'}" if outputs["output0"].shape[1] == 3 * heads.CELLS else heads.NAMES
    said = ("--class", "0=battery", "--others", "harmless")
    path = heads.write_head(tmp_path / "m.onnx", outputs, names=names)
    assert vigitri("model", "import", path, *said, "-o", tmp_path / "mine")[0] == 0
    card = tmp_path / "mine" / "card.toml"
    text = card.read_text()
    found = find_model(f"{tmp_path}/mine").card.head
    text = text.replace(f'head = "{found}"', f'head = "{head}"').replace('box_unit = "share"\n', "")
    card.write_text(text)
    code, _, err = vigitri("model", "check", tmp_path / "mine")
    assert (code, len(err)) == (2, 1)
    assert reason in err[0]


def test_the_weights_are_not_needed_to_read_which_files_hold_them(tmp_path: Path) -> None:
    from detector.vision.onnx_file import external_files

    path = heads.write_head(tmp_path / "big.onnx", heads.raw(), external=True)
    assert external_files(path) == {"big.onnx.data"}
    inside = onnx.load(str(path))
    onnx.save(inside, str(tmp_path / "one.onnx"))
    assert external_files(tmp_path / "one.onnx") == set()


def test_metadata_that_are_not_text_are_refused_in_one_line(
    vigitri: Vigitri, tmp_path: Path
) -> None:
    path = heads.write_head(tmp_path / "a.onnx", heads.raw(), note="0123456789")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123\xff\xfe6789"))
    code, _, err = vigitri("model", "import", path, *TWO, "-o", tmp_path / "a")
    assert code == 2
    assert len(err) == 1
    assert "its metadata are not text" in err[0]
