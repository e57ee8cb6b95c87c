import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.held_out import split_by_source
from models.data.sources import IGNORE, read_image, read_labels
from models.data.wide_sources import digest, read_wide
from models.evaluation import evaluate
from models.packed import packing
from models.packed.archive import unpack
from models.packed.reduced_copy import LONGEST_CUTOUT_PX, OBJECT_PX, reduced_copy
from models.verifier.drawn_bank import write_drawn_bank
from models.verifier.kinds import Kinds
from models.verifier.material import Material
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError
from tests.fakes import FakeEngine, bright_objects

RECIPE = Path(__file__).parents[3] / "models/verifier/recipe.toml"


def _nothing(*_: object) -> None:
    pass


def _copy(data: Path, out: Path, *renders: Path) -> Path:
    reduced_copy(data, renders, out, _nothing)
    return out / "data"


def test_the_same_sources_and_places_are_held_out(wide_data: Path, tmp_path: Path) -> None:
    packed = _copy(wide_data, tmp_path)
    for part in ("hazards", "cutouts2", "cutouts3", "harmless"):
        assert split_by_source(packed, part) == split_by_source(wide_data, part)
    for held in (False, True):
        before, after = (read_wide(each, 0.3, held=held) for each in (wide_data, packed))
        assert digest(after) == digest(before)
        assert {place: len(belts) for place, belts in after.belts.items()} == {
            place: len(belts) for place, belts in before.belts.items()
        }


def test_the_verifier_s_material_is_the_same(
    verifier_data: Path, renders: Path, recipe: VerifierRecipe, kinds: Kinds, tmp_path: Path
) -> None:
    packed = _copy(verifier_data, tmp_path, renders)
    before = Material(verifier_data, recipe, kinds, renders)
    after = Material(packed, recipe, kinds, tmp_path / "renders")
    for part in ("things", "labelled", "harmless"):
        mine = [
            (each.path.name, each.name, each.side, each.source) for each in getattr(after, part)
        ]
        theirs = [
            (each.path.name, each.name, each.side, each.source) for each in getattr(before, part)
        ]
        assert mine == theirs
        assert all(each.path.is_file() for each in getattr(after, part))


def test_images_are_reduced_to_what_a_training_shows(data: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    (large / "photos/images").mkdir(parents=True)
    (large / "photos/labels").mkdir()
    (large / "belt").mkdir()
    (large / "cutouts/gas").mkdir(parents=True)
    (large / "MANIFEST.csv").write_bytes((data / "MANIFEST.csv").read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (720, 960, 4), np.uint8)
    for name in ("photos/images/train_a.jpg", "belt/belt_000.jpg"):
        cv2.imwrite(str(large / name), noise[..., :3])
    (large / "photos/labels/train_a.txt").write_text("1 0.5 0.5 0.8 0.1\n9 0.1 0.1 0.1 0.1\n")
    cv2.imwrite(str(large / "cutouts/gas/a.webp"), noise)
    packed = _copy(large, tmp_path / "out")
    photograph = read_image(packed / "photos/images/train_a.jpg")
    boxes = read_labels(packed / "photos/labels/train_a.txt")
    (box,) = boxes[boxes[:, 0] != IGNORE, 1:]
    assert (box[2] - box[0]) * photograph.shape[1] == pytest.approx(OBJECT_PX, abs=2)
    cutout = read_image(packed / "cutouts/gas/a.webp", cv2.IMREAD_UNCHANGED)
    assert (max(cutout.shape[:2]), cutout.shape[2]) == (LONGEST_CUTOUT_PX, 4)
    assert read_image(packed / "belt/belt_000.jpg").shape == (720, 960, 3)


def test_a_reduced_render_keeps_its_scale(data: Path, tmp_path: Path) -> None:
    bank = tmp_path / "renders/bank"
    bank.mkdir(parents=True)
    cv2.imwrite(str(bank / "a.webp"), np.full((100, 2 * LONGEST_CUTOUT_PX, 4), 200, np.uint8))
    entry = {"file": "a.webp", "kind": "tin", "number": 0, "length_mm": 320, "px_per_mm": 2.0}
    gone = {**entry, "file": "gone.webp"}
    (bank / "index.jsonl").write_text(f"{json.dumps(entry)}\n{json.dumps(gone)}\n")
    reduced_copy(data, [tmp_path / "renders"], tmp_path / "out", _nothing)
    (line,) = (tmp_path / "out/renders/bank/index.jsonl").read_text().splitlines()
    assert json.loads(line) == {**entry, "px_per_mm": 1.0}


def test_a_pack_holds_reduced_data_drawn_objects_and_mined_boxes(
    verifier_data: Path, renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "open_model", lambda *_: FakeEngine(bright_objects))
    monkeypatch.setattr(
        packing, "write_drawn_bank", lambda out, _, seed: write_drawn_bank(out, 1, seed)
    )
    path = packing.pack(
        verifier_data, tmp_path / "a.pack", recipe=RECIPE, model="a", renders=renders
    )
    unpack(path, tmp_path / "out", _nothing)
    names = {each.name for each in (tmp_path / "out/renders").iterdir()}
    assert names == {"bank", "bank_drawn"}
    mined = json.loads((tmp_path / "out/mined.json").read_text())
    assert "belt/place_0.jpg" in mined
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("a.pack")] == [
        "a.pack"
    ]


def test_a_missing_folder_is_a_one_line_error(data: Path, tmp_path: Path) -> None:
    none = tmp_path / "none"
    with pytest.raises(WorkshopError, match="no such data folder; give it with --data"):
        packing.pack(none, tmp_path / "a", recipe=RECIPE, model="a")
    with pytest.raises(WorkshopError, match="no such folder; give that of the renders"):
        packing.pack(data, tmp_path / "a", recipe=RECIPE, model="a", renders=none)
