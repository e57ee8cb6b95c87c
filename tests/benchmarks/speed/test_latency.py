from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import line_process
from benchmarks.speed import latency
from benchmarks.speed.full_hd import LINE, full_hd_line
from detector.cli import main
from detector.ingest import Recording
from detector.pipeline import STAGES
from detector.profile.loading import load_profile
from tests.small_line import PATIENCE_S, passing, write_model, write_profile, write_video


def test_the_latency_of_a_line_is_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "white-and-red")
    film = write_video(tmp_path / "belt.avi", passing() * 2, fps=20)
    profile = write_profile(tmp_path / "line.toml", film, model)
    monkeypatch.setattr(latency, "WARM_UP_FRAMES", 2)
    patient = line_process.LineProcess.__init__
    monkeypatch.setattr(
        line_process.LineProcess,
        "__init__",
        lambda self, *line, **more: patient(self, *line, start_s=PATIENCE_S, **more),
    )
    out = tmp_path / "latency.json"
    few = ("--alerts", "10", "--blind-runs", "1")
    arguments = ["bench", "latency", "--line", str(profile), "-o", str(out), *few]
    monkeypatch.setattr(sys, "argv", ["vigitri", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    report = json.loads(out.read_text())
    assert [stage["stage"] for stage in report["stages"]] == list(STAGES)
    assert report["stages"][0]["count"] == 62
    live = report["live"]
    assert 0 < live["frames_timed"] <= live["inferences"] <= 64
    assert live["capture_to_subscriber_ms"]["p50"] <= live["capture_to_subscriber_ms"]["max"]
    plc = report["plc"]
    assert plc["publish_to_subscriber_ms"]["count"] == plc["publish_to_register_ms"]["count"] == 10
    assert plc["capture_to_register_ms"]["count"] > 0
    blind = plc["blind_to_fault_ms"]
    assert set(blind) == {"camera killed", "detector killed", "detector stopped"}
    assert all(value > 0 for values in blind.values() for value in values)
    assert plc["blind_most_ms"] == 200  # three periods of this camera, and 50 ms
    assert {"processor", "cores", "load_1min", "onnxruntime"} <= set(report["machine"])
    out_text = capsys.readouterr().out
    assert "all but the model" in out_text
    assert "p99 ≤ 60" in out_text


def test_figures_without_a_sample_are_left_out() -> None:
    assert latency._quantiles([]) == {}
    assert latency._quantiles([1.0, 2.0, 3.0])["p50"] == 2.0


def test_the_1080p_line_is_made_from_a_clip_and_has_the_demo_s_geometry(
    tmp_path: Path,
) -> None:
    film = write_video(tmp_path / "belt.avi", passing(3))
    assert cv2.imwrite(str(tmp_path / "empty.png"), passing(1)[0])
    made = tmp_path / "made"
    full_hd = load_profile(full_hd_line(made, film))
    with Recording(str(made / film.name)) as recording:
        assert [frame.image.shape for frame in recording] == [(1080, 1920, 3)] * 3
    assert cv2.imread(str(made / "empty.png")).shape == (1080, 1920, 3)

    demo = load_profile(line_process.DEMO_LINE)
    scaled = (np.array(demo.belt.polygon_px) + 0.5) * 1.5 - 0.5
    assert full_hd.belt.polygon_px == pytest.approx(scaled)
    for ours, theirs in zip(full_hd.belt.points, demo.belt.points, strict=True):
        assert ours.mm == theirs.mm
        assert ours.px == pytest.approx((np.array(theirs.px) + 0.5) * 1.5 - 0.5)


def test_the_1080p_profile_reads_the_clip_where_it_is_written() -> None:
    folder = line_process.ROOT / "out" / "full-hd"
    profile = load_profile(LINE)
    assert Path(profile.camera.source).resolve() == folder / "demo.mp4"
    assert profile.overload.empty_belt is not None
    assert profile.overload.empty_belt.resolve() == folder / "empty.png"
