from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.adaptation.feature_bank import load_bank
from detector.vision.catalogue import ModelError

NETWORK = "ab" * 32


def write(folder: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {
        "features": np.arange(18, dtype=np.float16).reshape(6, 3),
        "kind": np.array([0, 0, 1, 1, 2, 2], np.uint8),
        "group": np.zeros(6, np.int16),
        "held": np.array([True, False] * 3),
        "verifier_sha256": np.array(NETWORK),
        **changes,
    }
    path = folder / "verifier_bank.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_the_part_that_is_held_back_is_not_replayed(tmp_path: Path) -> None:
    bank = load_bank(write(tmp_path), NETWORK, 3, 3)
    assert bank.features.dtype == np.float32
    np.testing.assert_array_equal(bank.replayed, bank.features[[1, 3, 5]])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verifier_sha256": np.array("cd" * 32)}, "was made by another network"),
        ({"verifier_sha256": None}, "can't be read as a feature bank"),
        ({"features": np.zeros((6, 4), np.float16)}, r"features \[6, 4\].* are not \[n, 3\]"),
        ({"kind": np.zeros(5, np.uint8)}, r"kind \[5\]"),
        ({"kind": np.full(6, 9, np.uint8)}, "crops of kind 9, the head has 3"),
        ({"kind": np.full(6, -2, np.int8)}, "crops of kind -2"),
        ({"kind": np.zeros(6, np.float32)}, "kind is float32"),
        ({"held": np.zeros(6, np.int8)}, "held is int8"),
        ({"held": np.zeros(6, np.bool_)}, "no crops held back"),
        ({"held": np.ones(6, np.bool_)}, "none for replay"),
        ({"features": np.full((6, 3), np.nan, np.float16)}, "not finite"),
    ],
)
def test_a_bank_of_another_model_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason) as refused:
        load_bank(write(tmp_path, **changes), NETWORK, 3, 3)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_bank_that_is_cut_off_is_refused_in_one_line(tmp_path: Path, share: float) -> None:
    path = write(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match="can't be read as a feature bank") as refused:
        load_bank(path, NETWORK, 3, 3)
    assert "\n" not in str(refused.value)


def test_a_missing_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing"):
        load_bank(tmp_path / "verifier_bank.npz", NETWORK, 3, 3)
