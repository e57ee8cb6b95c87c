import json
from pathlib import Path

import numpy as np
import pytest

from models.verifier.crops import build, labelled
from models.verifier.kinds import Kinds
from models.verifier.material import Material
from models.verifier.pack import Pack
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError


def _mined(folder: Path) -> Path:
    path = folder / "mined.json"
    rows = [[10, 10, 60, 50, 0.4, 1], [20, 20, 24, 24, 0.9, 1], [5, 5, 90, 90, 0.01, 0]]
    path.write_text(json.dumps({"belt/place_0.jpg": rows, "belt/place_2.jpg": rows[:1]}))
    return path


def test_packs_hold_all_sides_and_a_finished_one_is_kept(
    material: Material, recipe: VerifierRecipe, kinds: Kinds, tmp_path: Path
) -> None:
    paths = build(material, recipe, kinds, _mined(tmp_path), tmp_path / "packs")
    assert [path.stem for path in paths] == ["laid", "computed", "labelled", "mined"]
    packs = [Pack(path) for path in paths]
    assert {"train", "held"} <= set(packs[0].sides.tolist())
    assert set(packs[3].sides.tolist()) == {"train", "held"}
    assert packs[3].scores.tolist() == [np.float32(0.4), np.float32(0.4)]
    before = [path.stat().st_mtime_ns for path in paths]
    build(material, recipe, kinds, tmp_path / "mined.json", tmp_path / "packs")
    assert [path.stat().st_mtime_ns for path in paths] == before


@pytest.mark.parametrize(
    ("mined", "reason"),
    [
        ('{"belt/place_0.jpg": [[10, 10', "can't be read as mined boxes"),
        ("[]", "can't be read as mined boxes"),
        (
            '{"belt/place_0.jpg": [[900, 10, 960, 50, 0.4, 1]]}',
            r"place_0\.jpg: a mined box has no area in it, .*delete mined\.json",
        ),
    ],
)
def test_mined_boxes_that_cannot_be_used_are_a_one_line_error(
    material: Material,
    recipe: VerifierRecipe,
    kinds: Kinds,
    tmp_path: Path,
    *,
    mined: str,
    reason: str,
) -> None:
    path = tmp_path / "mined.json"
    path.write_text(mined)
    with pytest.raises(WorkshopError, match=reason):
        build(material, recipe, kinds, path, tmp_path / "packs")
    assert not (tmp_path / "packs/mined.npz").exists()


def test_a_labelled_box_gives_crops_at_several_sizes_never_enlarged(material: Material) -> None:
    picture = next(each for each in material.labelled if each.name == "vape")
    crops = list(labelled(np.random.default_rng(2), picture, 3, 1.6))
    assert [crop.name for crop in crops] == ["vape"] * 3
    assert crops[0].px == max(crop.px for crop in crops)
    assert len({round(crop.px, 3) for crop in crops}) > 1


def test_a_picture_without_boxes_is_shown_whole(material: Material) -> None:
    picture = next(each for each in material.labelled if not len(each.boxes))
    (crop,) = labelled(np.random.default_rng(2), picture, 1, 1.6)
    assert crop.name == "none"
