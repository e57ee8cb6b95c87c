from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.adaptation.adaptable_model import open_adaptable
from detector.vision.catalogue import ModelError, find_model, read_card, sha256, write_card
from tests.adaptation.small_model import KINDS, LENGTH, opened, write_bank, write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", crops=12)


def test_a_model_that_was_never_adapted_is_as_shipped(folder: Path) -> None:
    mine = opened(folder)
    assert mine.shipped is mine.head
    assert mine.head.weights.shape == (len(KINDS), LENGTH)


def test_a_bank_of_another_network_is_refused(folder: Path) -> None:
    bank = opened(folder).bank
    write_bank(folder, bank.features, bank.kind, bank.held, "ab" * 32)
    with pytest.raises(ModelError, match="was made by another network"):
        opened(folder)


def test_a_head_of_another_network_is_refused(folder: Path) -> None:
    shape = (len(KINDS), LENGTH + 1)
    np.savez(
        folder / "verifier_head.npz",
        weights=np.zeros(shape, np.float32),
        bias=np.zeros(len(KINDS), np.float32),
    )
    bank = opened_bank(folder)
    write_bank(folder, *bank, sha256(folder / "verifier.onnx"))
    model = find_with_new_hashes(folder)
    with pytest.raises(ModelError, match=r"gives \[4, 48\], verifier_head\.npz takes 49"):
        open_adaptable(find_model(f"{model}/"))


def opened_bank(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bank with one more feature for each crop; kind; held."""
    with np.load(folder / "verifier_bank.npz") as arrays:
        rows = np.pad(arrays["features"], ((0, 0), (0, 1)))
        return rows, arrays["kind"], arrays["held"]


def find_with_new_hashes(folder: Path) -> Path:
    card = read_card(folder / "card.toml")
    files = {name: sha256(folder / name) for name in card.files}
    write_card(folder, card.model_copy(update={"files": files}))
    return folder
