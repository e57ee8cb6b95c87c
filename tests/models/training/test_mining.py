"""The error of a model on a scene, with a fake model that returns given boxes."""

from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from models.data.composites import Scene
from models.training.mining import error_score

IMAGE = np.zeros((64, 64, 3), np.uint8)
GAS_AT = [0, 10, 10, 30, 30]


def _error(boxes: list[list[float]], drawn: list[tuple[float, ...]]) -> float:
    """drawn: cx, cy, w, h, score of gas, score of battery."""
    output = np.array(drawn, np.float32).reshape(-1, 6).T[None]
    made = SimpleNamespace(run=lambda *_: [output])
    with (
        mock.patch("models.training.mining.export_onnx"),
        mock.patch("models.training.mining.session", return_value=made),
    ):
        error = error_score(Path("x.pt"), Path("miner"))
    return error(Scene(IMAGE, np.array(boxes, np.float32).reshape(-1, 5)))


def test_a_false_box_counts_by_its_score() -> None:
    assert _error([], [(20, 20, 20, 20, 0.7, 0.1)]) == pytest.approx(0.7)
    assert _error([GAS_AT], [(50, 50, 10, 10, 0.6, 0), (20, 20, 20, 20, 1.0, 0)]) == pytest.approx(
        0.6
    )


def test_a_missed_hazard_counts_by_1_minus_its_score() -> None:
    assert _error([GAS_AT], []) == 1
    assert _error([GAS_AT], [(20, 20, 20, 20, 0.3, 0)]) == pytest.approx(0.7)


def test_a_hazard_of_the_other_class_is_missed_and_not_false() -> None:
    assert _error([GAS_AT], [(20, 20, 20, 20, 0, 0.9)]) == 1


def test_a_box_of_half_a_hazard_is_neither_found_nor_false() -> None:
    assert _error([GAS_AT], [(15, 20, 10, 16, 0.9, 0)]) == 1


def test_an_empty_scene_without_detections_has_no_error() -> None:
    assert _error([], []) == 0
