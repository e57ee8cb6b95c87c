"""With a network whose features are the mean colour: blue is gas, green a cell, the rest a tin."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from detector.vision.catalogue import sha256
from detector.vision.detections import Detections
from detector.vision.verifier_card import Fusion
from models.evaluation.scoring import GroundTruth
from models.verifier.bank import write_bank
from models.verifier.evaluation import Sets, compare, crop_figures, fitted, markdown
from models.verifier.export import FEATURES, HEAD
from models.verifier.image_sets import Proposed, Verified, matches, verify
from models.verifier.kinds import Kinds
from models.verifier.pack import STORED_PX, Crop, Pack, write_pack
from models.verifier.verdicts import Verdicts, decided

PX = 64
COLOURS = {"lpg_bottle": (220, 30, 30), "cell": (30, 220, 30), "tin": (120, 120, 120)}
FUSIONS = (Fusion(verifier=1, detector=0.1, offset=0),) * 2


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory: pytest.TempPathFactory, kinds: Kinds) -> Verdicts:
    folder = tmp_path_factory.mktemp("network")
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes, "colour",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", PX, PX, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / FEATURES))
    weights = np.zeros((len(kinds.names), 3), np.float32)
    bias = np.full(len(kinds.names), -20, np.float32)
    weights[kinds.names.index("lpg_bottle")] = (20, -20, 0)
    weights[kinds.names.index("cell")] = (-20, 20, 0)
    bias[[kinds.names.index(name) for name in COLOURS]] = (-5, -5, 0)
    np.savez(folder / HEAD, weights=weights, bias=bias)
    return Verdicts(folder, kinds, PX, 1.0)


def _image(*names: str) -> np.ndarray:
    """Squares of 40 px side by side, one of each name's colour."""
    image = np.full((60, 60 * len(names), 3), 128, np.uint8)
    for number, name in enumerate(names):
        image[10:50, 10 + 60 * number : 50 + 60 * number] = COLOURS[name]
    return image


def _proposed(names: tuple[str, ...], scores: tuple[float, ...], label: int) -> Proposed:
    boxes = np.array(
        [(10 + 60 * n, 10, 50 + 60 * n, 50) for n in range(len(names))], np.float32
    ).reshape(-1, 4)
    truths = [n for n, name in enumerate(names) if name != "tin"]
    classes = np.array([("lpg_bottle", "cell").index(names[n]) for n in truths], np.int64)
    truth = GroundTruth(boxes[truths], classes, np.zeros((0, 4), np.float32))
    found = Detections(boxes, np.array(scores, np.float32), np.full(len(names), label, np.int64))
    return Proposed(_image(*names), found, truth)


def _sets(verdicts: Verdicts) -> Sets[Verified]:
    hazards = [
        _proposed(("lpg_bottle", "tin"), (0.3, 0.2), 0),
        _proposed(("cell", "tin", "cell"), (0.4, 0.3, 0.1), 1),
    ]
    harmless = [_proposed(("tin",), (0.9,), 0) for _ in range(5)]
    return Sets(
        verify(verdicts, hazards * 3), verify(verdicts, harmless), verify(verdicts, hazards), []
    )


def test_a_proposal_becomes_the_hazard_that_the_verifier_sees(verdicts: Verdicts) -> None:
    (one,) = verify(verdicts, [_proposed(("lpg_bottle", "cell", "tin"), (0.5, 0.5, 0.9), 1)])
    found = decided(one.found, one.v, FUSIONS)
    by_place = {int(box[0] // 60): n for n, box in enumerate(found.boxes_px)}
    assert found.classes[by_place[0]] == 0
    assert found.classes[by_place[1]] == 1
    assert found.scores[by_place[0]] > 0.9
    assert found.scores[by_place[2]] < 0.1


def test_a_proposal_that_covers_only_a_part_of_a_hazard_is_wrong() -> None:
    truth = GroundTruth(
        np.array([[0, 0, 100, 100]], np.float32), np.array([0]), np.zeros((0, 4), np.float32)
    )
    boxes = np.array([[0, 0, 100, 90], [0, 0, 100, 30], [200, 0, 240, 40]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, np.int64))
    one = Verified(found, np.zeros((3, 2), np.float32), truth)
    assert matches(one, 0).tolist() == [1, 0, 0]
    assert matches(one, 1).tolist() == [0, 0, 0]


def test_the_report_shows_what_the_verifier_gains(verdicts: Verdicts) -> None:
    sets = _sets(verdicts)
    fusions = fitted(sets)
    report = compare(sets, fusions, (0.5, 0.5))
    gas = report["held_sources_at_belt_scale"]["gas"]
    assert gas["boxes"] == 3
    assert gas["detector"]["recall"][0] == 0
    assert gas["with_verifier"]["recall"][0] == 1
    assert gas["with_verifier"]["ap50"] == 1
    assert gas["detector_at_equal_alarms"][0] == 0
    alarms = report["harmless_pictures_that_raise_an_alarm"]
    assert alarms["detector"][0] == 1
    assert alarms["with_verifier"][0] == 0


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    plain = {name: np.full((STORED_PX, STORED_PX, 3), COLOURS[name], np.uint8) for name in COLOURS}
    crops = [
        Crop(plain[name], name, side, name, "laid", 40)
        for side in ("train", "held")
        for name in COLOURS
        for _ in range(4)
    ]
    write_pack(tmp_path / "crops.npz", crops)
    return Pack(tmp_path / "crops.npz")


def test_crops_of_held_out_sources_are_counted_by_kind(
    verdicts: Verdicts, kinds: Kinds, pack: Pack
) -> None:
    figures = crop_figures([pack], verdicts, kinds, PX)
    assert figures["crops"] == 12
    assert figures["gas"]["lpg_bottle"] == {"crops": 4, "recall": [1.0, 0.398, 1.0]}
    assert figures["confusion"] == {"lpg_bottle": {"lpg_bottle": 4}, "cell": {"cell": 4},
                                    "tin": {"tin": 4}}  # fmt: skip
    page = markdown({"pictures": compare(_sets(verdicts), FUSIONS, (0.5, 0.5)), "crops": figures})
    assert "| tin | 4 | 1.00 |" in page


def test_the_bank_keeps_both_sides_apart(
    verdicts: Verdicts, kinds: Kinds, pack: Pack, tmp_path: Path
) -> None:
    (tmp_path / FEATURES).write_bytes(b"network")
    with np.load(write_bank([pack], verdicts, kinds, PX, tmp_path)) as bank:
        assert bank["features"].dtype == np.float16
        assert bank["held"].tolist().count(True) == 12
        assert {kinds.names[kind] for kind in bank["kind"]} == set(COLOURS)
        assert bank["groups"][bank["group"][0]] in COLOURS
        assert str(bank["verifier_sha256"]) == sha256(tmp_path / FEATURES)
