"""The verdicts on a photograph's objects."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.hazards.tracking.photograph_verdicts import verdicts_in_photograph
from detector.hazards.tracking.verdict import verifier_rules
from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from tests.fakes import BATTERY, GAS, detections
from tests.verifiers import MeanColour, verifier, verifier_card

RULES = verifier_rules(verifier_card(), {}, {})


def photograph() -> NDArray[np.uint8]:
    """Two white squares and a red one on grey."""
    image = np.full((200, 400, 3), 90, dtype=np.uint8)
    image[50:100, 50:100] = image[120:180, 300:360] = 255
    image[50:100, 200:250] = (0, 0, 255)
    return image


def kinds(proposals: Detections, engine: MeanColour | None = None) -> list[tuple[str, float]]:
    found = verdicts_in_photograph(verifier(engine), RULES, photograph(), proposals)
    return [(each.verdict.kind, each.box_px[0]) for each in found]


def test_each_proposal_is_decided_on_by_its_crop_and_harmless_ones_are_left_out() -> None:
    proposals = detections(
        (50, 50, 100, 100, 0.1, BATTERY), (200, 50, 250, 100, 0.3, GAS), (5, 5, 40, 40, 0.9, GAS)
    )
    assert sorted(kinds(proposals)) == [("cell", 200.0), ("gas_bottle", 50.0)]


def test_an_object_that_is_proposed_as_two_classes_is_listed_once_by_its_best_box() -> None:
    proposals = detections((50, 50, 100, 100, 0.1, BATTERY), (52, 50, 100, 100, 0.4, GAS))
    assert kinds(proposals) == [("gas_bottle", 52.0)]


def test_more_proposals_than_a_batch_are_all_decided_on() -> None:
    rows = [(50.0, 50.0, 100.0 + n, 100.0, 0.2, GAS) for n in range(5)]
    places = [(300.0, 120.0, 360.0, 180.0, 0.3, GAS), (200.0, 50.0, 250.0, 100.0, 0.3, GAS)]
    engine = MeanColour()
    found = kinds(detections(*rows, *places), engine)
    assert engine.batches == [4, 4]
    assert {kind for kind, _ in found} == {"gas_bottle", "cell"}
    assert len(found) == 3


def test_a_photograph_without_proposals_has_no_verdicts_and_runs_no_network() -> None:
    engine = MeanColour()
    assert kinds(detections(), engine) == []
    assert kinds(detections((10, 10, 10, 40, 0.9, GAS)), engine) == []
    assert engine.batches == []


def test_a_failing_network_is_an_error_not_an_empty_photograph() -> None:
    with pytest.raises(EngineError, match="out of memory"):
        kinds(detections((50, 50, 100, 100, 0.1, GAS)), MeanColour({0: "out of memory"}))
