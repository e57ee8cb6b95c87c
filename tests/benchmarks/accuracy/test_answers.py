"""Simulated answers, written for the adaptation on a line's own computer."""

from pathlib import Path

import pytest

from benchmarks.accuracy import bench as accuracy
from benchmarks.accuracy.answers import NAMES
from detector.adaptation.labels import read_labelled_images
from tests.benchmarks.small_footage import write_footage
from tests.small_line import write_model


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    clip = write_footage(folder / "footage")
    model = write_model(folder / "models" / "white-and-red")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy, "GRID", (0.3, 0.95))
        accuracy.run([str(clip)], folder / "out", model_name=f"{model}/.", answers=folder / "made")
    return folder / "made"


def test_the_adaptation_reads_an_answer_for_each_alert(answers: Path) -> None:
    images = read_labelled_images(answers, lambda name: name in NAMES, "").images
    named = [label.name for image in images for label in image.labels]
    assert named
    assert set(named) <= set(NAMES)
    assert all(
        x1 > x0 and y1 > y0 for i in images for x0, y0, x1, y1 in (each.box for each in i.labels)
    )
