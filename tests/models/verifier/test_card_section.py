import hashlib
import tomllib
from pathlib import Path

import pytest
import tomlkit

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.verifier_card import Fusion
from models.verifier.card_section import write_section
from models.verifier.export import FEATURES, HEAD
from models.verifier.kinds import read_kinds
from models.verifier.recipe import read_verifier_recipe
from models.workshop import WorkshopError

MODELS = Path(__file__).parents[3] / "models"
KINDS = read_kinds()
RECIPE = read_verifier_recipe(MODELS / "verifier/recipe.toml")
FUSIONS = (
    Fusion(verifier=1.1, detector=0.4, offset=-0.5, threshold=0.6),
    Fusion(verifier=0.9, detector=0.0, offset=0.25),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    card = tomllib.loads((MODELS / DEPLOYED_MODEL / "card.toml").read_text())
    del card["verifier"], card["metrics"]["verifier"]  # a detector's card
    for known in card["classes"]:
        known.pop("proposal_threshold", None)
    card["operating"] = {"summary": "chosen on whole tracks"}
    (tmp_path / "card.toml").write_text(tomlkit.dumps(card))
    for name in ("model.onnx", FEATURES, HEAD):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def _written(folder: Path, threshold: float = 0.05) -> dict[str, object]:
    made = {"passes": 40000, "crops": {"gas": [0.9, 0.8, 0.95]}}
    proposals = {"gas": threshold, "battery": 0.07}
    path = write_section(folder, RECIPE, KINDS, FUSIONS, proposal_threshold=proposals, made=made)
    return tomllib.loads(path.read_text())


def test_the_card_gets_the_verifier_with_its_kinds_in_the_head_s_order(folder: Path) -> None:
    card = _written(folder)
    verifier = card["verifier"]
    assert [kind["name"] for kind in verifier["kinds"]] == list(KINDS.names)
    assert [kind["hazard"] for kind in verifier["kinds"]] == list(KINDS.hazards)
    assert verifier["context"] == RECIPE.context
    assert verifier["fusion"]["gas"] == {
        "verifier": 1.1, "detector": 0.4, "offset": -0.5, "threshold": 0.6,
    }  # fmt: skip
    assert [each["proposal_threshold"] for each in card["classes"]] == [0.05, 0.07]
    digest = hashlib.sha256(FEATURES.encode()).hexdigest()
    assert card["files"][FEATURES] == digest


def test_what_the_card_said_before_stays(folder: Path) -> None:
    before = tomllib.loads((folder / "card.toml").read_text())
    card = _written(folder)
    for key in ("name", "input", "training", "operating"):
        assert card[key] == before[key]
    assert card["metrics"].pop("verifier") == {"passes": 40000, "crops": {"gas": [0.9, 0.8, 0.95]}}
    assert card["metrics"] == before["metrics"]


def test_a_proposal_threshold_that_was_chosen_for_the_detector_stays(folder: Path) -> None:
    _written(folder, 0.08)
    card = _written(folder, 0.05)
    assert [each["proposal_threshold"] for each in card["classes"]] == [0.08, 0.07]


def test_writing_again_replaces_the_older_section(folder: Path) -> None:
    _written(folder)
    card = _written(folder)
    assert len(card["verifier"]["kinds"]) == len(KINDS.names)
    text = (folder / "card.toml").read_text()
    assert text.count("[verifier]") == text.count("[metrics.verifier]") == 1


def test_a_folder_without_a_card_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"card\.toml: missing"):
        _written(tmp_path)
