import json
import shutil
from pathlib import Path

import pytest

from models.packed import training
from models.packed.archive import LISTING, write_archive
from models.packed.training import PackedRun, train_packed
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError

MODELS = Path(__file__).parents[3] / "models"
RECIPES = {
    "recipe": MODELS / "recipes/eighth.toml",
    "verifier_recipe": MODELS / "verifier/recipe.toml",
}


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "quiet_tools", lambda: None)
    monkeypatch.setattr(training, "accelerator", lambda: "cpu")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mined.json").write_text("{}")
    write_archive(tmp_path / "folder", tmp_path / "a.pack")
    return tmp_path / "a.pack"


def test_a_recipe_that_needs_whole_strips_is_refused(pack: Path, tmp_path: Path) -> None:
    strips = RECIPES | {"recipe": MODELS / "recipes/sixth.toml"}
    with pytest.raises(WorkshopError, match="cuts images from whole strips, of which a pack has"):
        train_packed(pack, tmp_path / "out", **strips)
    assert not (tmp_path / "out").exists()


def test_a_run_goes_on_with_its_own_recipes_only(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, steps = tmp_path / "out", []
    monkeypatch.setattr(training, "_proposer", lambda *_: steps.append("proposer"))
    monkeypatch.setattr(training, "_verifier", lambda *_: steps.append("verifier"))
    monkeypatch.setattr(training, "_joined", lambda *_: out / "model")
    for minutes in (None, 10):  # another limit is no other recipe
        assert train_packed(pack, out, minutes=minutes, **RECIPES) == out / "model"
    assert steps == ["proposer", "verifier"] * 2
    with pytest.raises(WorkshopError, match="begun with another verifier's recipe and smoke; name"):
        train_packed(pack, out, smoke=True, **RECIPES)


def test_a_model_that_is_complete_is_kept(tmp_path: Path, recipe: VerifierRecipe) -> None:
    (tmp_path / "model").mkdir()
    run = PackedRun(tmp_path, RECIPES["recipe"], recipe, None, smoke=True)
    assert training._joined(run, tmp_path, tmp_path) == tmp_path / "model"


def test_crops_are_made_while_an_accelerator_trains(
    verifier_data: Path,
    renders: Path,
    recipe: VerifierRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "accelerator", lambda: "cuda")
    unpacked = tmp_path / "unpacked"
    shutil.copytree(verifier_data, unpacked / "data")
    shutil.copytree(renders, unpacked / "renders")
    rows = [[10, 10, 60, 50, 0.4, 1]]
    (unpacked / "mined.json").write_text(json.dumps({"belt/place_0.jpg": rows}))
    (unpacked / LISTING).touch()
    run = PackedRun(tmp_path, RECIPES["recipe"], recipe, None, smoke=False)
    with training._crops_meanwhile(run):
        pass
    assert {path.name for path in run.crops.glob("*.npz")} == {
        "laid.npz", "computed.npz", "labelled.npz", "mined.npz"
    }  # fmt: skip
