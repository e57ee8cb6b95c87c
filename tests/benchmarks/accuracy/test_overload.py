from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import overload as load

SCENARIO = """# A short belt, thinly laid.
seed = 3
duration_s = 12

[camera]
fps = 4

[[stretches]]
from_mm = 0
to_mm = 1000
coverage = 0.1
"""


def test_a_calm_belt_without_a_model_raises_no_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("twin.line.line")
    scenario = tmp_path / "calm.toml"
    scenario.write_text(SCENARIO)
    load.run([str(scenario)], None, runs=1, seed=1, fps=4, as_json=True)
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    (row,) = report["scenarios"].values()
    assert row["runs"] == 1
    assert row["false_alarms"]["all"]["count"] == 0
    assert report["missed"] == report["false"] == []
    assert report["monitor_ms"]["frames"] == 48
