"""The verdict: passes of the verifier and the detector's score, fused per hazard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.hazards.tracking.verdict import KindScores, VerifierRules, verifier_rules
from detector.vocabulary import Hazard, KindAction
from tests.verifiers import KINDS, verifier_card


def rules(
    actions: dict[str, KindAction] | None = None, thresholds: dict[str, float] | None = None
) -> VerifierRules:
    return verifier_rules(verifier_card(), actions or {}, thresholds or {})


def scores(*passes: tuple[float, ...], by: VerifierRules | None = None) -> KindScores:
    found = KindScores(by or rules())
    for row in passes:
        found.add(probabilities(*row))
    return found


def probabilities(*row: float) -> NDArray[np.float32]:
    """Bottle, aerosol, cell, tin."""
    return np.array(row, dtype=np.float32)


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_the_probability_fuses_the_mean_of_the_passes_with_the_best_score() -> None:
    verdict = scores((0.5, 0.2, 0.1, 0.2), (0.8, 0.1, 0.05, 0.05)).verdict(0.6)
    passes = (log_odds(0.7) + log_odds(0.9)) / 2
    assert log_odds(verdict.probability) == pytest.approx(passes + 0.3 * log_odds(0.6), abs=1e-4)
    assert (verdict.hazard, verdict.action, verdict.kind) == (Hazard.GAS, "call", "gas_bottle")


def test_the_hazard_with_the_larger_probability_decides_whatever_the_detector_proposed() -> None:
    assert scores((0.1, 0.1, 0.7, 0.1)).verdict(0.5).hazard is Hazard.BATTERY
    assert scores((0.1, 0.5, 0.3, 0.1)).verdict(0.5).hazard is Hazard.GAS


def test_an_object_below_the_threshold_is_ignored() -> None:
    harmless = scores((0.02, 0.02, 0.02, 0.94)).verdict(0.6)
    assert harmless.action == "ignore"
    assert harmless.probability < 0.1


def test_one_pass_of_many_does_not_decide() -> None:
    assert scores((0.98, 0, 0, 0.02), *[(0.02, 0, 0, 0.98)] * 3).verdict(0.5).action == "ignore"
    assert scores((0.02, 0, 0, 0.98), *[(0.98, 0, 0, 0.02)] * 3).verdict(0.5).action == "call"


@pytest.mark.parametrize(
    ("row", "settled"),
    [
        ((0.02, 0.01, 0.01, 0.96), [True, True, True]),  # harmless at a glance
        ((0.15, 0.05, 0.05, 0.75), [False, False, True]),
        ((0.45, 0.01, 0.04, 0.50), [False, False, False]),
        ((0.60, 0.01, 0.01, 0.38), [False, False, True]),
        ((0.97, 0.01, 0.01, 0.01), [False, True, True]),  # never by one crop
    ],
)
def test_a_verdict_is_settled_the_sooner_the_further_it_is_from_its_threshold(
    row: tuple[float, ...], settled: list[bool]
) -> None:
    assert [scores(*[row] * count).is_settled(0.5) for count in (1, 2, 3)] == settled


def test_no_verdict_is_settled_without_a_crop() -> None:
    assert not scores().is_settled(0.9)


def test_a_better_score_of_the_detector_can_reopen_a_verdict() -> None:
    found = scores((0.06, 0.0, 0.0, 0.94))
    assert found.is_settled(0.1)
    assert not found.is_settled(0.9)


def test_a_site_may_set_the_threshold_of_a_hazard() -> None:
    doubtful = (0.6, 0.0, 0.0, 0.4)
    assert scores(doubtful).verdict(0.5).action == "call"
    assert scores(doubtful, by=rules(thresholds={"gas": 0.7})).verdict(0.5).action == "ignore"
    assert scores(doubtful, by=rules(thresholds={"battery": 0.7})).verdict(0.5).action == "call"


@pytest.mark.parametrize("action", ["call", "count", "ignore"])
def test_a_site_decides_by_kind(action: KindAction) -> None:
    by = rules({"aerosol": action})
    verdict = scores((0.02, 0.96, 0.01, 0.01), by=by).verdict(0.6)
    assert verdict.action == action
    assert verdict.kind == "aerosol"
    assert scores((0.96, 0.02, 0.01, 0.01), by=by).verdict(0.6).action == "call"


def test_an_object_that_may_be_of_a_kind_that_calls_is_not_ignored_for_another_kind() -> None:
    by = rules({"aerosol": "ignore"}, {"gas": 0.4})
    verdict = scores((0.45, 0.54, 0.0, 0.01), by=by).verdict(0.6)
    assert (verdict.action, verdict.kind) == ("call", "gas_bottle")
    verdict = scores((0.2, 0.79, 0.0, 0.01), by=by).verdict(0.6)
    assert (verdict.action, verdict.kind) == ("ignore", "aerosol")


def test_a_hazard_that_calls_goes_before_one_that_the_site_ignores() -> None:
    by = rules({"cell": "ignore"}, {"gas": 0.2})
    verdict = scores((0.3, 0.0, 0.65, 0.05), by=by).verdict(0.5)
    assert (verdict.hazard, verdict.action) == (Hazard.GAS, "call")


def test_the_kinds_are_listed_with_their_mean_probability() -> None:
    found = scores((0.9, 0.04, 0.0, 0.06), (0.7, 0.04, 0.2, 0.06))
    top = found.top("gas_bottle", 3)
    assert [(name, hazard) for name, hazard, _ in top] == [
        ("gas_bottle", "gas"),
        ("cell", "battery"),
        ("tin", "none"),
    ]
    assert [share for _, _, share in top] == pytest.approx([0.8, 0.1, 0.06])
    assert found.top("tin", 2)[0][0] == "tin"


def test_kinds_that_are_only_counted_are_known_by_name() -> None:
    assert rules({"aerosol": "count", "cell": "ignore"}).counted == {"aerosol"}


@given(
    st.lists(
        st.tuples(*[st.floats(0, 1)] * len(KINDS)).filter(lambda row: sum(row) > 0),
        min_size=1,
        max_size=5,
    ),
    st.floats(0, 1),
    st.dictionaries(
        st.sampled_from(KINDS[:3]), st.sampled_from(["call", "count", "ignore"]), max_size=3
    ),
)
def test_any_scores_give_a_probability_and_a_kind_of_the_hazard(
    rows: list[tuple[float, ...]], score: float, actions: dict[str, KindAction]
) -> None:
    by = rules(actions)
    shares = [tuple(each / sum(row) for each in row) for row in rows]
    verdict = scores(*shares, by=by).verdict(score)
    assert 0 <= verdict.probability <= 1
    hazards = dict(zip(by.kind_names, by.kind_hazards, strict=True))
    assert hazards[verdict.kind] == verdict.hazard
    assert verdict.action in {"ignore", actions.get(verdict.kind, "call")}
