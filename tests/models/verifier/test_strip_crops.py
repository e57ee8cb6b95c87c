"""Crops of strips painted by the tests: black belt, white hazards, brown waste."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.verifier.material import Material
from models.verifier.recipe import VerifierRecipe
from models.verifier.strip_crops import (
    FOLDER,
    CropStrip,
    mine_strips,
    object_crops,
    proposed_crops,
    strips_of,
    write_strip_bank,
)
from models.workshop import WorkshopError
from tests.models.data.test_belt_strips import _object, write_bundle


@pytest.fixture
def strip(tmp_path: Path) -> CropStrip:
    write_bundle(
        tmp_path / FOLDER / "a",
        _object(1, "battery", 100, 80, kind="aa_cell"),
        _object(2, "gas_canister", 250, 200, kind="gas_bottle"),
        _object(3, None, 400, 100, kind="milk_jug"),
        _object(4, "battery", 500, 250, kind="aa_cell", pixels_seen=300),  # nearly hidden
    )
    return CropStrip(tmp_path / FOLDER / "a", "train")


def _proposals(folder: Path, *rows: list[float]) -> Path:
    path = folder / "mined_strips.json"
    path.write_text(json.dumps({"a": rows}))
    return path


def test_every_visible_object_has_its_crops_never_enlarged(strip: CropStrip) -> None:
    crops = list(object_crops(np.random.default_rng(1), strip, 2, 1.6))
    assert [crop.name for crop in crops] == ["aa_cell"] * 2 + ["gas_bottle"] * 2 + ["milk_jug"] * 2
    assert max(crop.px for crop in crops) == 50
    assert crops[0].pixels[80, 80].tolist() == [255, 255, 255]
    assert crops[0].pixels[2, 2].tolist() == [0, 0, 0]


def test_a_proposal_is_a_hazard_or_harmless_and_a_part_of_a_hazard_is_neither(
    strip: CropStrip, tmp_path: Path
) -> None:
    mined = _proposals(
        tmp_path,
        [476, 66, 526, 94, 0.9],  # the cell, a little off
        [488, 70, 500, 90, 0.5],  # a part of it
        [176, 86, 224, 114, 0.4],  # the jug
        [20, 20, 60, 50, 0.3],  # bare belt
    )
    crops = list(proposed_crops(np.random.default_rng(1), strip, mined, 1.6))
    assert sorted((crop.name, round(crop.score, 1)) for crop in crops) == [
        ("aa_cell", 0.9), ("belt", 0.3), ("milk_jug", 0.4),
    ]  # fmt: skip


def test_a_strip_without_proposals_has_no_such_crops(strip: CropStrip, tmp_path: Path) -> None:
    mined = _proposals(tmp_path)
    assert not list(proposed_crops(np.random.default_rng(1), strip, mined, 1.6))


def test_mining_keeps_what_an_interrupted_run_has_found(strip: CropStrip, tmp_path: Path) -> None:
    mined = _proposals(tmp_path, [1, 2, 30, 40, 0.5])
    before = mined.read_text()

    class NotAsked:
        """An engine that must not run."""

        def detect(self, *_: object) -> None:
            raise AssertionError("the strip is known")

    mine_strips(NotAsked(), [strip], 0.03, mined)  # type: ignore[arg-type]
    assert mined.read_text() == before


def test_of_six_strips_one_is_held_out_and_one_is_for_tuning(tmp_path: Path) -> None:
    for name in "abcdef":
        write_bundle(tmp_path / FOLDER / name, _object(1, "battery", 100, 80))
    assert [strip.side for strip in strips_of(tmp_path)] == ["held", "tuning"] + ["train"] * 4
    assert not strips_of(None)


def test_objects_of_a_strip_are_laid_on_its_side_alone(
    strip: CropStrip,
    tmp_path: Path,
    verifier_data: Path,
    recipe: VerifierRecipe,
    material: Material,
) -> None:
    write_strip_bank(tmp_path, [CropStrip(strip.path, "tuning")])
    known = {thing.path for thing in material.things}
    found = Material(verifier_data, recipe, material.kinds, tmp_path).things
    laid = [thing for thing in found if thing.path not in known]
    assert {(thing.name, thing.side, thing.source) for thing in laid} == {
        ("aa_cell", "tuning", "traced"),
        ("gas_bottle", "tuning", "traced"),
        ("milk_jug", "tuning", "traced"),
    }


def test_a_broken_strip_is_a_one_line_error(strip: CropStrip) -> None:
    (strip.path / "picture.png").unlink()
    with pytest.raises(WorkshopError, match=r"picture\.png"):
        strip.layers()
