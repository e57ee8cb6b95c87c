from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from detector.commands import models
from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import ModelError, read_card, sha256, write_card
from detector.vision.engine import EngineError
from tests.commands.conftest import Vigitri
from tests.fakes import FakeEngine
from tests.verifiers import add_verifier, verifier_document


@pytest.fixture
def mine(model: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test may damage."""
    return shutil.copytree(model, tmp_path / "mine")


def edit_once(card: Path, old: str, new: str) -> None:
    text = card.read_text(encoding="utf-8")
    assert text.count(old) == 1
    card.write_text(text.replace(old, new), encoding="utf-8")


def test_the_catalogue_is_listed_for_people_and_for_programs(vigitri: Vigitri) -> None:
    code, out, err = vigitri("model", "list", "--json")
    assert (code, err) == (0, [])
    rows = {row["name"]: row for row in json.loads(out[0])}
    assert rows[DEPLOYED_MODEL]["state"] == "valid"
    assert set(rows[DEPLOYED_MODEL]["classes"]) == {"gas_canister", "battery"}
    code, out, _ = vigitri("model", "list")
    assert code == 0
    assert any(DEPLOYED_MODEL in line for line in out)


def test_the_deployed_model_is_valid(vigitri: Vigitri) -> None:
    code, out, err = vigitri("model", "check")
    assert (code, len(out), err) == (0, 2, [])
    assert ": valid. sha256 " in out[0]
    assert out[1].startswith("verifier: valid. ")


def test_a_changed_byte_is_detected(vigitri: Vigitri, mine: Path) -> None:
    data = (mine / "model.onnx").read_bytes()
    (mine / "model.onnx").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    code, out, err = vigitri("model", "check", mine)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"vigitri: {mine}/model.onnx: its sha256 is ")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('layout = "nhwc_bgr_u8"', 'layout = "nchw_rgb_f32"', "the card's layout is nchw_rgb_f32"),
        ("size = [0, 0]", "size = [64]", "input.size"),
        ('head = "end2end"', 'head = "raw"', "not a raw head of 2 classes"),
        ('name = "images"', 'name = "pixels"', "the card has ['pixels']"),
        ('hazard = "gas"', 'hazard = "fire"', "classes.0.hazard"),
        ("stride = 32", "stride = 32\nstrid = 1", "input.strid"),
        ("[training]", "[training", "can't be read"),
    ],
)
def test_a_card_that_does_not_match_its_model_is_refused_in_one_line(
    vigitri: Vigitri, mine: Path, old: str, new: str, reason: str
) -> None:
    edit_once(mine / "card.toml", old, new)
    code, out, err = vigitri("model", "check", mine)
    assert (code, out, len(err)) == (2, [], 1)
    assert str(mine) in err[0]
    assert reason in err[0]


def test_a_card_with_another_class_list_than_its_model_is_refused(
    vigitri: Vigitri, mine: Path
) -> None:
    import onnx

    model = onnx.load(mine / "model.onnx")
    onnx.helper.set_model_props(model, {"names": "{0: 'battery', 1: 'gas_canister'}"})
    data = model.SerializeToString()
    old = hashlib.sha256((mine / "model.onnx").read_bytes()).hexdigest()
    (mine / "model.onnx").write_bytes(data)
    edit_once(mine / "card.toml", old, hashlib.sha256(data).hexdigest())
    code, _, err = vigitri("model", "check", mine)
    assert (code, len(err)) == (2, 1)
    assert "was trained for ['battery', 'gas_canister']" in err[0]
    assert "Fix the card" in err[0]


def test_a_file_that_is_not_a_model_is_refused(vigitri: Vigitri, mine: Path) -> None:
    old = hashlib.sha256((mine / "model.onnx").read_bytes()).hexdigest()
    (mine / "model.onnx").write_bytes(b"nothing")
    edit_once(mine / "card.toml", old, hashlib.sha256(b"nothing").hexdigest())
    code, _, err = vigitri("model", "check", mine)
    assert (code, len(err)) == (2, 1)
    assert "onnxruntime can't load it" in err[0]


def test_a_folder_without_a_model_is_refused(vigitri: Vigitri, tmp_path: Path) -> None:
    code, _, err = vigitri("model", "check", tmp_path)
    assert (code, len(err)) == (2, 1)
    assert "has no card.toml" in err[0]


def test_a_model_in_the_current_folder_is_given_as_a_path(
    vigitri: Vigitri, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.parent)
    code, _, err = vigitri("model", "check", "mine")
    assert (code, len(err)) == (2, 1)
    assert err[0].endswith(", or ./mine")
    assert vigitri("model", "check", "./mine").code == 0


def test_a_model_that_fails_its_first_inference_pass_is_refused(
    vigitri: Vigitri, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(_: Any) -> Any:
        raise EngineError("white-and-red: inference failed: out of memory")

    monkeypatch.setattr(models, "open_engine", lambda *_: FakeEngine(out_of_memory))
    code, out, err = vigitri("model", "check", model)
    assert (code, out) == (2, [])
    assert err == ["vigitri: white-and-red: inference failed: out of memory"]


def test_the_reason_for_a_refused_model_is_listed_whole(
    vigitri: Vigitri, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "model_folders", lambda: [mine])
    monkeypatch.setattr(models, "find_model", _refused)
    _, out, _ = vigitri("model", "list")
    assert "[input]" in "".join(out)


def _refused(_: str) -> Any:
    raise ModelError("takes [input]")


# --- verifier --------------------------------------------------------------------------------


def test_a_models_verifier_is_checked_too_and_its_kinds_are_listed(
    vigitri: Vigitri, mine: Path
) -> None:
    add_verifier(mine)
    code, out, err = vigitri("model", "check", mine)
    assert (code, err) == (0, [])
    assert out[1] == (
        "verifier: valid. Crops of 32 px in batches of 2, 4, 4 a pass at most; 4 kinds. "
        "gas: gas_bottle, aerosol. battery: cell. none: tin"
    )


@pytest.mark.parametrize("file", ["verifier.onnx", "verifier_head.npz"])
def test_a_changed_byte_in_the_verifier_is_detected(
    vigitri: Vigitri, mine: Path, file: str
) -> None:
    add_verifier(mine)
    data = (mine / file).read_bytes()
    (mine / file).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    code, out, err = vigitri("model", "check", mine)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"vigitri: {mine}/{file}: its sha256 is ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"input_px": 64}, r"takes crops of \[32, 32, 3\], the card has verifier.input_px = 64"),
        (
            {"kinds": [*verifier_document()["kinds"], {"name": "can", "hazard": "none"}]},
            "verifier_head.npz has 4 kinds, the card has 5",
        ),
        ({"features": "other.onnx"}, "files must give the sha256 of other.onnx"),
        ({"batches": [4, 2]}, "verifier: batches must rise"),
        ({"context": 9.0}, "verifier.context: "),
    ],
)
def test_a_verifier_that_does_not_fit_its_card_is_refused_in_one_line(
    vigitri: Vigitri, mine: Path, changes: dict[str, Any], reason: str
) -> None:
    add_verifier(mine, **changes)
    code, out, err = vigitri("model", "check", mine)
    assert (code, out, len(err)) == (2, [], 1)
    assert re.search(reason, err[0])


def test_a_feature_bank_that_is_cut_off_is_refused_in_one_line(
    vigitri: Vigitri, mine: Path
) -> None:
    add_verifier(mine)
    bank = mine / "verifier_bank.npz"
    bank.write_bytes(b"PK")
    card = read_card(mine / "card.toml")
    write_card(mine, card.model_copy(update={"files": {**card.files, bank.name: sha256(bank)}}))
    code, out, err = vigitri("model", "check", mine)
    assert (code, out, len(err)) == (2, [], 1)
    assert "verifier_bank.npz: can't be read as a feature bank" in err[0]
