from __future__ import annotations

import tomllib
from pathlib import Path

from detector.vision.catalogue import find_model
from detector.vision.score_curve import ScoreCurve
from models.evaluation.operating import write_operating
from tests.small_line import write_model

TABLE = {"proven": False, "belt_h": 0.5, "battery": {"threshold": 0.6, "curve": {"found": [1, 2]}}}


def test_thresholds_calibrations_and_their_origin_are_written_into_the_card(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    before = tomllib.loads((folder / "card.toml").read_text())
    curve = ScoreCurve(slope=1.5, offset=-0.25)
    thresholds = {"gas_canister": 0.55, "battery": 0.6}
    for _ in range(2):  # twice: nothing is appended
        write_operating(folder, thresholds, {"gas_canister": curve, "battery": None}, TABLE)
        card = find_model(f"{folder}/.").card
        assert [known.threshold for known in card.classes] == [0.55, 0.6]
        assert [known.calibration for known in card.classes] == [curve, None]
        assert card.operating == TABLE
    after = tomllib.loads((folder / "card.toml").read_text())
    for key in ("name", "input", "files", "training", "metrics"):
        assert after[key] == before[key]


def test_an_outdated_calibration_is_removed(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    thresholds = {"gas_canister": 0.5, "battery": 0.5}
    write_operating(folder, thresholds, {"battery": ScoreCurve(slope=1, offset=0)}, TABLE)
    write_operating(folder, thresholds, {}, TABLE)
    assert all(known.calibration is None for known in find_model(f"{folder}/.").card.classes)
