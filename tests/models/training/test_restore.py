from pathlib import Path

import numpy as np
import pytest

from detector.profile.line import DEPLOYED_MODEL
from models.training.restore import restore
from models.workshop import WorkshopError

DEPLOYED = Path(__file__).parents[3] / "models" / DEPLOYED_MODEL / "model.onnx"
IMAGES = [np.random.default_rng(n).integers(0, 256, (64, 96, 3), np.uint8) for n in range(3)]


def test_restoring_a_missing_model_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such model; name a folder"):
        restore(tmp_path / "model.onnx", tmp_path / "model.pt", IMAGES)


def test_a_restored_checkpoint_finds_the_deployed_model_s_boxes(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    path = restore(DEPLOYED, tmp_path / "model.pt", IMAGES)  # which compares the boxes itself
    assert path.is_file()


def test_a_graph_of_another_architecture_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    with pytest.raises(WorkshopError, match=r"should be .* the graph has .*another architecture"):
        restore(DEPLOYED, tmp_path / "model.pt", IMAGES, layout="yolo26s")


def test_an_unknown_architecture_is_a_one_line_error(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    with pytest.raises(WorkshopError, match="architecture = 'yolo99': unknown to ultralytics"):
        restore(DEPLOYED, tmp_path / "model.pt", IMAGES, layout="yolo99")
