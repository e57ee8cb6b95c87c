from pathlib import Path

import cv2
import numpy as np
import pytest

from models.verifier.answered import answer_folders, answered_crops
from models.verifier.kinds import Kinds
from models.workshop import WorkshopError


def _export(folder: Path, lines: str) -> Path:
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    (folder / "data.yaml").write_text("names:\n  0: false_alarm\n  1: gas_canister\n  2: vape\n")
    cv2.imwrite(str(folder / "images/a.png"), np.full((200, 200, 3), 90, np.uint8))
    (folder / "labels/a.txt").write_text(lines)
    return folder


def test_each_answer_becomes_a_crop_for_training(tmp_path: Path, kinds: Kinds) -> None:
    folder = _export(
        tmp_path / "answers_1", "0 0.5 0.5 0.2 0.1\n1 0.4 0.5 0.2 0.1\n2 0.5 0.6 0.1 0.1\n"
    )
    crops = list(answered_crops(folder, kinds, 1.6))
    assert [(crop.name, crop.side, crop.source) for crop in crops] == [
        ("none", "train", "answers_1"),
        ("gas", "train", "answers_1"),
        ("vape", "train", "answers_1"),
    ]
    assert crops[0].px == pytest.approx(40)


def test_folders_of_answers_are_found_beside_the_banks(tmp_path: Path) -> None:
    for name in ("answers_2", "answers_1", "bank"):
        (tmp_path / name).mkdir()
    assert [path.name for path in answer_folders(tmp_path)] == ["answers_1", "answers_2"]
    assert not answer_folders(None)


def test_a_broken_answer_is_named(tmp_path: Path, kinds: Kinds) -> None:
    with pytest.raises(WorkshopError, match=r"a\.txt"):
        list(answered_crops(_export(tmp_path / "answers_1", "0 0.5\n"), kinds, 1.6))
