from pathlib import Path

import pytest

from models.training.recipe import read_recipe
from models.workshop import WorkshopError

FIRST = Path(__file__).parents[3] / "models" / "recipes" / "first.toml"


def test_the_recipes_of_the_repository_are_valid() -> None:
    for path in FIRST.parent.glob("*.toml"):
        assert read_recipe(path).stages


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("seed = 1", "seed = -1", "seed = -1: "),
        ("image_px = 416", "image_px = 400", "image_px = 400: .*multiple of 32"),
        (
            "mosaic = 0.3",
            "mozaic = 0.3",
            r"stages\.0\.mozaic = 0\.3: no such key; did you mean mosaic\?",
        ),
        ("scenes = 3000", "scnes = 3000", r"stages\.0\.data\.scnes = 3000: .*mean scenes\?"),
        ("seed = 1", "colour = 1", r"colour = 1: no such key; known here: name, version, "),
        ("seed = 1", "", "seed: missing"),
        ("held_back = 0.08", "held_back = 8", "held_back = 8: "),
        ("batch = 16", "batch = ", "not TOML"),
    ],
)
def test_a_wrong_recipe_is_a_one_line_error_with_its_key(
    tmp_path: Path, good: str, bad: str, expected: str
) -> None:
    text = FIRST.read_text()
    assert good in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(WorkshopError, match=rf"wrong\.toml: {expected}") as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_a_time_limit_is_shared_by_the_stages_and_never_above_a_stage_s_own() -> None:
    recipe = read_recipe(FIRST.with_name("sixth.toml"))
    limited = recipe.within(10)
    assert sum(stage.minutes or 0 for stage in limited.stages) == pytest.approx(10)
    shorter = recipe.stages[0].model_copy(update={"minutes": 0.1})
    own = recipe.model_copy(update={"stages": (shorter, *recipe.stages[1:])})
    assert own.within(10).stages[0].minutes == 0.1


def test_a_smoke_run_has_all_stages_but_few_images() -> None:
    recipe = read_recipe(FIRST)
    small = recipe.shrunk()
    assert [stage.name for stage in small.stages] == [stage.name for stage in recipe.stages]
    assert all(stage.epochs == 1 and stage.data.scenes < 10 for stage in small.stages)
