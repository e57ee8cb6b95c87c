from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from detector.adaptation.head_deployment import deploy_head
from detector.commands import doctor
from detector.vision.catalogue import find_model
from detector.vision.signature import SIGNATURE
from detector.vision.verifier import load_head
from tests.commands.conftest import Vigitri
from tests.small_line import write_profile
from tests.verifiers import add_verifier


@pytest.fixture
def plant(model: Path, clip: Path, tmp_path: Path, vigitri: Vigitri) -> Path:
    """The profile of a line that demands a signature, its key and its signed model beside it."""
    code, out, err = vigitri("model", "signing-key", "plant", "--folder", tmp_path)
    assert (code, len(out), err) == (0, 2, [])
    mine = shutil.copytree(model, tmp_path / "mine")
    code, out, err = vigitri("model", "sign", mine, "--key", tmp_path / "plant.signing.pem")
    assert (code, err) == (0, [])
    assert out[0] == f"{mine}/{SIGNATURE}: white-and-red version 1 is signed, with its files"
    profile = write_profile(tmp_path / "line.toml", clip, mine)
    text = profile.read_text(encoding="utf-8")
    demand = '[model]\nsigned_by = "plant.signing.pub.pem"\n'
    profile.write_text(text.replace("[model]\n", demand), encoding="utf-8")
    return tmp_path


def change(card: Path) -> None:
    card.write_text(card.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def test_a_line_accepts_the_signed_model_and_refuses_a_changed_one_and_another(
    plant: Path, vigitri: Vigitri, model: Path, clip: Path
) -> None:
    replay = ("replay", clip, "--line", plant / "line.toml")
    code, out, err = vigitri(*replay)
    assert (code, err) == (0, [])
    assert out[-1].endswith("raised: 1 battery, 1 gas")
    code, out, err = vigitri(*replay, "--model", model)  # valid, but not signed
    assert (code, out, len(err)) == (2, [], 1)
    assert f"{model}: has no signature" in err[0]
    change(plant / "mine" / "card.toml")
    code, out, err = vigitri(*replay)
    assert (code, out, len(err)) == (2, [], 1)
    assert "the card was changed, or another key signed it" in err[0]


def test_run_and_doctor_refuse_a_changed_model(
    plant: Path, vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "model_folders", list)
    change(plant / "mine" / "card.toml")
    code, out, err = vigitri("run", plant / "line.toml", "--until-end")
    assert (code, out) == (2, [])
    assert "the card was changed, or another key signed it" in err[-1]
    code, out, _ = vigitri("doctor", "--line", plant / "line.toml", "--json")
    failed = [line for line in map(json.loads, out) if line["ok"] is False]
    assert code == 1
    assert "the card was changed" in failed[0]["result"]


def test_check_asks_for_a_signature_where_a_key_is_given(plant: Path, vigitri: Vigitri) -> None:
    check = ("model", "check", plant / "mine")
    code, _, err = vigitri(*check, "--signed-by", plant / "plant.signing.pub.pem")
    assert (code, err) == (0, [])
    vigitri("model", "signing-key", "other", "--folder", plant)
    code, out, err = vigitri(*check, "--signed-by", plant / "other.signing.pub.pem")
    assert (code, out, len(err)) == (2, [], 1)
    assert "its signature was not made with" in err[0]


def test_a_model_whose_files_do_not_match_its_card_is_not_signed(
    plant: Path, vigitri: Vigitri
) -> None:
    (plant / "mine" / SIGNATURE).unlink()
    (plant / "mine" / "model.onnx").write_bytes(b"weights")
    key = ("--key", plant / "plant.signing.pem")
    code, out, err = vigitri("model", "sign", plant / "mine", *key)
    assert (code, out) == (2, [])
    assert "its sha256 is" in err[0]
    assert not (plant / "mine" / SIGNATURE).exists()


def test_after_a_change_of_the_head_a_line_says_that_the_signature_no_longer_holds(
    plant: Path, vigitri: Vigitri
) -> None:
    mine = add_verifier(plant / "mine")
    model = find_model(f"{mine}/")
    assert model.card.verifier is not None
    deploy_head(model, load_head(mine / model.card.verifier.head), "for a test")
    code, _, err = vigitri("model", "adapt", "--undo", "--model", mine)
    assert code == 0
    assert any("its signature no longer holds" in line for line in err)
