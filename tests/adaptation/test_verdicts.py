from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.adaptation.verdicts import NONE, VerdictRule, verdict_rule
from detector.vision.verifier import VerifierHead
from tests.fakes import make_card
from tests.verifiers import HEAD, KINDS, verifier_card

COLOURS = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1], [0.35, 0.35, 0.35]], np.float32)
"""White, blue, red, grey: gas bottle, aerosol, cell, tin."""


def rule(**fusion: float) -> VerdictRule:
    both = {"verifier": 1.0, "detector": 0.3, "offset": 0.0, **fusion}
    card = verifier_card(fusion={"gas": both, "battery": both})
    return verdict_rule(make_card(), card)


def test_each_crop_is_raised_as_the_hazard_of_its_kind_and_harmless_ones_are_not() -> None:
    mine = rule()
    raised = mine.raised(mine.margins(HEAD, COLOURS))
    assert [mine.hazards[each] if each != NONE else "none" for each in raised] == [
        "gas", "gas", "battery", "none"
    ]  # fmt: skip
    assert [mine.hazards[h] if h != NONE else "none" for h in mine.hazard_of_kind] == [
        "gas", "gas", "battery", "none"
    ]  # fmt: skip


def test_the_probability_is_fused_as_on_a_line_with_the_detector_at_its_threshold() -> None:
    crop = np.array([[0.5, 0.5, 0.5]], np.float32)
    mine = rule(verifier=0.8, offset=-0.5, threshold=0.7)
    share = float(HEAD.probabilities(crop)[0, [KINDS.index("gas_bottle"), 1]].sum())
    v, d = math.log(share / (1 - share)), math.log(0.4 / 0.6)
    margin = float(mine.margins(HEAD, crop)[0, mine.hazards.index("gas")])
    assert margin == pytest.approx(0.8 * v + 0.3 * d - 0.5 - math.log(0.7 / 0.3), abs=1e-5)


def test_of_two_hazards_the_more_probable_one_is_raised() -> None:
    both = {"verifier": 1.0, "detector": 0.0, "offset": 0.0}
    card = verifier_card(
        fusion={"gas": {**both, "threshold": 0.1}, "battery": {**both, "threshold": 0.6}}
    )
    mine = verdict_rule(make_card(), card)
    head = VerifierHead(np.zeros((4, 3), np.float32), np.log(np.array([0.1, 0.1, 0.7, 0.1])))
    margins = mine.margins(head, COLOURS[:1])
    assert (margins > 0).all()  # gas 0.2 above 0.1, battery 0.7 above 0.6
    assert [mine.hazards[each] for each in mine.raised(margins)] == ["battery"]


@given(st.floats(0.01, 2), st.floats(0.3, 2))
def test_a_lifted_head_has_just_so_much_more_of_a_hazard(lift: float, slope: float) -> None:
    mine = rule(verifier=slope)
    doubtful = np.array([[0.45, 0.45, 0.45], [0.4, 0.42, 0.3]], np.float32)
    gas = mine.hazards.index("gas")
    lifted = mine.margins(mine.lifted(HEAD, "gas", lift), doubtful)[:, gas]
    assert lifted - mine.margins(HEAD, doubtful)[:, gas] == pytest.approx(lift, abs=0.01)
