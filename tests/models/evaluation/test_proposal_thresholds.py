import tomllib
from pathlib import Path

import numpy as np
import pytest

from detector.vision.catalogue import write_card
from detector.vision.detections import Detections
from models.card import new_card
from models.evaluation.proposal_thresholds import proposal_thresholds, write_proposal_thresholds
from models.evaluation.proposals import Pictures, Scored


def _free(*scores: float) -> tuple[Scored, Pictures]:
    found = Detections(
        np.zeros((len(scores), 4), np.float32),
        np.array(scores, np.float32),
        np.zeros(len(scores), np.int64),
    )
    nothing = np.zeros(0, np.float32)
    image = np.zeros((32, 32, 3), np.uint8)
    return Scored({}, nothing, nothing, [found]), Pictures("harmless", (image,) * 4, ())


def test_a_class_proposes_as_low_as_is_bearable_on_harmless_pictures() -> None:
    chosen = proposal_thresholds(*_free(0.5, 0.3, 0.1, 0.08, 0.05))
    assert chosen["gas_canister"] == pytest.approx(0.06, abs=0.011)
    assert chosen["battery"] == 0.02


def test_the_card_gets_the_thresholds_and_keeps_everything_else(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    card = new_card(
        tmp_path,
        name="mine",
        thresholds=(0.4, 0.35),
        start_from="a.pt",
        recipe="b.toml",
        data=["c"],
    )
    write_card(tmp_path, card)
    before = tomllib.loads((tmp_path / "card.toml").read_text())
    for gas in (0.2, 0.05):  # the second replaces the first
        write_proposal_thresholds(tmp_path, {"gas_canister": gas, "battery": 0.5})
    after = tomllib.loads((tmp_path / "card.toml").read_text())
    assert [each.pop("proposal_threshold") for each in after["classes"]] == [0.05, 0.35]
    assert after == before
