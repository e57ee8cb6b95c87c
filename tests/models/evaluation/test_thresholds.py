import numpy as np
import pytest

from detector.vision.detections import Detections
from models.evaluation.image_sets import SetResults, photo_set
from models.evaluation.scoring import GroundTruth
from models.evaluation.thresholds import operating_thresholds


def _results(score_on_belt: float) -> SetResults:
    box = np.array([[0, 0, 10, 10]], np.float32)
    nothing = GroundTruth(box[:0], np.zeros(0, np.int64), box[:0])
    one = GroundTruth(box, np.zeros(1, np.int64), box[:0])
    silent = Detections(box[:0], np.zeros(0, np.float32), np.zeros(0, np.int64))
    right = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64))
    wrong = Detections(box, np.array([score_on_belt], np.float32), np.zeros(1, np.int64))
    return {
        photo_set((416,)): ([right], [one]),
        "scenes": ([right], [one]),
        "frames_at_1.0_mm_per_px": ([wrong, silent], [nothing, nothing]),
    }


def test_the_threshold_is_just_above_the_highest_score_on_an_empty_belt() -> None:
    gas, battery = operating_thresholds(_results(0.333), (416,))
    assert gas == pytest.approx(0.34)
    assert battery == pytest.approx(0.15), "without false boxes the threshold is the lowest"


def test_the_threshold_is_limited() -> None:
    assert operating_thresholds(_results(0.99), (416,))[0] == pytest.approx(0.7)
