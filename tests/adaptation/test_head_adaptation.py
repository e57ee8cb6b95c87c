"""A verifier's head adapted to answers: what it learns, and what it may not unlearn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.exact_intervals import clopper_pearson
from detector.adaptation import head_adaptation
from detector.adaptation.adaptable_model import AdaptableModel
from detector.adaptation.comparison import HeadComparison
from detector.adaptation.head_adaptation import adapt_head
from detector.adaptation.labels import LabelError
from detector.adaptation.verdicts import NONE
from detector.vision.verifier import VerifierHead
from tests.adaptation.small_model import (
    KINDS,
    LOOKALIKE,
    PATTERNS,
    Image,
    crop_of,
    features,
    lookalikes,
    opened,
    write_answers,
    write_model,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AdaptableModel:
    return opened(write_model(tmp_path_factory.mktemp("adaptation") / "model"))


def raised(model: AdaptableModel, head: VerifierHead, crops: list[Image]) -> list[str]:
    """The hazard that each crop is raised as, `none` for no alarm."""
    found = model.rule.raised(model.rule.margins(head, features(crops)))
    return ["none" if each == NONE else model.rule.hazards[each] for each in found]


def lost_gas(model: AdaptableModel, head: VerifierHead) -> int:
    """Held-back gas crops that the shipped head raises as gas and `head` does not."""
    gas = model.rule.hazards.index("gas")
    bank = model.bank
    mine = bank.held & np.isin(bank.kind, model.verifier.kinds_of("gas"))
    before, after = (
        model.rule.raised(model.rule.margins(each, bank.features[mine])) == gas
        for each in (model.shipped, head)
    )
    return int((before & ~after).sum())


def recall(model: AdaptableModel, head: VerifierHead, kind: int) -> tuple[int, int]:
    mine = model.bank.held & (model.bank.kind == kind)
    found = model.rule.raised(model.rule.margins(head, model.bank.features[mine]))
    return int((found == model.rule.hazard_of_kind[kind]).sum()), int(mine.sum())


@pytest.mark.parametrize("name", ["tin", "false_alarm"])
def test_a_false_alarm_answered_three_times_is_not_raised_a_fourth_time(
    model: AdaptableModel, tmp_path: Path, name: str
) -> None:
    *three, fourth = lookalikes(4)
    assert raised(model, model.head, [*three, fourth]) == ["gas"] * 4
    adapted = adapt_head(model, write_answers(tmp_path / "a", [(name, each) for each in three]))
    assert adapted.head is not None
    assert raised(model, adapted.head, [fourth, *lookalikes(20, seed=5)]) == ["none"] * 21
    assert lost_gas(model, adapted.head) == 0


def test_a_missed_hazard_of_unknown_kind_is_raised_after_its_answers(
    model: AdaptableModel, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    what = 0.45 * PATTERNS[2] + 0.55 * PATTERNS[4]  # a battery that looks like a carton
    crops = [crop_of(what, rng) for _ in range(8)]
    assert raised(model, model.head, crops).count("battery") == 0
    folder = write_answers(tmp_path / "a", [("battery", each) for each in crops[:4]])
    adapted = adapt_head(model, folder)
    assert adapted.head is not None
    assert raised(model, adapted.head, crops[4:]) == ["battery"] * 4


def test_gas_answered_as_harmless_is_not_unlearned(model: AdaptableModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    wrong = [("tin", crop_of(PATTERNS[0], rng)) for _ in range(40)]
    adapted = adapt_head(model, write_answers(tmp_path / "a", wrong))
    assert adapted.head is None
    assert any(line.startswith("gas floor: ") for line in adapted.against)
    assert adapted.against[-1].endswith("at 0.35 of the step")
    assert {row.name for row in adapted.rows} >= {"gas_bottle", "all gas", "tin"}


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, "gas", "battery", "harmless"]),
        st.integers(0, len(KINDS)),
    ),
    min_size=2,
    max_size=25,
)


def shown(number: int, seed: int) -> Image:
    what: NDArray[np.float64] = [*PATTERNS, LOOKALIKE][number]
    return crop_of(what, np.random.default_rng(seed))


@given(ANSWERS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_with_any_answers_no_hazard_is_unlearned(
    model: AdaptableModel, answers: list[tuple[str, int]]
) -> None:
    with TemporaryDirectory() as folder:
        images = [(name, shown(what, n)) for n, (name, what) in enumerate(answers)]
        adapted = adapt_head(model, write_answers(Path(folder) / "a", images))
    if adapted.head is None:
        assert adapted.against
        return
    assert lost_gas(model, adapted.head) == 0
    for kind, hazard in enumerate(model.rule.hazard_of_kind):
        if hazard != NONE:
            before, after = recall(model, model.shipped, kind), recall(model, adapted.head, kind)
            assert after[0] / after[1] >= clopper_pearson(*before)[0]


def test_recall_is_compared_with_the_shipped_head_and_not_with_an_adapted_one(
    model: AdaptableModel,
) -> None:
    worse = VerifierHead(model.head.weights, model.head.bias.copy())
    worse.bias[KINDS.index("cell")] -= 25
    once = dataclasses.replace(model, head=worse)
    lines = HeadComparison(once).against(worse)
    assert any(line.startswith("bank, held back, all battery: recall") for line in lines)


def test_a_shorter_step_is_taken_if_the_whole_one_is_worse(
    model: AdaptableModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[VerifierHead] = []

    def whole_steps(_: HeadComparison, head: VerifierHead) -> list[str]:
        tried.append(head)
        return ["recall 0.9 -> 0.1"] if len(tried) in (1, 2, 4) else []

    monkeypatch.setattr(HeadComparison, "against", whole_steps)
    folder = write_answers(tmp_path / "a", [("tin", each) for each in lookalikes(6)])
    adapted = adapt_head(model, folder)
    steps = [float(np.abs(head.weights - model.head.weights).max()) for head in tried[:3]]
    np.testing.assert_allclose(np.array(steps) / steps[0], [1, 0.6, 0.35], rtol=1e-3)
    assert adapted.head is tried[4]
    assert adapted.summary[-1] == "step: 0.6 of the way to a head of all answers"


def test_a_head_of_all_answers_that_is_worse_leaves_the_one_that_passed(
    model: AdaptableModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[VerifierHead] = []

    def all_but_the_first(_: HeadComparison, head: VerifierHead) -> list[str]:
        tried.append(head)
        return [] if len(tried) == 1 else ["worse"]

    monkeypatch.setattr(HeadComparison, "against", all_but_the_first)
    folder = write_answers(tmp_path / "a", [("tin", each) for each in lookalikes(6)])
    adapted = adapt_head(model, folder)
    assert adapted.head is tried[0]
    assert adapted.summary[-1] == "step: 1 of the way to a head of the others"


def test_answers_that_bring_nothing_are_not_deployed(
    model: AdaptableModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_adaptation, "_fitted", lambda mine, *_: mine.head)
    folder = write_answers(tmp_path / "a", [("tin", each) for each in lookalikes(6)])
    adapted = adapt_head(model, folder)
    assert adapted.head is None
    assert [line.split("no better, ")[-1] for line in adapted.against] == [
        "at 1 of the step", "at 0.6 of the step", "at 0.35 of the step"
    ]  # fmt: skip


def test_a_copy_of_a_held_back_image_is_not_learned_before_the_comparison(
    model: AdaptableModel, tmp_path: Path
) -> None:
    same = lookalikes(1)[0]
    folder = write_answers(tmp_path / "a", [("tin", same)] * 12)
    with pytest.raises(LabelError, match="all 12 answers show the held-back images"):
        adapt_head(model, folder)


def test_one_answer_is_too_few(model: AdaptableModel, tmp_path: Path) -> None:
    folder = write_answers(tmp_path / "a", [("tin", lookalikes(1)[0])])
    with pytest.raises(LabelError, match="1 images are too few to hold some back: label at least"):
        adapt_head(model, folder)
