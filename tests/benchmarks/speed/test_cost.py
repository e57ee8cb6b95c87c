from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy.footage import open_footage, profile_of
from benchmarks.accuracy.matching import match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.speed import cost
from benchmarks.speed.replay_process import ReplayError, alerts_of, replay_in
from benchmarks.speed.stage_cost import stage_cost
from detector.pipeline import STAGES
from detector.profile.loading import load_profile
from detector.replay import Totals, replay
from detector.vision.catalogue import find_model
from detector.vision.engine import OnnxEngine
from tests.benchmarks.small_footage import write_footage
from tests.small_line import write_model


def test_what_another_checkout_printed_is_matched_with_the_truth(tmp_path: Path) -> None:
    model = find_model(f"{write_model(tmp_path / 'white-and-red')}/.")
    clip = cost.open_clip(str(write_footage(tmp_path / "footage")), tmp_path / "line", 1200.0, 1)
    line = load_profile(clip.profile)
    assert line.belt.polygon_px == clip.line.belt.polygon_px
    assert line.action_points == clip.line.action_points
    engine, video = OnnxEngine(model, threads=1), [str(clip.video)]
    replayed = replay(video, line, model, engine, Totals(), on_frame=lambda *_: None)
    printed = [{**each.as_json(), "key_of_another_version": 1} for each in replayed]
    alerts = alerts_of(json.loads(json.dumps(printed)))
    evaluation = match_alerts(alerts, LineGroundTruth(clip.footage.truth, clip.line))
    assert cost.events_of(evaluation) == {
        "hazards": [1, 2], "found": [1, 2], "false_alarms": 0, "duplicates": 0,
    }  # fmt: skip


def test_the_cost_of_each_stage_is_stated_per_metre_of_belt(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "white-and-red")
    footage = open_footage(str(write_footage(tmp_path / "footage")))
    line = profile_of(footage.truth, None)
    choice = line.model.model_copy(update={"name": f"{folder}/.", "engine": "onnxruntime"})
    figures = stage_cost(footage, line.model_copy(update={"model": choice}))
    assert list(figures["cpu_s_per_m"]) == list(STAGES)
    assert figures["cpu_s_per_m"]["model"] > 0
    assert figures["passes_per_m"] > 0
    assert figures["crops_per_m"] == 0  # this model has no verifier
    assert figures["megapixels_per_m"] > 0


@pytest.mark.parametrize(("here", "beside", "points"), [(10, 0, 10.0), (0, 10, -10.0), (5, 5, 0.0)])
def test_two_recalls_on_the_same_hazards_are_compared_hazard_by_hazard(
    here: int, beside: int, points: float
) -> None:
    compared = cost.paired(both=50, only_here=here, only_beside=beside, total=100)
    middle, low, high = compared["points"]
    assert middle == points
    assert low < middle < high
    assert (low <= 0 <= high) == (here == beside)


def test_only_a_checkout_can_stand_beside_this_one(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="no checkout"):
        replay_in(tmp_path, tmp_path / "a.mp4", tmp_path / "line.toml")


def test_the_table_names_the_ratio_and_both_checkouts(capsys: pytest.CaptureFixture[str]) -> None:
    side = {"cpu_s_per_m": 0.2, "start_cpu_s": 1.0, "peak_mib": 300.0,
            "hazards": [1, 2], "found": [1], "false_alarms": 0, "duplicates": 0}  # fmt: skip
    stages = {"passes_per_m": 1.0, "megapixels_per_m": 1.0, "crops_per_m": 1.0,
              "cpu_s_per_m": dict.fromkeys(STAGES, 0.1)}  # fmt: skip
    row = {"clip": "belt", "metres": 4.0, "frames": 9, "decoding_cpu_s_per_m": 0.1,
           "here": side, "beside": {**side, "cpu_s_per_m": 0.4}, "cpu_ratio": 0.5,
           "stages": stages}  # fmt: skip
    machine = {"processor": "x", "load_1min": 0.0}
    cost._print({"machine": machine, "repeats": 1, "clips": [row], "all": cost._summed([row])})
    assert "0.50 of its CPU time per metre" in capsys.readouterr().out
