import json
from pathlib import Path

import numpy as np
import pytest

from detector.vision.detections import Detections
from models.data.wide_sources import WideSources, read_wide
from models.evaluation import proposals
from models.evaluation.scoring import GroundTruth

NONE = np.zeros((0, 4), np.float32)


class _Engine:
    """An engine that finds the same boxes in each image."""

    def __init__(self, rows: list[tuple[float, ...]], scores: list[float], labels: list[int]):
        self._found = Detections(
            np.array(rows, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(labels, np.int64),
        )

    def detect(self, _image: np.ndarray, min_score: float) -> Detections:
        return self._found.at_least(min_score)


def _pictures(*boxes: tuple[float, ...]) -> proposals.Pictures:
    truth = GroundTruth(
        np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64), NONE
    )
    return proposals.Pictures("one", (np.zeros((96, 96, 3), np.uint8),), (truth,), 0.5)


def test_a_box_of_the_other_class_proposes_a_hazard_too() -> None:
    engine = _Engine([(10, 10, 50, 50), (60, 60, 90, 90)], [0.4, 0.2], [1, 1])
    scored = proposals.score(engine, _pictures((10, 10, 50, 50)))
    assert scored.best[0].tolist() == pytest.approx([0.4])
    assert scored.false.tolist() == pytest.approx([0.2])


def test_two_classes_on_one_object_are_one_proposal() -> None:
    engine = _Engine([(10, 10, 50, 50), (11, 10, 50, 50)], [0.4, 0.3], [0, 1])
    scored = proposals.score(engine, _pictures((10, 10, 50, 50)))
    assert scored.every.tolist() == pytest.approx([0.4])


def test_the_threshold_lets_through_no_more_than_allowed() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.1], np.float32)
    assert 0.5 < proposals.threshold_at(scores, 1) <= 0.9
    assert 0.1 < proposals.threshold_at(scores, 3) <= 0.5
    assert proposals.threshold_at(scores, 4) == proposals.FLOOR


def test_a_missed_hazard_is_missed_at_every_threshold() -> None:
    best = np.array([0.0, 0.3], np.float32)
    assert proposals.share(best, 0.0)[0] == 0.5
    assert proposals.share(best, 0.4)[0] == 0.0


def test_the_same_objects_lie_on_the_composed_belt_at_every_scale(wide_data: Path) -> None:
    held = read_wide(wide_data, 0.3, held=True)
    fine, coarse = (proposals.composed(held, 3, scale) for scale in (1.0, 2.0))
    assert fine.metres == pytest.approx(3 * 0.992)
    assert coarse.metres == pytest.approx(fine.metres, rel=0.04)
    assert [t.classes.tolist() for t in fine.truths] == [t.classes.tolist() for t in coarse.truths]
    for one, two in zip(fine.truths, coarse.truths, strict=True):
        assert one.boxes_px / 2 == pytest.approx(two.boxes_px, abs=25)


def test_large_gas_is_150_to_600_mm_long(wide_data: Path) -> None:
    held = read_wide(wide_data, 0.3, held=True)
    truths = proposals.composed(held, 4, 1.0, large_gas=True).truths
    assert all((truth.classes == 0).all() for truth in truths)
    longest = np.concatenate([truth.longest_px for truth in truths])
    assert longest.max() > 150


def test_photographs_are_reduced_to_50_to_200_px_and_harmless_ones_have_no_truth(
    wide: WideSources,
) -> None:
    (truth,) = proposals.photographed(wide).truths
    assert 45 < truth.longest_px[0] <= 200
    assert all(not len(each.boxes_px) for each in proposals.harmless(wide).truths)


def test_models_are_measured_side_by_side_and_written_as_a_page(
    wide_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = {"old": _Engine([], [], []), "new": _Engine([(0, 0, 40, 40)], [0.3], [0])}
    monkeypatch.setattr(proposals, "open_model", lambda name, _engine: engines[name])
    proposals.run(["old", "new"], wide_data, out=tmp_path, held_back=0.3, views=2)
    report = json.loads((tmp_path / "proposals.json").read_text())
    rows = report["sets"]["cut-outs on belts, 1.5 mm/px"]
    assert set(rows) == {"old", "new"}
    assert rows["old"]["false_per_image"]["0.25"] == 0.0
    page = (tmp_path / "proposals.md").read_text()
    assert "| harmless pictures | new | 4 | 1.00, 1.00, 1.00, 1.00 |" in page
