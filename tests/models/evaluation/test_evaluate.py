from pathlib import Path

import numpy as np
import pytest

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import write_card
from detector.vision.detections import Detections
from models.card import new_card
from models.data.composites import Scene
from models.evaluation import evaluate
from models.evaluation.image_sets import at_belt_scale
from models.evaluation.scoring import GroundTruth
from models.evaluation.targets import WELL_SEEN
from models.workshop import WorkshopError


def _found(boxes: list[tuple[float, ...]], scores: list[float]) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.zeros(len(scores), np.int64),
    )


def test_recall_is_measured_by_size_and_visible_share_with_exact_intervals() -> None:
    boxes = np.array([(10, 10, 30, 30), (50, 50, 120, 110), (200, 10, 230, 30)], np.float32)
    visible = np.array([0.4, 0.9, 1.0], np.float32)
    truth = GroundTruth(boxes, np.zeros(3, np.int64), boxes[:0], (400, 300), visible)
    found = _found([(50, 50, 120, 110), (200, 10, 230, 30)], [0.9, 0.3])
    row = evaluate.measure([found], [truth], (0.5, 0.5))["gas_canister"]
    assert row["recall"][0] == pytest.approx(1 / 3, abs=1e-3)
    assert row["recall_at_0.2"][0] == pytest.approx(2 / 3, abs=1e-3)
    assert row["of"]["50 to 100 px"]["recall"] == [1.0, 0.025, 1.0]
    assert row["of"]["visible 25 to 50 %"]["recall_at_0.05"][0] == 0.0
    assert row["of"]["visible 75 to 100 %"]["boxes"] == 2
    assert row["of"][WELL_SEEN]["boxes"] == 2


def test_the_report_is_written_as_a_page_and_its_sets_into_the_card(tmp_path: Path) -> None:
    box = np.array([(10, 10, 60, 60)], np.float32)
    truth = GroundTruth(box, np.zeros(1, np.int64), box[:0], (400, 300))
    results = {key: ([_found([(10, 10, 60, 60)], [0.9])], [truth])
             for key in ("photographs_320", "photographs_512", "scenes")}  # fmt: skip
    report = evaluate.build_report("mine", results, (0.5, 0.5))
    page = evaluate.markdown(report)
    assert "| scenes | gas_canister | 1 | 1.000 | 1.000 (0.025 to 1.000) |" in page
    sets = evaluate.for_card(report, "photographs_320")
    assert "of" in sets["photographs_320"]["gas_canister"]
    assert "of" not in sets["photographs_512"]["gas_canister"]
    assert "of" in sets["scenes"]["gas_canister"]
    (tmp_path / "model.onnx").write_bytes(b"")
    write_card(tmp_path, new_card(tmp_path, name="mine", thresholds=(0.5, 0.5), metrics=sets))


def test_a_photograph_is_reduced_to_belt_scale_and_never_enlarged() -> None:
    image = np.zeros((600, 800, 3), np.uint8)
    large = at_belt_scale(Scene(image, np.array([(1, 100, 100, 280, 200)], np.float32)))
    assert large.boxes[0, 3] - large.boxes[0, 1] == pytest.approx(90, abs=0.5)
    small = at_belt_scale(Scene(image, np.array([(0, 100, 100, 190, 200)], np.float32)))
    assert small.image.shape == image.shape
    empty = at_belt_scale(Scene(image, np.zeros((0, 5), np.float32)))
    assert max(empty.image.shape) == 416


def test_an_unknown_model_and_a_missing_data_folder_are_one_line_errors(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"no model 'none'.*Known models: ") as refused:
        evaluate.run("none", tmp_path)
    assert "\n" not in str(refused.value)
    with pytest.raises(WorkshopError, match="no such data folder; give it with --data"):
        evaluate.run(DEPLOYED_MODEL, tmp_path / "none")
