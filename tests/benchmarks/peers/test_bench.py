from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.footage import open_footage, profile_of
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.peers import bench, environments, rounds
from benchmarks.peers.contenders import Contender, Task, contenders
from benchmarks.peers.report import ratios
from benchmarks.peers.track_events import alerts_of_tracks, counted
from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import find_model
from tests.benchmarks.small_footage import write_footage

CARD = find_model(DEPLOYED_MODEL).card


def test_bare_networks_are_compared_and_the_others_are_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "peers.json"
    bench.run(
        bench.LINE, out, venv=None, frames=2, rounds=1, threads=1, engines=("onnxruntime",),
        only=("bare", "predict"), as_json=False,
    )  # fmt: skip
    report = json.loads(out.read_text())
    (bare,) = report["contenders"]
    assert (bare["name"], bare["engine"]) == ("bare session", "onnxruntime")
    assert bare["frame_ms"]["p50"] > 0
    assert bare["cpu_s_per_m"][0] > 0
    assert bare["events"] is None
    assert "--venv" in report["left_out"]["ultralytics predict, onnxruntime"]
    assert report["peers_network_px"] == [416, 800]
    assert {"processor", "cores", "load_1min"} <= set(report["machine"])
    assert "left out: ultralytics predict" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"matches no contender\. There are: vigitri replay, "):
        bench.run(
            bench.LINE, None, venv=tmp_path, frames=2, rounds=1, threads=1,
            engines=("onnxruntime",), only=("someone else",), as_json=False,
        )  # fmt: skip


def test_a_peer_that_fails_is_left_out_with_its_own_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "worker.py"
    broken.write_text("raise SystemExit('no such library')")
    monkeypatch.setattr(rounds, "_WORKER", broken)
    contender = Contender("bare session", "onnxruntime", "onnxruntime")
    task = {contender: Task(out=str(tmp_path / "out.json"))}  # type: ignore[typeddict-item]
    measured, left_out = rounds.run_rounds(task, 2, None, lambda *_: None)
    assert not measured
    assert left_out == {"bare session, onnxruntime": "ended with 1: no such library"}


def test_every_environment_pins_each_package() -> None:
    assert set(rounds.needed(contenders())) == set(environments.PACKAGES)
    assert all("==" in each for packages in environments.PACKAGES.values() for each in packages)


def test_tracks_on_the_hazards_find_them_and_a_track_beside_is_a_false_alarm(
    tmp_path: Path,
) -> None:
    footage = open_footage(str(write_footage(tmp_path)))
    ground = LineGroundTruth(footage.truth, profile_of(footage.truth, None))
    rows = [
        [number, each["id"], int(each["class"] == "battery"), 0.9, *each["box_px"]]
        for number, frame in enumerate(footage.truth.frames)
        for each in frame["objects"]
    ]
    beside = [[number, 9, 0, 0.9, 2.0, 2.0, 40.0, 30.0] for number in range(3)]
    alerts = alerts_of_tracks(sorted(rows + beside), CARD, 3, (320, 240))
    figures = counted(alerts, ground, len(footage.truth.frames))
    assert figures == {"hazards": 2, "found": 2, "false_alarms": 1, "duplicates": 0}


@given(hits=st.integers(1, 5), seen=st.integers(0, 8), score=st.floats(0, 1))
def test_a_track_alarms_once_and_only_with_enough_hits_and_score(
    hits: int, seen: int, score: float
) -> None:
    rows = [[number, 1, 0, score, 0, 0, 9, 9] for number in range(seen)]
    untracked = [[number, -1, 0, 1.0, 0, 0, 9, 9] for number in range(seen)]
    alerts = alerts_of_tracks(rows + untracked, CARD, hits, (320, 240))
    assert len(alerts) == (seen >= hits and score >= CARD.classes[0].threshold)
    if alerts:
        assert alerts[0].frame_index == hits - 1


def test_ratios_are_taken_round_by_round_within_one_engine() -> None:
    def figures(name: str, scale: float) -> dict[str, object]:
        return {
            "name": name,
            "engine": "onnxruntime",
            "rounds_ms": [{"p50": scale, "p99": scale}, {"p50": 2 * scale, "p99": 3 * scale}],
            "cpu_s_per_m": [scale, 2 * scale],
        }

    rows = ratios(
        {"contenders": [figures("vigitri replay", 1.0), figures("ultralytics predict", 4.0)]}
    )
    assert rows == [
        {
            "name": "vigitri replay",
            "engine": "onnxruntime",
            "p50_of_predict": [0.25, 0.25, 0.25],
            "p99_of_predict": [0.25, 0.25, 0.25],
            "cpu_of_predict": [0.25, 0.25, 0.25],
        }
    ]
