from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.speed import start
from tests.small_line import passing, write_model, write_profile, write_video


def test_a_start_is_timed_and_its_memory_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_video(tmp_path / "a.avi", passing(60))
    line = write_profile(tmp_path / "line.toml", film, write_model(tmp_path / "model"))
    out = tmp_path / "start.json"
    start.run(line, out, beside=None, runs=1, settle_s=0.0, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(out.read_text())
    (row,) = report["runs"]["here"]
    assert 0 < row["to_endpoints_s"] < row["to_look_s"]
    assert row["detector_mib"] > 20
    assert row["together_mib"] == pytest.approx(row["detector_mib"] + row["capture_mib"], abs=0.2)
    assert report["median"]["here"] == row
