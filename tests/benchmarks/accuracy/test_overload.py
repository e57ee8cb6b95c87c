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


def test_a_calm_belt_is_watched_without_a_model_and_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("twin.line.line")
    scenario = tmp_path / "calm.toml"
    scenario.write_text(SCENARIO)
    load.run([str(scenario)], None, runs=1, seed=1, fps=4, as_json=True)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (row,) = told["scenarios"].values()
    assert row["runs"] == 1
    assert row["false_alarms"]["all"]["count"] == 0
    assert told["missed"] == told["false"] == []
    assert told["monitor_ms"]["frames"] == 48
