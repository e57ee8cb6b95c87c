from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from detector.adaptation.head_deployment import check_writable, deploy_head, undo
from detector.vision.catalogue import ModelError, ModelFolder, find_model
from detector.vision.verifier import VerifierHead, load_head
from tests.adaptation.small_model import opened, write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", crops=12)


def found(folder: Path) -> ModelFolder:
    return find_model(f"{folder}/")


def changed(folder: Path, by: float = 1) -> VerifierHead:
    head = opened(folder).head
    return VerifierHead(head.weights, head.bias + np.float32(by))


def head_of(folder: Path) -> VerifierHead:
    verifier = found(folder).card.verifier
    assert verifier is not None
    return load_head(folder / verifier.head)


def test_the_new_head_is_the_models_and_the_previous_one_is_kept(folder: Path) -> None:
    before, new = head_of(folder), changed(folder)
    old_bytes = (folder / "verifier_head.npz").read_bytes()
    path = deploy_head(found(folder), new, "3 answers: 3 tin")
    assert path == folder / "verifier_head.1.npz"
    np.testing.assert_array_equal(head_of(folder).bias, new.bias)
    assert (folder / "verifier_head.npz").read_bytes() == old_bytes
    verifier = found(folder).card.verifier
    assert verifier is not None
    (change,) = verifier.adapted
    assert (change.previous, change.reason) == ("verifier_head.npz", "3 answers: 3 tin")
    np.testing.assert_array_equal(opened(folder).shipped.bias, before.bias)


def test_each_undo_puts_the_head_before_it_back(folder: Path) -> None:
    card = found(folder).card
    biases = [head_of(folder).bias]
    for number in range(3):
        deploy_head(found(folder), changed(folder), f"{number}")
        biases.append(head_of(folder).bias)
    for number in (2, 1, 0):
        assert undo(found(folder)).reason == f"{number}"
        np.testing.assert_array_equal(head_of(folder).bias, biases[number])
    assert found(folder).card == card
    with pytest.raises(ModelError, match="has not been adapted; there is nothing to undo"):
        undo(found(folder))


def test_a_head_that_was_taken_back_is_not_overwritten(folder: Path) -> None:
    first = deploy_head(found(folder), changed(folder, 1), "first")
    kept = first.read_bytes()
    undo(found(folder))
    assert deploy_head(found(folder), changed(folder, 2), "second").name == "verifier_head.2.npz"
    assert first.read_bytes() == kept


def test_the_model_stays_valid_if_the_computer_fails_between_head_and_card(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = head_of(folder)

    def fails(*_: object) -> Path:
        raise OSError(28, "No space left on device", "card.part")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            deploy_head(found(folder), changed(folder), "3 answers")
    np.testing.assert_array_equal(head_of(folder).bias, before.bias)
    assert deploy_head(found(folder), changed(folder), "again").name == "verifier_head.2.npz"


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_previous_head_that_is_not_the_same_is_not_put_back(folder: Path, damage: str) -> None:
    deploy_head(found(folder), changed(folder), "3 answers")
    previous = folder / "verifier_head.npz"
    card = (folder / "card.toml").read_bytes()
    if damage == "missing":
        previous.unlink()
    else:
        previous.write_bytes(previous.read_bytes()[:-1])
    with pytest.raises(ModelError, match="missing or was changed"):
        undo(found(folder))
    assert (folder / "card.toml").read_bytes() == card


def test_a_read_only_folder_is_refused_with_a_way_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(folder)

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, who may write anywhere.
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    with pytest.raises(ModelError, match=r"\(permission denied\)\. Give -o FOLDER"):
        check_writable(folder)
