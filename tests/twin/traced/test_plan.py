"""Plan files are loaded, or rejected with one line per error."""

from importlib import resources
from pathlib import Path

import pytest

from twin.traced.plan import PlanError, StripPlan, load_plan

PLANS = Path(str(resources.files("twin"))) / "traced" / "plans"
GOOD = "seed = 1\nlength_mm = 1000\n[[stretches]]\nfrom_mm = 0\nto_mm = 500\ncoverage = 0.3\n"


@pytest.mark.parametrize("path", sorted(PLANS.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_of_the_repository_is_valid(path: Path) -> None:
    assert load_plan(path).stretches


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("length_mm = 1000", "length_mm = -5", "length_mm: Input should be greater than 100"),
        ("seed = 1", "seeed = 1", "seeed: Extra inputs"),
        ("coverage = 0.3", "coverage = 3", "stretches.0.coverage"),
        ("to_mm = 500", "to_mm = -1", "must be above from_mm"),
        ("to_mm = 500", "to_mm = 5000", "beyond length_mm"),
        ("seed = 1", 'seed = 1\nbelt = "silk"', "belt"),
        ("seed = 1", "seed = 1\nhazards = {anvil = 1}", "'anvil' is unknown"),
        ("seed = 1", "seed = 1\nwaste = {anvil = 1}", "waste: 'anvil' is unknown"),
        ("seed = 1", "seed = 1\nlookalikes = 0.3\nwaste = {torch = 1}", "drop lookalikes"),
        ("seed = 1", "seed = ", "not a TOML file"),
    ],
)
def test_an_invalid_plan_is_rejected(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(PlanError, match=r"plan\.toml") as error:
        load_plan(path)
    assert reason in str(error.value)


def test_belt_and_seed_of_a_plan_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(GOOD)
    other = load_plan(path, belt="green", seed=7, lookalikes=None)
    assert (other.belt, other.seed, other.lookalikes) == ("green", 7, load_plan(path).lookalikes)
    with pytest.raises(PlanError, match="belt"):
        load_plan(path, belt="silk")


def test_a_missing_plan_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path / "none.toml")


def test_a_plan_without_stretches_is_an_empty_belt() -> None:
    assert StripPlan(length_mm=500).stretches == ()
