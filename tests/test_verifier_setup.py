"""What a site's profile may say about a model's verifier."""

from __future__ import annotations

from typing import Any

import pytest

from detector.line_setup import Line
from detector.vision.catalogue import ModelError
from tests.fakes import FakeEngine, bright_objects, folder_of, make_card
from tests.test_pipeline import profile
from tests.test_pipeline_verifier import pipeline


@pytest.mark.parametrize(
    ("hazards", "message"),
    [
        (
            {"gas": {"kinds": {"deodorant": "ignore"}}},
            "hazards.gas.kinds: test-n1 has no kind deodorant of gas; it has gas_bottle, aerosol",
        ),
        (
            {"battery": {"kinds": {"tin": "ignore"}}},
            "hazards.battery.kinds: test-n1 has no kind tin of battery; it has cell",
        ),
    ],
)
def test_an_unknown_kind_is_refused_with_the_known_ones(
    hazards: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError) as refused:
        pipeline(lines={"hazards": hazards})
    assert str(refused.value) == message


@pytest.mark.parametrize("hazard", [{"kinds": {"aerosol": "ignore"}}, {"threshold": 0.4}])
def test_a_model_without_a_verifier_knows_no_kinds(hazard: dict[str, Any]) -> None:
    card = make_card()
    settings = profile(hazards={"gas": hazard})
    with pytest.raises(ModelError, match=r"hazards\.gas\.(kinds|threshold): test-n1 has no verif"):
        Line(settings, folder_of(card), FakeEngine(bright_objects, card), "boot")
