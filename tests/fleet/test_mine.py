"""`vigitri fleet mine`: its exports are read by what reads operators' answers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

from typer.testing import CliRunner

from detector.adaptation.labels import read_labelled_images
from detector.cli import app
from fleet.mine import doubt
from tests.fleet.results_folder import alert, total, write_results
from tests.small_line import passing, write_video


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "a.avi", passing(24)))


def test_false_alarms_are_ready_to_learn_and_doubtful_objects_to_check(
    tmp_path: Path, clip: str
) -> None:
    alerts = [
        alert(1, clip=clip, probability=0.7),
        alert(2, "gas", clip=clip, probability=0.95),
        alert(3, clip=clip, probability=0.52),
        alert(4, clip=clip, probability=0.99),
        alert(5, clip=clip, probability=0.97),
    ]
    results = write_results(tmp_path / "out", alerts, [total(clip, alerts)])
    answers = tmp_path / "answers.csv"
    answers.write_text(
        "clip,line,event_id,answer\n"
        f"{clip},infeed,a000001,false_alarm\n{clip},infeed,a000002,false_alarm\n"
        f"{clip},infeed,a000005,removed\n"
    )
    mined = tmp_path / "mined"
    asked = ["fleet", "mine", results, "-o", str(mined), "--answers", str(answers)]
    shown = CliRunner().invoke(app, [*asked, "--most", "1", "--json"])
    assert shown.exit_code == 0, shown.output
    figures = json.loads(shown.stdout)
    assert (figures["false"], figures["false_left_out"]) == (1, 1)
    assert (figures["to_check"], figures["to_check_left_out"]) == (1, 1)
    assert (figures["answered"], figures["names"]) == (3, {"battery": 1})
    for folder, name, event in (
        ("false_alarms", "false_alarm", "a000002"),  # the surest
        ("to_check", "battery", "a000003"),  # the most doubtful
    ):
        export = read_labelled_images(mined / folder, lambda given, own=name: given == own, name)
        (image,) = export.images
        assert event in image.path.name
        (label,) = image.labels
        x0, y0, x1, y1 = label.box
        side = cv2.imread(str(image.path)).shape[0]
        assert (x1 - x0) * side == pytest.approx(20, abs=0.5)
        assert (y1 - y0) * side == pytest.approx(20, abs=0.5)
        assert (mined / folder / "sheet.png").is_file()


def test_an_undecided_or_a_flickering_object_is_more_doubtful_than_a_sure_one() -> None:
    sure = alert(1, probability=0.98)
    assert doubt(sure) < doubt(alert(1, probability=0.6)) < doubt(alert(1, probability=0.5))
    assert doubt(sure) < doubt(alert(1, probability=0.98, hits=3, passes=6))
    assert 0 <= doubt(alert(1, probability=None, passes=None, hits=None)) <= 1


def test_a_folder_that_is_not_empty_is_not_mixed_with_new_crops(tmp_path: Path, clip: str) -> None:
    results = write_results(tmp_path / "out", [alert(1, clip=clip)], [total(clip)])
    shown = CliRunner().invoke(app, ["fleet", "mine", results, "-o", str(tmp_path)])
    assert shown.exit_code == 2
    assert "is not empty; name a new folder" in shown.stderr


def test_a_clip_that_is_gone_is_named_and_the_command_is_incomplete(tmp_path: Path) -> None:
    results = write_results(tmp_path / "out", [alert(1)])
    shown = CliRunner().invoke(app, ["fleet", "mine", results, "-o", str(tmp_path / "mined")])
    assert shown.exit_code == 1
    assert "a.mp4: no crops: " in shown.stderr
