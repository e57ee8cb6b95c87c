from __future__ import annotations

import hashlib
import shutil
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import CATALOGUE, find_model, read_card, write_card
from detector.vision.score_curve import ScoreCurve
from models.card import derived, evaluated, new_card
from tests.verifiers import add_verifier, verifier_card


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"not a model, but a file with a digest")
    return tmp_path


def test_the_runtime_reads_a_written_card(folder: Path) -> None:
    metrics = {"how": 'a "quoted" word', "set": {"gas": {"ap50": 0.5, "range": [0.1, 0.9]}}}
    card = new_card(
        folder, name="vigitri-t9", version=3, thresholds=(0.31, 0.42), photo_sizes_px=(320, 512),
        metrics=metrics, start_from="start.pt", recipe="models/recipes/first.toml",
        data=["photographs: an author, CC BY 4.0"],
    )  # fmt: skip
    write_card(folder, card)
    read = find_model(f"{folder}/").card
    assert read == card
    assert read.name == "vigitri-t9"
    assert [known.threshold for known in read.classes] == [0.31, 0.42]
    assert read.input.photo_sizes_px == (320, 512)
    assert read.metrics == metrics
    assert sorted(path.name for path in folder.iterdir()) == ["card.toml", "model.onnx"]


def test_the_deployed_card_comes_through_reading_and_writing_without_a_loss(tmp_path: Path) -> None:
    deployed = CATALOGUE / DEPLOYED_MODEL / "card.toml"
    path = write_card(tmp_path, read_card(deployed))
    assert tomllib.loads(path.read_text()) == tomllib.loads(deployed.read_text())
    assert path.read_text() == deployed.read_text()


def test_a_card_with_a_verifier_comes_through_writing_and_reading(folder: Path) -> None:
    write_card(folder, new_card(folder, name="t", thresholds=(0.3, 0.4)))
    card = read_card(add_verifier(folder) / "card.toml")
    assert card.verifier == verifier_card()
    write_card(folder, card)
    assert find_model(f"{folder}/").card == card


def test_a_card_that_the_runtime_could_not_read_is_not_written(folder: Path) -> None:
    card = new_card(folder, name="t", thresholds=(0.3, 0.4))
    path = write_card(folder, card)
    before = path.read_text()
    with pytest.raises(ValidationError):
        write_card(folder, evaluated(card, (0.3, 1.4), {}))
    assert path.read_text() == before


def test_a_derived_model_keeps_what_its_parent_learned_from(folder: Path, tmp_path: Path) -> None:
    card = new_card(
        folder, name="old", version=2, thresholds=(0.3, 0.4), start_from="a.pt", recipe="b.toml",
        data=["one", "two"], architecture="yolo26n", reach="all of it", metrics={"how": "well"},
    )  # fmt: skip
    curve = ScoreCurve(slope=1, offset=0)
    classes = [known.model_copy(update={"calibration": curve}) for known in card.classes]
    write_card(folder, card.model_copy(update={"classes": tuple(classes)}))
    parent = find_model(f"{folder}/")
    made = tmp_path / "made"
    shutil.copytree(folder, made)
    (made / "model.onnx").write_bytes(b"other weights")
    new = derived(made, parent, "new", ["two", "three"], precision="8 bits")
    assert (new.name, new.version, new.input) == ("new", 2, card.input)
    assert new.training.data == ["one", "two", "three"]
    assert new.training.architecture == "yolo26n"
    assert new.files["model.onnx"] == hashlib.sha256(b"other weights").hexdigest()
    facts = {"parent": f"old {parent.sha256}", "precision": "8 bits"}
    assert new.training.model_extra == facts
    # They belong to the parent's weights: measured again, or left out.
    assert new.metrics == {}
    assert all(known.calibration is None for known in new.classes)
