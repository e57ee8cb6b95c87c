"""The verifier: kinds of crops, in batches of fixed sizes; networks that do not fit their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.vision.catalogue import ModelError
from detector.vision.engine import EngineError
from detector.vision.verifier import Verifier, VerifierHead, load_head
from tests.verifiers import HEAD, KINDS, MeanColour, verifier, verifier_card, write_verifier

WHITE, BLUE, RED, GREY = (255, 255, 255), (255, 0, 0), (0, 0, 255), (90, 90, 90)


def most_probable(checked: Verifier, *colours: tuple[int, int, int]) -> list[str]:
    for row, colour in enumerate(colours):
        checked.crops[row] = colour
    return [KINDS[row.argmax()] for row in checked.probabilities(len(colours))]


def test_each_crop_gets_the_probability_of_each_kind() -> None:
    checked = verifier()
    assert most_probable(checked, WHITE, BLUE, RED, GREY) == list(KINDS)
    rows = checked.probabilities(4)
    assert rows.shape == (4, 4)
    assert rows.sum(axis=1) == pytest.approx(1)


def test_each_batch_size_runs_once_at_the_start_the_largest_first() -> None:
    engine = MeanColour()
    card = verifier_card(batches=[1, 3, 8], max_crops_per_pass=4)
    Verifier("test-n1", card, HEAD, engine)
    assert engine.batches == [8, 3, 1]


@pytest.mark.parametrize(
    ("crops", "batches"),
    [(1, [2]), (2, [2]), (3, [4]), (4, [4]), (5, [4, 2]), (6, [4, 2]), (7, [4, 4]), (9, [4, 4, 2])],
)
def test_only_the_cards_batch_sizes_are_run_and_the_rest_is_padding(
    crops: int, batches: list[int]
) -> None:
    engine = MeanColour()
    checked = verifier(engine, max_crops_per_pass=9)
    rows = checked.probabilities(crops)
    assert engine.batches == batches
    assert len(rows) == crops


def test_what_is_left_in_the_padding_changes_nothing() -> None:
    checked = verifier()
    checked.crops[0] = RED
    before = checked.probabilities(1)
    checked.crops[1:] = WHITE
    assert np.array_equal(checked.probabilities(1), before)


def test_each_row_belongs_to_its_crop_across_batches() -> None:
    checked = verifier(max_crops_per_pass=7)
    colours = [RED, WHITE, GREY, BLUE, WHITE, RED, BLUE]
    kinds = dict(zip((WHITE, BLUE, RED, GREY), KINDS, strict=True))
    assert most_probable(checked, *colours) == [kinds[colour] for colour in colours]


def test_a_failing_network_raises_an_engine_error() -> None:
    checked = verifier(MeanColour({0: "test-n1: inference failed: out of memory"}))
    with pytest.raises(EngineError, match="out of memory"):
        checked.probabilities(1)


class _Scripted:
    def __init__(self, *outputs: NDArray[np.float32]) -> None:
        self._outputs = list(outputs)

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:  # noqa: ARG002
        return self._outputs.pop(0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full((2, 3), np.nan, dtype=np.float32), "features are not finite"),
        (np.zeros((1, 3), dtype=np.float32), "1 features of 2 crops"),
    ],
)
def test_features_that_are_no_numbers_or_too_few_are_errors(
    given: NDArray[np.float32], message: str
) -> None:
    start = (np.zeros((size, 3), dtype=np.float32) for size in (4, 2))
    engine = _Scripted(*start, given)
    checked = Verifier("test-n1", verifier_card(), HEAD, engine)
    with pytest.raises(EngineError, match=message):
        checked.probabilities(2)


def test_a_head_of_other_kinds_than_the_cards_is_refused() -> None:
    head = VerifierHead(HEAD.weights[:3], HEAD.bias[:3])
    with pytest.raises(ModelError, match=r"verifier_head\.npz has 3 kinds, the card has 4"):
        Verifier("test-n1", verifier_card(), head, MeanColour())


def test_a_head_of_another_network_is_refused() -> None:
    head = VerifierHead(np.zeros((4, 7), dtype=np.float32), HEAD.bias)
    with pytest.raises(ModelError, match=r"gives \[4, 3\], verifier_head\.npz takes 7 features"):
        Verifier("test-n1", verifier_card(), head, MeanColour())


# --- the head's file ------------------------------------------------------------------------


def test_a_head_can_be_read(tmp_path: Path) -> None:
    write_verifier(tmp_path)
    head = load_head(tmp_path / "verifier_head.npz")
    assert np.array_equal(head.weights, HEAD.weights)
    assert np.array_equal(head.bias, HEAD.bias)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": HEAD.weights}, "bias"),
        ({"weights": HEAD.weights, "bias": HEAD.bias[:2]}, r"\[4, 3\] and bias float32 \[2\]"),
        ({"weights": HEAD.weights.astype(float), "bias": HEAD.bias}, "weights float64"),
        ({"weights": HEAD.weights * np.nan, "bias": HEAD.bias}, "not finite"),
    ],
)
def test_a_head_with_other_arrays_is_refused_in_one_line(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "head.npz", **arrays)
    with pytest.raises(ModelError, match=message) as refused:
        load_head(tmp_path / "head.npz")
    assert "\n" not in str(refused.value)


def test_a_head_that_is_cut_off_or_missing_is_refused_in_one_line(tmp_path: Path) -> None:
    write_verifier(tmp_path)
    path = tmp_path / "verifier_head.npz"
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="can't be read as a verifier's head") as refused:
            load_head(path)
        assert "\n" not in str(refused.value)
    path.unlink()
    with pytest.raises(ModelError, match="can't be read as a verifier's head"):
        load_head(path)
