import numpy as np
import pytest

from detector.vision.detections import Detections
from models.evaluation.scoring import (
    GroundTruth,
    Tally,
    at_threshold,
    average_precision,
    overlaps,
    tally,
    threshold_for,
)

NONE = np.zeros((0, 4), np.float32)


def _found(*rows: tuple[float, ...]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def _truth(*boxes: tuple[float, ...], label: int = 0, ignored: np.ndarray = NONE) -> GroundTruth:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return GroundTruth(corners, np.full(len(boxes), label, np.int64), ignored)


def test_overlap_is_intersection_over_union() -> None:
    iou, share = overlaps(
        np.array([[0, 0, 10, 10]], np.float32), np.array([[5, 0, 15, 10]], np.float32)
    )
    assert iou[0, 0] == pytest.approx(1 / 3)
    assert share[0, 0] == pytest.approx(1 / 2)


def test_average_precision_of_a_case_computed_by_hand() -> None:
    # right, wrong, right of three boxes: precision 1 up to recall 1/3, 2/3 up to 2/3, then none.
    found = [_found((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.7, 0))]
    truth = [_truth((0, 0, 10, 10), (20, 0, 30, 10), (80, 80, 90, 90))]
    assert average_precision(tally(found, truth, 0)) == pytest.approx((1 + 2 / 3) / 3)


def test_a_second_box_on_one_object_is_false() -> None:
    found = [_found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0))]
    counted = tally(found, [_truth((0, 0, 10, 10))], 0)
    assert counted.hits.tolist() == [True, False]


def test_a_box_of_the_other_class_does_not_count() -> None:
    counted = tally([_found((0, 0, 10, 10, 0.9, 1))], [_truth((0, 0, 10, 10))], 0)
    assert len(counted.scores) == 0
    assert counted.truths == 1


def test_a_detection_in_an_ignore_region_does_not_count() -> None:
    heap = np.array([[0, 0, 100, 100]], np.float32)
    found = [_found((10, 10, 20, 20, 0.9, 0), (40, 40, 50, 50, 0.8, 0), (150, 0, 160, 9, 0.7, 0))]
    counted = tally(found, [_truth((40, 40, 50, 50), ignored=heap)], 0)
    assert counted.hits.tolist() == [True, False]
    assert counted.scores.tolist() == pytest.approx([0.8, 0.7])


def test_the_threshold_for_a_budget_uses_it_and_no_more() -> None:
    counted = Tally(
        np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32),
        np.array([True, False, True, False, True]),
        truths=4,
        images=5,
        found_at=np.array([0.9, 0.7, 0.5, 0], np.float32),
    )
    threshold = threshold_for(counted, 0.2)
    assert 0.6 < threshold < 0.7
    assert at_threshold(counted, threshold) == (0.5, 0.2)
    assert threshold_for(counted, 9) == 0.0
    assert at_threshold(counted, threshold_for(counted, 0.0)) == (0.25, 0.0)


def test_each_box_has_the_score_of_its_detection() -> None:
    found = [_found((20, 0, 30, 10, 0.7, 0), (0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0))]
    truth = [_truth((0, 0, 10, 10), (20, 0, 30, 10), (80, 80, 90, 90))]
    assert tally(found, truth, 0).found_at.tolist() == pytest.approx([0.9, 0.7, 0])


@pytest.mark.parametrize(
    ("box", "clear"),
    [
        ((50, 50, 60, 100), True),
        ((50, 50, 60, 80), False),  # too small
        ((0, 50, 60, 100), False),  # cut by the border
        ((50, 120, 150, 299), False),  # ends 1 px from it
        ((110, 50, 160, 100), False),  # an ignore region covers a part
        ((230, 50, 290, 100), False),  # another box does
    ],
)
def test_unobstructed_boxes_are_derived_from_the_labels(
    box: tuple[float, ...], clear: bool
) -> None:
    boxes = np.array([box, (280, 60, 340, 110)], np.float32)
    ignored = np.array([[152, 0, 170, 110]], np.float32)
    truth = GroundTruth(boxes, np.zeros(2, np.int64), ignored, (400, 300))
    assert truth.unobstructed[0] == clear
