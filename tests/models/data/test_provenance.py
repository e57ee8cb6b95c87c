import csv
import shutil
from pathlib import Path

import pytest

from models.data.provenance import learned_from
from models.training.recipe import DataRecipe, Recipe, StageRecipe

NONE = {
    f"{kind}_copies": 0 for kind in ("heap", "upright", "battery", "battery_scene", "negative")
} | {"scenes": 0, "as_is": 0, "belt_frames": 0}


def _recipe(leave_out: tuple[str, ...] = (), **data: float) -> Recipe:
    stage = StageRecipe(
        name="one", epochs=1, lr=1e-3, lr_end=1e-4, data=DataRecipe.model_validate(NONE | data)
    )
    return Recipe(
        name="a", version=1, start_from="a.pt", seed=1, held_back=0.3, leave_out=leave_out,
        stages=(stage,),
    )  # fmt: skip


@pytest.fixture
def named(data: Path, tmp_path: Path) -> Path:
    """The small data folder with sources and licences in its manifest."""
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    with (folder / "MANIFEST.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        gas = "gas" in row["file"]
        row |= {"repo": "some/gas" if gas else "a/rest", "licence": "CC BY 4.0" if gas else ""}
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_only_data_used_by_a_stage_is_listed_with_source_and_licence(named: Path) -> None:
    gas = "photographs of gas bottles: some/gas, CC BY 4.0"
    assert learned_from(_recipe(heap_copies=1), named) == (gas,)
    assert learned_from(_recipe(("train_gas_*",), heap_copies=1), named) == ()
    batteries = learned_from(_recipe(battery_copies=1), named)
    assert batteries == (
        "photographs of batteries: a/rest, no licence stated, learned from and not redistributed",
    )


def test_scenes_use_cut_outs_belts_and_the_twin_s_objects(named: Path) -> None:
    lines = learned_from(_recipe(scenes=1, drawn_share=0.5), named)
    assert "cut-outs of gas bottles: some/gas, CC BY 4.0" in lines
    assert any(line.startswith("frames of a belt: source not stated, ") for line in lines)
    assert (
        lines[-1] == "drawings of hazards, waste and look-alikes: made by this repository's twin/"
    )
    traced = learned_from(_recipe(scenes=1, drawn_share=0.5, rendered_share=1.0), named)
    assert traced[-1].startswith("path-traced hazards")
    assert learned_from(_recipe(hard_cuts=1), named)[-1].startswith("path-traced strips of belt")


def test_a_wide_recipe_lists_what_is_not_held_out(wide_data: Path) -> None:
    lines = learned_from(_recipe(wide_copies=1), wide_data)
    assert "photographs of hazards: a/maker@1, MIT" in lines
    assert "cut-outs of shops' pictures: a/maker@1, MIT" in lines
    assert "pictures without a hazard: a/home, MIT" in lines
    assert not [line for line in lines if "ohitz" in line or "BRANDEMMA" in line]
