from pathlib import Path

import pytest

from models.data.held_out import held_out
from models.verifier.recipe import read_verifier_recipe
from models.workshop import WorkshopError

RECIPE = Path(__file__).parents[3] / "models/verifier/recipe.toml"


def test_the_recipe_tunes_on_nothing_that_is_held_out() -> None:
    recipe, listed = read_verifier_recipe(RECIPE), held_out()
    assert not set(recipe.tuning_sources) & (listed.photographed | listed.shops)
    assert not set(recipe.tuning_places) & listed.places


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.read_text().replace("peak_lr", "peek_lr"))
    with pytest.raises(WorkshopError, match=r"peak_lr: Field required|peek_lr: Extra"):
        read_verifier_recipe(path)


def test_a_missing_recipe_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="cannot be read"):
        read_verifier_recipe(tmp_path / "none.toml")
