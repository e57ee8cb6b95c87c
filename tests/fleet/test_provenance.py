"""What decides in a fleet run: thresholds that would decide on nothing are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

from fleet.provenance import Settings, ThresholdError, load_line, provenance_of
from tests.small_line import write_model, write_profile


@pytest.fixture
def line(tmp_path: Path) -> str:
    return str(write_profile(tmp_path / "line.toml", "a.avi", write_model(tmp_path / "model")))


def thresholds(line: str, settings: Settings) -> dict[str, float]:
    row = provenance_of(line, load_line(line, settings), settings)
    found: dict[str, float] = json.loads(row["thresholds"])
    return found


def test_with_a_verifier_the_hazards_thresholds_decide_and_are_named(line: str) -> None:
    deployed = Settings(model="vigitri-n7")
    before = thresholds(line, deployed)
    assert set(before) == {"gas", "battery"}
    higher = Settings(model="vigitri-n7", thresholds=(("battery", 0.9),))
    assert thresholds(line, higher) == {**before, "battery": 0.9}
    loaded = load_line(line, higher)
    assert loaded.profile is not None
    assert loaded.profile.hazards.battery.threshold == 0.9
    rows = [provenance_of(line, load_line(line, each), each) for each in (deployed, higher)]
    assert rows[0]["provenance"] != rows[1]["provenance"]


def test_without_a_verifier_the_classes_thresholds_decide(line: str) -> None:
    before = thresholds(line, Settings())
    name = next(iter(before))
    assert thresholds(line, Settings(thresholds=((name, 0.9),))) == {**before, name: 0.9}


def test_a_threshold_that_decides_on_nothing_is_refused(line: str) -> None:
    of_class = Settings(model="vigitri-n7", thresholds=(("gas_canister", 0.5),))
    with pytest.raises(ThresholdError, match="verifier decides by hazard: write gas, battery"):
        load_line(line, of_class)
    with pytest.raises(ThresholdError, match="its classes decide: write "):
        load_line(line, Settings(thresholds=(("nonsense", 0.5),)))
    with pytest.raises(ThresholdError, match="give --line"):
        load_line(None, Settings(thresholds=(("gas", 0.5),)))
