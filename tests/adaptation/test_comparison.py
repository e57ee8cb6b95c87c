from __future__ import annotations

import numpy as np
import pytest

from detector.adaptation.adaptable_model import AdaptableModel
from detector.adaptation.comparison import AnswerCrops, ComparisonRow, HeadComparison, table
from detector.vision.verifier import VerifierHead
from tests.adaptation.small_model import (
    KINDS,
    PATTERNS,
    crop_of,
    features,
    lookalikes,
    opened,
    write_model,
)

GAS_KINDS = [0, 1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AdaptableModel:
    return opened(write_model(tmp_path_factory.mktemp("comparison") / "model"))


def less_gas(model: AdaptableModel, by: float) -> VerifierHead:
    head = VerifierHead(model.head.weights, model.head.bias.copy())
    head.bias[GAS_KINDS] -= np.float32(by)
    return head


def answers(name: str, crops: list[np.ndarray]) -> AnswerCrops:
    accepted = np.tile(np.array([kind == name for kind in KINDS]), (len(crops), 1))
    return AnswerCrops((name,) * len(crops), features(crops), accepted)


def test_half_of_the_sources_gas_is_the_floor_and_the_other_half_the_test(
    model: AdaptableModel,
) -> None:
    comparison = HeadComparison(model)
    bank = model.bank
    gas = bank.held & np.isin(bank.kind, GAS_KINDS)
    floor = {row.tobytes() for row in comparison.gas_floor}
    sources = {
        int(group): {row.tobytes() for row in bank.features[gas & (bank.group == group)]}
        for group in np.unique(bank.group[gas])
    }
    inside = [number for number, rows in sources.items() if rows <= floor]
    outside = [number for number, rows in sources.items() if not rows & floor]
    assert (len(inside), len(outside)) == (2, 2)
    (row,) = (each for each in comparison.bank_rows(model.head) if each.name == "all gas")
    assert row.crops == sum(len(sources[number]) for number in outside)


def test_the_deployed_head_has_nothing_against_it(model: AdaptableModel) -> None:
    assert HeadComparison(model).against(model.head) == []


def test_lost_gas_is_stated_for_the_floor_and_for_the_other_sources(model: AdaptableModel) -> None:
    lines = HeadComparison(model).against(less_gas(model, 60))
    assert lines[0].startswith("gas floor: 20 of 20 gas crops that are raised today would no")
    assert lines[1] == (
        "gas floor: of 20 gas crops of other sources 0 would be raised, the shipped head raises 20"
    )
    assert any(line.startswith("bank, held back, all gas: recall 1.000 -> 0.000") for line in lines)


def test_a_little_lost_gas_is_given_back(model: AdaptableModel) -> None:
    comparison = HeadComparison(model)
    lowest = float(model.rule.margins(model.head, comparison.gas_floor)[:, 0].min())
    little = less_gas(model, lowest + 0.3)

    def lost(head: VerifierHead) -> list[str]:
        return [line for line in comparison.against(head) if "would no longer be" in line]

    assert len(lost(little)) == 1
    assert lost(comparison.with_gas_floor(little)) == []
    much = less_gas(model, lowest + 0.7)
    assert comparison.with_gas_floor(much) is much


def test_a_rise_of_false_alarms_above_the_interval_is_against_the_new_head() -> None:
    row = ComparisonRow("bank", "tin", "none", 100, 2, 9, (0.0024, 0.0704))
    assert row.against == "bank, tin: false alarms 0.020 -> 0.090, above 0.070 (100 crops)"
    within = ComparisonRow("bank", "tin", "none", 100, 2, 7, (0.0024, 0.0704))
    assert within.against is None


def test_answers_without_fewer_wrong_verdicts_are_no_better(model: AdaptableModel) -> None:
    comparison = HeadComparison(model)
    (line,) = comparison.not_better(answers("tin", lookalikes(5)), model.head)
    assert line == "held-back answers: 5 -> 5 wrong verdicts of 5, no better"
    rng = np.random.default_rng(0)
    tins = answers("tin", [crop_of(PATTERNS[3], rng) for _ in range(5)])
    (line,) = comparison.not_better(tins, model.head)
    assert line == "held-back answers: all 5 are right already, and do not become surer"


def test_the_table_has_a_row_for_each_name(model: AdaptableModel) -> None:
    comparison = HeadComparison(model)
    rows = comparison.answer_rows("answers", answers("tin", lookalikes(3)), model.head)
    assert table([*rows, *comparison.bank_rows(model.head)]).splitlines()[2] == (
        "| answers | tin | 3 | false alarms | 3 | 3 |  |"
    )
    names = [row.name for row in comparison.bank_rows(model.head)]
    assert names == [
        "all gas", "gas_bottle", "aerosol", "all battery", "cell", "all harmless", "tin", "carton"
    ]  # fmt: skip
