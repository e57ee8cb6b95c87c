from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.adaptation.answers import Answer, AnswerNames, features_of, read_answer_folder
from detector.adaptation.labels import Label, LabelError
from detector.vision.catalogue import find_model
from tests.adaptation.small_model import (
    KINDS,
    PATTERNS,
    crop_of,
    features,
    opened,
    write_answers,
    write_model,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("answers") / "model")


@pytest.fixture
def names(model: Path) -> AnswerNames:
    card = find_model(f"{model}/").card
    assert card.verifier is not None
    return AnswerNames(card, card.verifier)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("tin", {"tin"}),
        ("aerosol", {"aerosol"}),
        ("gas_canister", {"gas_bottle", "aerosol"}),
        ("gas", {"gas_bottle", "aerosol"}),
        ("battery", {"cell"}),
        ("harmless", {"tin", "carton"}),
        ("false_alarm", {"tin", "carton"}),
    ],
)
def test_a_name_allows_one_kind_or_all_of_a_hazard(
    names: AnswerNames, name: str, kinds: set[str]
) -> None:
    assert names.knows(name)
    (row,) = names.accepted([name])
    assert {kind for kind, accepted in zip(KINDS, row, strict=True) if accepted} == kinds


def test_nothing_is_left_out_without_being_counted(names: AnswerNames, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    listed = ["tin", "ignore", "tin", "false_alarm"]
    folder = write_answers(tmp_path / "a", [(name, crop_of(PATTERNS[3], rng)) for name in listed])
    (folder / "labels" / "002.txt").write_text("")
    found = read_answer_folder(folder, names)
    assert found.counts == {"tin": 1, "false_alarm": 1}
    assert (found.ignored, found.empty) == (1, 1)


def test_a_kind_that_the_head_lacks_is_refused_with_its_place(
    names: AnswerNames, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    folder = write_answers(tmp_path / "a", [("toaster", crop_of(PATTERNS[3], rng))])
    with pytest.raises(LabelError, match=r"000\.txt:1: unknown class 'toaster', known: gas_bottle"):
        read_answer_folder(folder, names)


def test_a_folder_that_only_ignores_is_refused(names: AnswerNames, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = write_answers(tmp_path / "a", [("ignore", crop_of(PATTERNS[3], rng))])
    with pytest.raises(LabelError, match="contains no answer"):
        read_answer_folder(folder, names)


def test_each_answer_gets_the_features_of_its_own_crop(
    model: Path, names: AnswerNames, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    crops = [crop_of(PATTERNS[number % 5], rng) for number in range(7)]  # more than one batch
    folder = write_answers(tmp_path / "a", [("tin", crop) for crop in crops])
    mine = opened(model)
    found = read_answer_folder(folder, names)
    rows = features_of(found.answers, mine.verifier, mine.network)
    np.testing.assert_allclose(rows, features(crops), atol=1e-5)


def test_boxes_without_area_are_passed_over_and_counted(names: AnswerNames, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = write_answers(tmp_path / "a", [("tin", crop_of(PATTERNS[3], rng))] * 3)
    for number in range(2):
        (folder / "labels" / f"00{number}.txt").write_text("0 -0.0005 0.5 0.001 0.2")
    found = read_answer_folder(folder, names)
    assert (found.counts, found.empty) == ({"tin": 1}, 2)
    (line,) = found.noted
    assert line.startswith("2 boxes without an area in the image passed over (first: ")
    assert line.endswith("000.txt:1)")


def test_boxes_that_no_crop_can_be_cut_of_are_refused_with_their_places(
    model: Path, names: AnswerNames, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    folder = write_answers(tmp_path / "a", [("tin", crop_of(PATTERNS[3], rng))] * 2)
    mine = opened(model)
    found = read_answer_folder(folder, names)
    flat = [
        Answer(each.path, Label("tin", (0.0, 0.4, 0.0, 0.6), each.label.where))
        for each in found.answers
    ]
    with pytest.raises(LabelError, match="no area") as refused:
        features_of(flat, mine.verifier, mine.network)
    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0].rsplit("/")[-1] for line in lines] == ["000.txt:1", "001.txt:1"]
